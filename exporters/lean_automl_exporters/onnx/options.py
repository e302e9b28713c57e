"""What a caller may choose about an ONNX file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class TreeEncoding(StrEnum):
    """How trees are written."""

    AUTO = "auto"  # tensor for oblivious trees, tree_ensemble for ragged ones
    TENSOR = "tensor"  # oblivious trees only
    TREE_ENSEMBLE = "tree_ensemble"  # ai.onnx.ml 5: onnxruntime 1.21 and later
    TREE_ENSEMBLE_V3 = "tree_ensemble_v3"  # ai.onnx.ml 3: older and minimal runtimes


@dataclass(frozen=True, slots=True)
class OnnxOptions:
    """Choices of an export.

    Attributes:
        encoding: How trees are written.
    """

    encoding: TreeEncoding = TreeEncoding.AUTO


DEFAULT_OPTIONS: Final = OnnxOptions()
