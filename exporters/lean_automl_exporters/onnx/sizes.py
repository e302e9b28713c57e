"""Which encodings of trees can express a Program, and how many bytes each needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lean_automl_runtime.ir import ops as o

from lean_automl_exporters.onnx.export import export_onnx
from lean_automl_exporters.onnx.lower import needed_ops
from lean_automl_exporters.onnx.options import OnnxOptions, TreeEncoding
from lean_automl_exporters.onnx.walks import can_walk

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program


def usable_encodings(program: Program) -> tuple[TreeEncoding, ...]:
    """The encodings that can express the Program and write different files; `auto` alone where it has no trees."""
    kinds = {type(op) for op in needed_ops(program)}
    if o.RaggedTrees in kinds:
        # These write a mixture where there are oblivious trees too.
        mixed = (TreeEncoding.AUTO, TreeEncoding.COMPACT) if o.ObliviousTrees in kinds else ()
        ragged = [op for op in needed_ops(program) if isinstance(op, o.RaggedTrees)]
        tensor = (TreeEncoding.TENSOR,) if all(map(can_walk, ragged)) else ()
        return (*mixed, *tensor, TreeEncoding.TREE_ENSEMBLE, TreeEncoding.TREE_ENSEMBLE_V3)
    if o.ObliviousTrees in kinds:
        return (TreeEncoding.TENSOR, TreeEncoding.TREE_ENSEMBLE, TreeEncoding.TREE_ENSEMBLE_V3)
    return (TreeEncoding.AUTO,)


def encoding_sizes(program: Program, metadata: Mapping[str, Any] | None = None) -> dict[TreeEncoding, int]:
    """Bytes of the file in each encoding that can express the Program; `auto` alone where it has no trees."""
    encodings = dict.fromkeys((TreeEncoding.AUTO, *usable_encodings(program)))
    return {encoding: len(export_onnx(program, OnnxOptions(encoding), metadata)) for encoding in encodings}
