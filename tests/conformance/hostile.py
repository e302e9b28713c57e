"""Rows that find mistakes: on every edge and one step beside it, missing, infinite, unseen, odd text, odd times."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import numpy as np
from lean_automl_runtime.ir import MISSING_TIME, ColumnKind, Program
from lean_automl_runtime.ir import ops as o

Array = np.ndarray[Any, np.dtype[Any]]

# What categories are made of: order and length vary, some differ only by case, space or normalisation.
CATEGORIES: Final = (
    "a",
    "b",
    "A",
    " a",
    "a ",
    "Private",
    "Self-emp-not-inc",
    "1",
    "1.0",
    "True",
    "nan",
    "null",
    "é",
    "e\u0301",
    "日本語",
    "\U0001f600",
    "\u00df",
    "ss",
    "\u0130",
    "\\n",
    "a\nb",
    'quote " and , comma',
    "<&>",
    "*/",
    "x" * 300,
)
LONG_TEXT: Final = (
    "x" * 64 + " " + "x" * 65 + " a B" + "," * 70,
    "X" * 31 + "-" + "y" * 32 + "\t" + "y" * 33 + "\n" + "Y" * 32,
    "Never seen, never SEEN: é e\u0301 \u2028 A\u0130b \u00c9\u00e9 1.0 " * 5,
)
# Words of those texts and of the ones below, pairs of them, and what is just not a word there.
TOKENS: Final = (
    *("a", "b", "private", "self", "emp", "self emp", "emp not", "not inc", "1", "1 0", "true", "nan", "a b", "quote"),
    *(
        "quote and",
        "comma",
        "é",
        "e\u0301",
        "日本語",
        "\U0001f600",
        "\u00df",
        "ss",
        "\u0130",
        "n",
        "never seen",
        "seen",
    ),
    *("x" * 64, "x" * 31 + " " + "y" * 32, "y" * 32, "\ufeffa", "seen never", "é e\u0301"),
)
UNSEEN_TEXT: Final = ("", "", "never seen", "aa", "PRIVATE", "\u65e5", "\u2028", "\ufeffa", "x" * 299, *LONG_TEXT)
RUNTIME_ONLY_TEXT: Final = ("a\0", "\0", "\0a", "\ud800", "a\udfff")

FLOATS: Final = (
    *(np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, 3.0),
    *(1e-45, -1e-45, 1e-40, 1.17549435e-38, 3.4028235e38, -3.4028235e38, 16777216.0, 16777217.0),
)
DOUBLES: Final = (*FLOATS, 5e-324, 1e300, -1e300, 1.7e9, 1.7000000001e9, 2.0**53 + 1, 0.1)

YEAR_1: Final = -62_135_596_800
YEAR_9999_END: Final = 253_402_300_799
TIMES: Final = (
    *(MISSING_TIME, 0, -1, 1, 86_399, 86_400, -86_400, -86_401),
    *(YEAR_1, YEAR_1 + 1, YEAR_9999_END),
    *(951_782_400, 951_868_799, 951_868_800),  # 2000-02-29, its last second, 2000-03-01
    *(-2_203_977_600, -2_203_891_200),  # 1900-02-28 and 1900-03-01, no leap day between
    *(1_709_164_800, 1_735_603_200, 1_735_689_599),  # 2024-02-29, 2024-12-31, its last second
    *(-11_670_998_401, 4_107_542_400),  # end of February 1600, 2100-03-01
)
RUNTIME_ONLY_TIMES: Final = (-(2**63) + 1, 2**63 - 1, -(10**15), 10**15)


def hostile_inputs(program: Program, rng: np.random.Generator, rows: int | None = None) -> list[Array]:
    """One typed array for each column (`ir.columns`).

    Args:
        program: Whose edges and categories to aim at.
        rng: Decides how special values meet in a row.
        rows: Their number; as many as the longest list of special values (at most 400) if None.
    """
    pools = [_pool(program, number, rng) for number in range(len(program.columns))]
    if rows is None:
        rows = min(400, max(pool.size for pool in pools))
    return [_spread(pool, rows, rng) for pool in pools]


def label_is_defined(program: Program, probabilities: Array, tolerance: float) -> Array:
    """Rows whose label does not change when each probability moves by `tolerance`."""
    label = program.ops[program.outputs["label"] - len(program.columns)]
    assert isinstance(label, o.Label)
    if label.threshold is not None:
        return np.abs(probabilities[:, 1] - np.float32(label.threshold)) > tolerance
    ordered = np.sort(probabilities, axis=1)
    return (ordered[:, -1] - ordered[:, -2] if ordered.shape[1] > 1 else ordered[:, 0]) > 2 * tolerance


def _spread(pool: Array, rows: int, rng: np.random.Generator) -> Array:
    """Every value of the pool as often as any other, in random order."""
    repeats = -(-rows // pool.size)
    order = np.concatenate([rng.permutation(pool.size) for _ in range(repeats)] or [[]]).astype(np.intp)
    return pool[order[:rows]]


def _pool(program: Program, number: int, rng: np.random.Generator) -> Array:
    column = program.columns[number]
    if column.dtype == "string":
        known = [text for op in program.ops if isinstance(op, o.Encode) for text in op.categories]
        return np.array([*known, *known, *UNSEEN_TEXT, *CATEGORIES], dtype=object)
    if column.kind is ColumnKind.BOOLEAN:
        return np.array([0.0, 1.0, np.nan], dtype=np.float32)
    if column.dtype == "int64":
        anywhere = rng.integers(YEAR_1, YEAR_9999_END, 20)
        return np.concatenate([TIMES, anywhere, rng.integers(0, 2_000_000_000, 20)]).astype(np.int64)
    edges = _edges_read_from(program, number)
    if column.dtype == "float64":
        aimed = np.concatenate([_before(op, edges) for op in program.ops if _rescales(op, number)] or [[]])
        ordinary = np.concatenate([rng.normal(0, 5, 20), rng.uniform(1.6e9, 1.8e9, 20)])
        return np.concatenate([DOUBLES, ordinary, _beside(aimed)])
    ordinary = rng.normal(0, 4, 20).astype(np.float32)
    return np.concatenate([np.array(FLOATS, dtype=np.float32), ordinary, _beside(edges)])


def _beside(values: Array) -> Array:
    """Each value, the one below and the one above."""
    down, up = values.dtype.type(-np.inf), values.dtype.type(np.inf)
    with np.errstate(all="ignore"):
        return np.concatenate([values, np.nextafter(values, down), np.nextafter(values, up)])


def _rescales(op: o.Op, number: int) -> bool:
    return isinstance(op, o.Rescale) and op.inputs == (number,)


def _before(op: o.Op, edges: Array) -> Array:
    """About where `Rescale` yields each edge."""
    assert isinstance(op, o.Rescale)
    with np.errstate(all="ignore"):
        return edges.astype(np.float64) / op.scale + op.shift


def _edges_read_from(program: Program, number: int) -> Array:
    """Edges and thresholds that are compared with a column, as far as it reaches them unchanged."""
    found: list[Array] = [np.empty(0, dtype=np.float32)]
    for op in program.ops:
        if isinstance(op, o.Bin):
            origins = _origins(program, op.inputs[0])
            spans = list(pairwise(op.offsets.tolist()))
            found += [op.edges[a:b] for origin, (a, b) in zip(origins, spans, strict=True) if origin == number]
        elif isinstance(op, o.RaggedTrees):
            origin = np.array(_origins(program, op.inputs[0]), dtype=np.int64)
            found.append(op.threshold[origin[op.feature] == number])
        elif isinstance(op, o.Clip) and number in _origins(program, op.inputs[0]):
            found += [op.low, op.high]
    return np.unique(np.concatenate(found))


def _origins(program: Program, value: int) -> list[int]:
    """For each column of a value, the raw column that it is (a copy of), or -1."""
    if value < len(program.columns):
        return [value]
    op = program.ops[value - len(program.columns)]
    if isinstance(op, o.Concat):
        return [origin for number in op.inputs for origin in _origins(program, number)]
    if isinstance(op, o.Impute | o.Clip | o.Rescale):
        return _origins(program, op.inputs[0])
    return [-1] * program.types[value].width
