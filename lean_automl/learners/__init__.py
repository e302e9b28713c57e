"""Adapters of the learning libraries."""

from typing import Final

TORCH: Final = "torch"  # of networks; takes seconds to import
