"""A plan in the fewest bytes of code and tables, which takes more time: for machines and limits where bytes are scarce.

Of a column's bins, oblivious trees ask but whether they are above 0, above 1, and so on. If each such step has its
answer computed first, a split is the number of its step, one byte, where it was a column and a bin. Counts of edges
take a byte, where offsets took four. Loops go over one tree at a time, without vectors (`LA_SMALL` in the kernel).
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, Final

from lean_automl_runtime.native.block import Table
from lean_automl_runtime.native.plan import Line
from lean_automl_runtime.native.values import BYTES

from lean_automl_exporters.c.binned import without_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.native.plan import Plan

MOST_STEPS: Final = 256  # a split is a byte
MOST_OF_A_COLUMN: Final = 255  # so is their count
TREES: Final = "TREES_B"


def in_few_bytes(plan: Plan) -> Plan:
    """The plan with lines that take the fewest bytes; those that know no shorter form stay as they are."""
    made = without_lines(plan)
    steps: dict[Any, _Steps | None] = {}
    for line in plan.lines:
        if line.op == "BIN_B":
            made.add("FEW_BINS", *_counted(line))
        elif line.op == TREES:
            place = line.args[:2]
            if place not in steps:
                steps[place] = _steps(made, [own for own in plan.lines if own.op == TREES and own.args[:2] == place])
            found = steps[place]
            made.lines.append(line if found is None else found.trees(line))
        else:
            made.lines.append(line)
    return made


def _counted(line: Line) -> tuple[int | Table, ...]:
    """Arguments of a line of bins that counts the edges of each column; no bins of missing numbers if all are 0."""
    x, n, edges, offsets, nans, out = line.args
    assert isinstance(offsets, Table)
    assert isinstance(nans, Table)
    own = nans.numbers().tolist()
    counts = [b - a for a, b in pairwise(offsets.numbers().tolist())]
    return x, n, edges, Table.of("B", counts), Table.of("B", own if any(own) else []), out


class _Steps:
    """The steps of the columns that some lines of trees read.

    Attributes:
        first: First byte slot of their answers.
        starts: Number of the first step of each column.
    """

    def __init__(self, first: int, starts: Sequence[int]) -> None:
        self.first, self.starts = first, starts

    def trees(self, line: Line) -> Line:
        """A line of trees over them."""
        _, _, sums, trees, depth, form, k, first, features, bins, leaves, _, targets = line.args
        numbers = [self.starts[feature] + bin_ for feature, bin_ in _splits(features, bins)]
        ordered = [numbers[level * trees + t] for t in range(trees) for level in reversed(range(depth))]  # type: ignore[operator,arg-type]
        splits = Table.of("B", ordered)
        return Line("FEW_TREES", (self.first, sums, trees, depth, form, k, first, splits, leaves, targets))


def _steps(plan: Plan, lines: Sequence[Line]) -> _Steps | None:
    """A line that takes the steps that some lines of trees ask for; None if there are too many."""
    x, width = lines[0].args[:2]
    assert isinstance(width, int)
    counts = [0] * width
    for line in lines:
        for feature, bin_ in _splits(*line.args[8:10]):
            counts[feature] = max(counts[feature], bin_ + 1)
    asked = sum(counts)
    if asked > MOST_STEPS or max(counts) > MOST_OF_A_COLUMN or not asked:
        return None
    first = plan.take(BYTES, asked)
    plan.add("STEPS", x, width, Table.of("B", counts), first)
    return _Steps(first, [0, *accumulate(counts)])


def _splits(features: int | Table, bins: int | Table) -> list[tuple[int, int]]:
    assert isinstance(features, Table)
    assert isinstance(bins, Table)
    return list(zip(features.numbers().tolist(), bins.numbers().tolist(), strict=True))
