"""What a caller may choose about an ONNX file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class TreeEncoding(StrEnum):
    """How trees are written."""

    AUTO = "auto"  # tensor for oblivious trees, tree_ensemble for ragged ones
    COMPACT = "compact"  # the smaller of tensor and tree_ensemble for each op
    TENSOR = "tensor"  # plain nodes; of ragged trees, those with one number a leaf
    TREE_ENSEMBLE = "tree_ensemble"  # ai.onnx.ml 5: onnxruntime 1.21 and later
    TREE_ENSEMBLE_V3 = "tree_ensemble_v3"  # ai.onnx.ml 3: older and minimal runtimes


class Inputs(StrEnum):
    """What the graph takes."""

    RAW = "raw"  # each raw column as an input (n, 1)
    FEATURES = "features"  # one float32 matrix (n, k), which the runtime makes of raw columns


@dataclass(frozen=True, slots=True)
class OnnxOptions:
    """Choices of an export.

    Attributes:
        encoding: How trees are written.
        inputs: What the graph takes.
    """

    encoding: TreeEncoding = TreeEncoding.AUTO
    inputs: Inputs = Inputs.RAW


DEFAULT_OPTIONS: Final = OnnxOptions()
