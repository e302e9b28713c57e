"""Free text: counts of characters and words, and weights of tokens.

ONNX itself cannot cut a text into words, so one node here is of onnxruntime's own domain: `Tokenizer`, with a regular
expression. Words are made small in the locale "C", which changes ASCII alone. A pair of words is the number of its
first one times the number of words, plus that of its second one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl_exporters.onnx.graph import ML_DOMAIN, RUNTIME_DOMAIN, Numbers
from lean_automl_exporters.onnx.storage import stored

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lean_automl_exporters.onnx.graph import Graph

WORD: Final = r"[0-9A-Za-z\x{80}-\x{10FFFF}]+"
PATTERNS: Final = {
    o.TextField.LENGTH: r"[\x{0}-\x{10FFFF}]",
    o.TextField.WORDS: WORD,
    o.TextField.DIGITS: "[0-9]",
    o.TextField.CAPITALS: "[A-Z]",
}
MOST_WORDS: Final = 2**31 - 1  # an end that no text reaches
PRESENT: Final = Numbers(np.zeros(1, dtype=np.int64))


def count(graph: Graph, op: o.TextCount, column: str) -> str:
    """Name of the count, float32 (n, 1)."""
    parts = _parts(graph, column, PATTERNS[op.field])
    present = graph.node(
        "LabelEncoder",
        _flat(graph, parts),
        domain=ML_DOMAIN,
        keys_strings=("",),
        values_int64s=PRESENT,
        default_int64=1,
    )
    return graph.cast(_sum(graph, _in_rows(graph, present, column, parts), 1), "float32")


def token_score(graph: Graph, op: o.TokenScore, column: str) -> str:
    """Name of the scores, float32 (n, width)."""
    words = list(dict.fromkeys(word for token in op.tokens for word in token.split(" ")))
    number = {word: position for position, word in enumerate(words, start=1)}
    parts = _parts(graph, column, WORD)
    ids = _ids(graph, words, column, parts, op.limit)
    single = np.zeros((len(words) + 1, op.scale.size), dtype=np.int32)
    paired = [np.zeros((1, op.scale.size), dtype=np.int32)]
    keys = []
    for token, weights in zip(op.tokens, op.weights, strict=True):
        own = [number[word] for word in token.split(" ")]
        if len(own) == 1:
            single[own[0]] = weights
        else:
            keys.append(own[0] * (len(words) + 1) + own[1])
            paired.append(weights[None].astype(np.int32))
    total = _weighed(graph, single, ids)
    if keys:
        total = graph.node("Add", total, _weighed(graph, np.concatenate(paired), _pairs(graph, ids, keys, len(words))))
    scaled = graph.node("Mul", graph.cast(total, "float32"), graph.constant(op.scale))
    return graph.node("Add", scaled, graph.constant(op.bias))


def _parts(graph: Graph, column: str, pattern: str) -> str:
    """What the pattern matches in each text, (n, 1, most), the rest of a row empty."""
    return graph.node("Tokenizer", column, domain=RUNTIME_DOMAIN, mark=0, mincharnum=1, pad_value="", tokenexp=pattern)


def _flat(graph: Graph, parts: str) -> str:
    return graph.node("Reshape", parts, graph.integers(-1))


def _in_rows(graph: Graph, flat: str, column: str, parts: str) -> str:
    """(n, most) again: of no rows, `Tokenizer` makes a matrix, so its last side alone is taken from it."""
    rows = graph.node("Slice", graph.node("Shape", column), graph.integers(0), graph.integers(1))
    most = graph.node("Slice", graph.node("Shape", parts), graph.integers(-1), graph.integers(2**31))
    return graph.node("Reshape", flat, graph.node("Concat", rows, most, axis=0), allowzero=1)


def _ids(graph: Graph, words: list[str], column: str, parts: str, limit: int) -> str:
    """Numbers of the first `limit` words of each text, int64 (n, most); 0 for any other."""
    # With one text more, since `StringNormalizer` makes a text of none.
    ended = graph.node("Concat", _flat(graph, parts), graph.constant(np.array([""], dtype=object)), axis=0)
    small = graph.node("StringNormalizer", ended, case_change_action="LOWER", locale="C")
    found = graph.node(
        "LabelEncoder",
        graph.node("Slice", small, graph.integers(0), graph.integers(-1)),
        domain=ML_DOMAIN,
        keys_strings=("", *words),
        values_int64s=Numbers(np.arange(len(words) + 1)),
        default_int64=0,
    )
    return _cut(graph, _in_rows(graph, found, column, parts), 0, limit)


def _pairs(graph: Graph, ids: str, keys: list[int], words: int) -> str:
    """Numbers of the pairs of neighbours; 0 for those that are no token."""
    first, second = _cut(graph, ids, 0, -1), _cut(graph, ids, 1, MOST_WORDS)
    whole = graph.node("Add", graph.node("Mul", first, graph.integers(words + 1)), second)
    return graph.node(
        "LabelEncoder",
        whole,
        domain=ML_DOMAIN,
        keys_int64s=Numbers(np.array(keys)),
        values_int64s=Numbers(np.arange(1, len(keys) + 1)),
        default_int64=0,
    )


def _cut(graph: Graph, matrix: str, start: int, stop: int) -> str:
    return graph.node("Slice", matrix, graph.integers(start), graph.integers(stop), graph.integers(1))


def _weighed(graph: Graph, weights: NDArray[np.int32], ids: str) -> str:
    """Sums of the rows of `weights` that the numbers name, int32 (n, width)."""
    rows = graph.node("Gather", stored(graph, weights), ids, axis=0)
    return graph.node("ReduceSum", rows, graph.integers(1), keepdims=0)


def _sum(graph: Graph, matrix: str, axis: int) -> str:
    return graph.node("ReduceSum", matrix, graph.integers(axis), keepdims=1)
