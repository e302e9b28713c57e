"""Runs passes: the exact ones to the end, and any list of them with figures of each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from lean_automl.compiler.passes.drop_columns import DropColumns
from lean_automl.compiler.passes.fold_bins import FoldBins
from lean_automl.compiler.passes.fold_fills import FoldFills
from lean_automl.compiler.passes.fold_tables import FoldTables
from lean_automl.compiler.passes.merge_duplicates import MergeDuplicates
from lean_automl.compiler.passes.merge_terms import MergeTerms
from lean_automl.compiler.passes.merge_trees import MergeTrees
from lean_automl.compiler.passes.narrow import Narrow
from lean_automl.compiler.passes.order_trees import OrderTrees
from lean_automl.compiler.passes.rank_thresholds import RankThresholds
from lean_automl.compiler.passes.report import Check, Meter, PassReport
from lean_automl.compiler.passes.share_levels import ShareLevels
from lean_automl.compiler.passes.simplify_oblivious import SimplifyOblivious
from lean_automl.compiler.passes.simplify_ragged import SimplifyRagged

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

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
    ShareLevels(),
    DropColumns(),
    OrderTrees(),
    Narrow(),
)
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
    return program


def run_passes(
    program: Program,
    passes: Sequence[Pass] = EXACT,
    check: Check | None = None,
    budget: float = RELATIVE_LOSS,
    meter: Meter | None = None,
) -> tuple[Program, list[PassReport]]:
    """The Program after some passes, and what each did. A lossy one that costs too much is undone.

    Args:
        program: Any Program.
        passes: In order.
        check: Judges Programs; without it no lossy pass is kept.
        budget: What all of them together may add to the loss, relative to it.
        meter: Takes figures; one with the same check if None.
    """
    meter = meter or Meter(check)
    figures = meter.figures(program)
    most = None if figures.loss is None else allowed(figures.loss, budget)
    reports = []
    for each in passes:
        begin = time.monotonic()
        changed = each.run(program)
        after = meter.figures(changed, figures.loss if each.exact else None)
        kept = each.exact or (most is not None and after.loss is not None and after.loss <= most)
        reports.append(PassReport(label(each), each.exact, kept, figures, after, time.monotonic() - begin))
        if kept:
            program, figures = changed, after
    return program, reports


def allowed(loss: float, budget: float) -> float:
    """The greatest loss that a budget allows."""
    return loss + budget * abs(loss)


def label(each: Pass) -> str:
    """Name of a pass with its setting, for reports."""
    settings = [f"{getattr(each, name):g}" for name in ("bits", "share") if hasattr(each, name)]
    return " ".join([each.name, *settings, *(["refit"] if getattr(each, "refit", False) else [])])
