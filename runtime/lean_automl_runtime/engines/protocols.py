"""What an engine is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


class Engine(Protocol):
    """Evaluates one Program."""

    @property
    def name(self) -> str:
        """As in the table of engines."""
        ...

    def run(self, inputs: Sequence[Array]) -> dict[str, Array]:
        """Named outputs for one typed array for each column (`ir.columns`), all of n rows."""
        ...


@runtime_checkable
class RowEngine(Protocol):
    """An engine with a shorter way for one row."""

    def run_one(self, values: Sequence[Any]) -> tuple[Any, tuple[float, ...]]:
        """Answer and probabilities (none for a regressor) for one parsed value of each column (`values`).

        The answer of several quantiles is a tuple of numbers.
        """
        ...
