"""A plan without floats, for cores that have none.

Float columns become keys: int32 of the same order, so that bins and ragged trees compare as before. Scores stay sums
of integers. The label of two classes is one comparison with the sum at which the Program's own arithmetic changes its
mind, found by bisection; that of more classes is the greatest of the sums in a common fixed point, which may differ
from the Program's where two scores are equal to 2^-30 of the largest scale.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_runtime.errors import UnsupportedOpError
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.native.block import Table
from lean_automl_runtime.native.plan import Line, Plan
from lean_automl_runtime.reference import prepare

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEY_NAN: Final = -(2**31)
HIGHEST: Final = 2**31 - 1
FRACTION_BITS: Final = 30
WINDOW: Final = 4096  # sums on each side of a threshold that are tried one by one
ENDS: Final = ("SCORE", "SIGMOID", "SOFTMAX", "LABEL", "ABOVE")
# Lines that only move, look up or add integers.
UNCHANGED: Final = frozenset(
    (
        "RECODE",
        "CROSS",
        "LOOKUP_B",
        "LOOKUP_I",
        "COPY",
        "ZERO",
        "TREES_B",
        "TREES_I",
        "RAGGED_B",
        "STEPS",
        "FEW_TREES",
        "TABLES_B",
        "TABLES_I",
    )
)
# Lines on floats that compare or move them, with the positions of their float tables.
KEYED: Final = {
    "DATE": (),
    "LOOKUP_F": (4,),
    "IMPUTE": (2,),
    "CLIP": (2, 3),
    "BIN_B": (2,),
    "BIN_I": (2,),
    "FEW_BINS": (2,),
    "RAGGED_H": (9,),
    "RAGGED_I": (9,),
}


@dataclass(frozen=True)
class IntegerPlan:
    """Lines without floats, and where the answer is.

    Attributes:
        lines: Steps; those on keys have names that begin with `KEY_`.
        sums: First int slot of the scores.
        scale: Score j is `sum j * scale[j] + bias[j]`.
        bias: See `scale`.
    """

    lines: tuple[Line, ...]
    sums: int
    scale: tuple[float, ...]
    bias: tuple[float, ...]


def without_floats(plan: Plan) -> IntegerPlan:
    """The plan of a core without floats.

    Raises:
        UnsupportedOpError: The Program computes with floats; names the op.
    """
    if any(column.steps for column in plan.columns):
        raise _unsupported("counts and weights of texts")
    lines, ends = [], []
    for line in plan.lines:
        if line.op in ENDS:
            ends.append(line)
        elif line.op in UNCHANGED:
            lines.append(line)
        elif line.op in KEYED:
            positions = KEYED[line.op]
            args = tuple(_keys(arg) if n in positions else arg for n, arg in enumerate(line.args))
            lines.append(Line(f"KEY_{line.op}", args))
        else:
            raise _unsupported(f"the op behind {line.op}")
    score, end = _tail(ends)
    sums, _, scale, bias, _ = score.args
    assert isinstance(sums, int)
    own = IntegerPlan((), sums, _floats(scale), _floats(bias))
    if end is not None:
        lines.append(_decision(own, [line.op for line in ends], end))
    return IntegerPlan(tuple(lines), sums, own.scale, own.bias)


def _tail(ends: list[Line]) -> tuple[Line, Line | None]:
    """The line of the scores, and that of the label."""
    names = [line.op for line in ends]
    if names == ["SCORE"]:
        return ends[0], None
    if names in (["SCORE", "SIGMOID", "LABEL"], ["SCORE", "SIGMOID", "ABOVE"], ["SCORE", "SOFTMAX", "LABEL"]):
        score, link, label = ends
        if link.args[0] == score.args[-1] and label.args[0] == link.args[-1]:
            return score, label
    raise _unsupported("an ensemble, or an end other than scores, link and label")


def _unsupported(what: str) -> UnsupportedOpError:
    return UnsupportedOpError(f"integer-only C cannot say {what}: export without integer_only, or take trees or tables")


def _floats(table: Any) -> tuple[float, ...]:
    return tuple(table.numbers().tolist())


def _keys(table: int | Table) -> Table:
    """A table of floats as keys: as `la_key`."""
    assert isinstance(table, Table)
    bits = np.frombuffer(table.data, np.uint32)
    size = (bits & 0x7FFFFFFF).astype(np.int64)
    keys = np.where(bits >> 31 == 1, -size, size)
    return Table("i", np.where(size > 0x7F800000, KEY_NAN, keys).astype("<i4").tobytes())


def _decision(plan: IntegerPlan, names: list[str], label: Line) -> Line:
    out = label.args[-1]
    if names[1] == "SOFTMAX":
        scale, bias = _fixed_point(plan)
        return Line("GREATEST", (plan.sums, len(plan.scale), scale, bias, out))
    threshold = struct.unpack("<f", label.args[1].data)[0] if isinstance(label.args[1], Table) else None
    turn, rising = _turning_point(_second_wins(plan, threshold))
    return Line("DECIDE", (plan.sums, turn, int(rising), out))


def _second_wins(plan: IntegerPlan, threshold: float | None) -> Callable[[NDArray[np.int64]], NDArray[np.bool_]]:
    """Whether a Program of two classes takes the second one, for sums; its own arithmetic."""
    scale, bias = np.float32(plan.scale[0]), np.float32(plan.bias[0])
    link = prepare(o.Link((0,), o.LinkKind.SIGMOID))
    label = prepare(o.Label((0,), (False, True), threshold))

    def second(sums: NDArray[np.int64]) -> NDArray[np.bool_]:
        with np.errstate(all="ignore"):
            scores = sums.astype(np.float32)[:, None] * scale + bias
            return label(link(scores)).astype(np.bool_)

    return second


def _turning_point(second: Callable[[NDArray[np.int64]], NDArray[np.bool_]]) -> tuple[int, bool]:
    """The lowest sum that decides as the highest one does, and whether that is for the second class."""
    low, high = -HIGHEST, HIGHEST
    at_low, at_high = second(np.array([low, high]))
    if at_low == at_high:
        return low, bool(at_low)
    while high - low > 1:
        middle = (low + high) // 2
        if second(np.array([middle]))[0] == at_high:
            high = middle
        else:
            low = middle
    near = np.arange(max(-HIGHEST, high - WINDOW), min(HIGHEST, high + WINDOW))
    if not (second(near) == ((near >= high) == at_high)).all():
        raise _unsupported("a label that changes more than once")
    return high, bool(at_high)


def _fixed_point(plan: IntegerPlan) -> tuple[Table, Table]:
    """Scales and biases of several scores as integers of one unit."""
    largest = max(abs(scale) for scale in plan.scale)
    unit = largest / 2**FRACTION_BITS
    if not 0 < unit < np.inf or not all(abs(bias) / unit < 2**61 for bias in plan.bias):
        raise _unsupported("scores whose scales and biases are too far apart")
    scale = Table.of("i", [round(scale / unit) for scale in plan.scale])
    return scale, Table("q", struct.pack(f"<{len(plan.bias)}q", *[round(bias / unit) for bias in plan.bias]))
