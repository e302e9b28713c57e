"""Rows that find mistakes of an exporter: on every edge and a step beside it, missing, infinite, unseen, odd."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import numpy as np
from lean_automl_runtime.ir import MISSING_TIME, ColumnKind, Program
from lean_automl_runtime.ir import ops as o

Array = np.ndarray[Any, np.dtype[Any]]

MOST_ROWS: Final = 2048
ORDINARY_VALUES: Final = 64

FLOATS: Final = (
    *(np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0),
    *(1e-45, -1e-45, 1.17549435e-38, 3.4028235e38, -3.4028235e38, 16777217.0),
)
TEXTS: Final = ("", "", "\u00e9", "e\u0301", "\u65e5\u672c\u8a9e", "\U0001f600", " ", "nan", "\\n", "a\nb", "x" * 300)
PROSE: Final = (
    *(
        "a b",
        "A, B.",
        "it's 12:30",
        "x" * 64 + " " + "y" * 65,
        "word " * 40,
        "\u00c9\u00e9 \u0130\u0131 \u00df 1\u00b2",
        "...",
        "a\u00a0b",
    ),
    *("(A)-[b]/C_d", "\u65e5\u672c \u8a9e", "\t9\t8", "aB" * 40),
)

YEAR_1: Final = -62_135_596_800
YEAR_9999_END: Final = 253_402_300_799
TIMES: Final = (
    *(MISSING_TIME, MISSING_TIME + 1, 2**63 - 1, -(10**15), 10**15),
    *(0, -1, 1, 86_399, 86_400, -86_400, -86_401, YEAR_1, YEAR_9999_END),
    *(951_782_400, 951_868_799, 951_868_800),  # 2000-02-29, its last second, 2000-03-01
    *(-2_203_977_600, -2_203_891_200),  # 1900-02-28 and 1900-03-01: no leap day between
    *(1_709_164_800, 1_735_603_200, 1_735_689_599),  # 2024-02-29, 2024-12-31, its last second
)


def hostile_rows(program: Program, rng: np.random.Generator) -> list[Array]:
    """One typed array for each column, in which each special value of each column occurs.

    Args:
        program: Whose edges, thresholds and categories to aim at.
        rng: Decides how special values meet in a row.
    """
    pools = [_pool(program, number, rng) for number in range(len(program.columns))]
    rows = min(MOST_ROWS, max((pool.size for pool in pools), default=0))
    return [_spread(pool, rows, rng) for pool in pools]


def _spread(pool: Array, rows: int, rng: np.random.Generator) -> Array:
    """Every value of the pool as often as any other, in random order."""
    order = np.concatenate([rng.permutation(pool.size) for _ in range(-(-rows // pool.size))])
    spread: Array = pool[order[:rows]]
    return spread


def _pool(program: Program, number: int, rng: np.random.Generator) -> Array:
    """Values of one column."""
    column = program.columns[number]
    if column.dtype == "string":
        return _texts(program, number)
    if column.kind is ColumnKind.BOOLEAN:
        return np.array([0.0, 1.0, np.nan], dtype=np.float32)
    edges = compared_with(program, number)
    if column.dtype == "int64":
        times = [rng.integers(YEAR_1, YEAR_9999_END, ORDINARY_VALUES), rng.integers(0, 2 * 10**9, ORDINARY_VALUES)]
        return np.concatenate([np.array(TIMES), *times]).astype(np.int64)
    # Enough ordinary values that not every row has a cell that is missing or infinite.
    finite = edges[np.isfinite(edges)].astype(np.float64)
    middle, spread = (float(np.median(finite)), float(np.ptp(finite))) if finite.size else (0.0, 1.0)
    ordinary = middle + (spread or 1.0) * rng.normal(0, 1, ORDINARY_VALUES)
    aimed = _beside(edges)
    if column.dtype == "float64":
        scales = [op for op in program.ops if isinstance(op, o.Rescale) and op.inputs == (number,)]
        aimed = np.concatenate([np.empty(0), *(_beside(before(op, aimed)) for op in scales)])
        ordinary = np.concatenate([ordinary, *(before(op, ordinary) for op in scales)])
    with np.errstate(over="ignore"):
        return np.concatenate([np.array(FLOATS), ordinary, aimed]).astype(column.dtype)


def _texts(program: Program, number: int) -> Array:
    known = [t for op in program.ops if isinstance(op, o.Encode) and op.inputs == (number,) for t in op.categories]
    foreign = [t for op in program.ops if isinstance(op, o.Encode) for t in op.categories[:20]]
    tokens = [t for op in program.ops if isinstance(op, o.TokenScore) and op.inputs == (number,) for t in op.tokens]
    near = [t + " " for t in known[:20]] + [t.swapcase() for t in known[:20]]
    # Known ones twice, so that most rows have one.
    read = any(isinstance(op, o.TokenScore | o.TextCount) and op.inputs == (number,) for op in program.ops)
    written = [*_sentences(tokens), *PROSE] if read else []
    return np.array([*known, *known, *near, *foreign, *TEXTS, *written, "never seen"], dtype=object)


def _sentences(tokens: list[str]) -> list[str]:
    """Texts of some tokens each, apart by what is no word, in capitals now and then; each token by itself as well."""
    gaps = (" ", ", ", " - ", "\n", ".")
    joined = [gaps[n % len(gaps)].join(tokens[n : n + 2 + n % 7]) for n in range(0, len(tokens), 3)]
    return [*tokens[:400], *joined[:400], *(text.upper() for text in joined[:100])]


def _beside(values: Array) -> Array:
    """Each value, the one below and the one above."""
    lowest, highest = values.dtype.type(-np.inf), values.dtype.type(np.inf)
    with np.errstate(all="ignore"):
        return np.concatenate([values, np.nextafter(values, lowest), np.nextafter(values, highest)])


def before(op: o.Rescale, edges: Array) -> Array:
    """About where `Rescale` yields each edge."""
    with np.errstate(all="ignore"):
        before: Array = edges.astype(np.float64) / op.scale + op.shift
    return before


def compared_with(program: Program, number: int) -> Array:
    """Edges and thresholds that a column is compared with, as far as it reaches them unchanged."""
    found: list[Array] = [np.empty(0, dtype=np.float32)]
    for op in program.ops:
        if isinstance(op, o.Bin):
            spans = pairwise(op.offsets.tolist())
            origins = origins_of(program, op.inputs[0])
            found += [op.edges[a:b] for origin, (a, b) in zip(origins, spans, strict=True) if origin == number]
        elif isinstance(op, o.RaggedTrees):
            origin = np.array(origins_of(program, op.inputs[0]), dtype=np.int64)
            found.append(op.threshold[origin[op.feature] == number])
        elif isinstance(op, o.Clip) and number in origins_of(program, op.inputs[0]):
            found += [op.low, op.high]
    return np.unique(np.concatenate(found))


def origins_of(program: Program, value: int) -> list[int]:
    """For each column of a value, the raw column whose numbers it holds, or -1."""
    if value < len(program.columns):
        return [value]
    op = program.ops[value - len(program.columns)]
    if isinstance(op, o.Concat):
        return [origin for number in op.inputs for origin in origins_of(program, number)]
    if isinstance(op, o.Impute | o.Clip | o.Rescale):
        return origins_of(program, op.inputs[0])
    return [-1] * program.types[value].width
