"""Looks categories up: all string columns at once where that pays.

Columns that share one table of texts cost one Concat and one LabelEncoder instead of a node each, and texts that occur
in several columns are stored once; but each raw level is then a text of any column, so that whatever reads the level
has an entry for texts that its column does not know. Only small tables are shared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl_exporters.onnx.graph import ML_DOMAIN, Graph, Numbers
from lean_automl_exporters.onnx.values import Index, Source, renumbered, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

SHARED_LEVELS: Final = 4096  # columns x texts of a shared table


def sharing(ops: Sequence[o.Encode]) -> list[list[o.Encode]]:
    """Groups of encodings that share a table: the smallest ones, as many as stay within the limit."""
    shared: list[o.Encode] = []
    texts: set[str] = set()
    alone = []
    for op in sorted(ops, key=lambda op: len(op.categories)):
        union = texts.union(op.categories)
        if len(union) * (len(shared) + 1) <= SHARED_LEVELS:
            shared.append(op)
            texts = union
        else:
            alone.append([op])
    shared.sort(key=list(ops).index)
    return [*([shared] if shared else []), *alone]


def encode(graph: Graph, ops: Sequence[o.Encode], columns: Sequence[str], own: bool) -> dict[o.Encode, Index]:
    """The codes of a group of encodings.

    Args:
        graph: Takes the nodes.
        ops: The group.
        columns: The string tensors that they read.
        own: Renumber each column's levels to its own codes.
    """
    texts = list(dict.fromkeys(text for op in ops for text in op.categories))
    levels = graph.node(
        "LabelEncoder",
        graph.concat(tuple(columns)),
        domain=ML_DOMAIN,
        keys_strings=("", *texts),
        values_int64s=Numbers(np.array([o.CODE_MISSING, *range(o.CODE_FIRST, o.CODE_FIRST + len(texts))])),
        default_int64=o.CODE_UNSEEN,
    )
    maps = []
    for op in ops:
        code = {text: number for number, text in enumerate(op.categories, start=o.CODE_FIRST)}
        maps.append(np.array([o.CODE_MISSING, o.CODE_UNSEEN, *(code.get(text, o.CODE_UNSEEN) for text in texts)]))
    index = whole(Source(levels, "int64", len(ops)), maps)
    if own and len(ops) > 1:
        index = renumbered(graph, index)
    return {op: (level,) for op, level in zip(ops, index, strict=True)}
