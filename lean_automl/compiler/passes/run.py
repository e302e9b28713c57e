"""Runs passes: the exact ones to the end, and any list of them with figures of each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from lean_automl.compiler.passes.drop_columns import DropColumns
from lean_automl.compiler.passes.fold_bins import FoldBins
from lean_automl.compiler.passes.fold_fills import FoldFills
from lean_automl.compiler.passes.fold_tables import FoldTables
from lean_automl.compiler.passes.judge import Check, judged
from lean_automl.compiler.passes.merge_codes import MergeCodes
from lean_automl.compiler.passes.merge_duplicates import MergeDuplicates
from lean_automl.compiler.passes.merge_terms import MergeTerms
from lean_automl.compiler.passes.merge_trees import MergeTrees
from lean_automl.compiler.passes.narrow import Narrow
from lean_automl.compiler.passes.order_trees import OrderTrees
from lean_automl.compiler.passes.pad_trees import PadTrees
from lean_automl.compiler.passes.rank_thresholds import RankThresholds
from lean_automl.compiler.passes.report import PassReport, figures_of
from lean_automl.compiler.passes.share_levels import ShareLevels
from lean_automl.compiler.passes.simplify_oblivious import SimplifyOblivious
from lean_automl.compiler.passes.simplify_ragged import SimplifyRagged

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program
    from lean_automl_runtime.measure import CostModel

    from lean_automl.compiler.passes.base import Pass

# Each of these may give the ones before it more to do, so they are repeated until nothing changes.
EXACT: Final[tuple[Pass, ...]] = (
    MergeDuplicates(),
    FoldTables(),
    FoldFills(),
    FoldBins(),
    RankThresholds(),
    SimplifyOblivious(),
    SimplifyRagged(),
    MergeTrees(),
    MergeTerms(),
    MergeCodes(),
    ShareLevels(),
    DropColumns(),
    OrderTrees(),
    Narrow(),
)
LAST: Final[tuple[Pass, ...]] = (PadTrees(),)  # what those before would undo
MOST_ROUNDS: Final = 3
RELATIVE_LOSS: Final = 0.001


def optimise(program: Program) -> Program:
    """The Program after all exact passes: the same outputs bit for bit, for every input."""
    for _ in range(MOST_ROUNDS):
        before = program
        for each in EXACT:
            program = each.run(program)
        if program is before:
            break
    for each in LAST:
        program = each.run(program)
    return program


def run_passes(
    program: Program,
    passes: Sequence[Pass] = (*EXACT, *LAST),
    check: Check | None = None,
    budget: float = RELATIVE_LOSS,
    cost: CostModel | None = None,
) -> tuple[Program, list[PassReport]]:
    """The Program after some passes, and what each did. A lossy one that costs too much is undone.

    Args:
        program: Any Program.
        passes: In order.
        check: Judges Programs; without it no lossy pass is kept.
        budget: What all of them together may add to the loss, relative to it.
        cost: Predicts times for the reports.
    """
    first = verdict = None if check is None else judged(check, program)
    figures = figures_of(program, None if first is None else first.loss, cost)
    reports = []
    for each in passes:
        begin = time.monotonic()
        changed = each.run(program)
        found = verdict if each.exact or check is None else judged(check, changed)
        kept = each.exact or (found is not None and first is not None and found.within(budget, first))
        after = figures_of(changed, None if found is None else found.loss, cost)
        reports.append(PassReport(label(each), each.exact, kept, figures, after, time.monotonic() - begin))
        if kept:
            program, figures, verdict = changed, after, found
    return program, reports


def label(each: Pass) -> str:
    """Name of a pass with its setting, for reports."""
    settings = [f"{getattr(each, name):g}" for name in ("bits", "share") if hasattr(each, name)]
    return " ".join([each.name, *settings, *(["refit"] if getattr(each, "refit", False) else [])])
