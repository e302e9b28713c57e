"""How many bytes each encoding of trees needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lean_automl_runtime.ir import ops as o

from lean_automl_exporters.onnx.export import export_onnx
from lean_automl_exporters.onnx.lower import needed_ops
from lean_automl_exporters.onnx.options import OnnxOptions, TreeEncoding

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program


def encoding_sizes(program: Program, metadata: Mapping[str, Any] | None = None) -> dict[TreeEncoding, int]:
    """Bytes of the file in each encoding that can express the Program; `auto` alone where it has no trees."""
    kinds = {type(op) for op in needed_ops(program)}
    encodings = [TreeEncoding.AUTO]
    if o.RaggedTrees in kinds:
        encodings += [TreeEncoding.TREE_ENSEMBLE, TreeEncoding.TREE_ENSEMBLE_V3]
    elif o.ObliviousTrees in kinds:
        encodings += [TreeEncoding.TENSOR, TreeEncoding.TREE_ENSEMBLE, TreeEncoding.TREE_ENSEMBLE_V3]
    return {encoding: len(export_onnx(program, OnnxOptions(encoding), metadata)) for encoding in encodings}
