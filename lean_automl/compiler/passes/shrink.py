"""Spends a small part of the loss on a smaller Program: lossy passes, each judged, within a time limit.

Judge on rows that the Program was not fitted on: taking out what it learned by heart costs nothing there, but looks
dear on rows that it knows. A Program that was fitted on all rows has no such rows; so choose with a Program of one fold
(`choose`) and repeat the chosen passes on the other one (`repeat`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lean_automl.compiler.passes.evidence import thinned
from lean_automl.compiler.passes.judge import Check, judged
from lean_automl.compiler.passes.prune_splits import PruneSplits
from lean_automl.compiler.passes.quantise_leaves import QuantiseLeaves
from lean_automl.compiler.passes.report import PassReport, figures_of
from lean_automl.compiler.passes.round_tables import RoundTables
from lean_automl.compiler.passes.run import label, optimise
from lean_automl.compiler.passes.shorten_thresholds import ShortenThresholds

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program
    from lean_automl_runtime.measure import CostModel

    from lean_automl.compiler.passes.base import Array, Pass

PRUNING_ROWS: Final = 4_000
BITS: Final = (8, 10, 12)
FEWER_BITS: Final = (6, 7)
ERRORS: Final = 2.0  # standard errors that pruning must stay below its bound
ERRORS_OVER_LIMIT: Final = 1.0
REFIT_TIMES: Final = 6  # what refitting takes, beside other passes
SHARES: Final = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)


@dataclass(frozen=True)
class Budget:
    """What shrinking may spend.

    Attributes:
        loss: Most that all passes together may add to the loss, relative to it.
        loss_over_limit: The same while a file is over its size limit: the caller would have to cut trees off instead.
        seconds: No candidate is begun that would probably end later.
    """

    loss: float = 0.001
    loss_over_limit: float = 0.005
    seconds: float = 5.0


@dataclass(frozen=True)
class _Limits:
    budget: Budget
    size: float | None
    cost: CostModel | None


@dataclass(frozen=True, eq=False)
class Shrunk:
    """A smaller Program.

    Attributes:
        program: It.
        passes: What made it, apart from the exact passes: for `repeat`.
        reports: Of every candidate, in order.
    """

    program: Program
    passes: tuple[Pass, ...]
    reports: list[PassReport]


def shrink(
    program: Program,
    check: Check,
    budget: Budget | None = None,
    size_limit: float | None = None,
    rows: Mapping[str, Array] | None = None,
) -> tuple[Program, list[PassReport]]:
    """A Program that is smaller and, judged by `check`, nearly as good; and what each pass did. See `choose`."""
    found = choose(program, check, budget, size_limit, rows)
    return found.program, found.reports


def choose(
    program: Program,
    check: Check,
    budget: Budget | None = None,
    size_limit: float | None = None,
    rows: Mapping[str, Array] | None = None,
    cost: CostModel | None = None,
) -> Shrunk:
    """Tries lossy passes and keeps those that the budget allows.

    Args:
        program: Any Program.
        check: Loss on rows that the Program was not fitted on; better a `Judge`, which knows what luck can do.
        budget: What may be spent.
        size_limit: Bytes that the larger file should not exceed.
        rows: A typed array for each column, by its name, without labels, for the passes that must know what rows look
            like; better not the rows of `check`. Without them only rounding is tried. Another fit may read other
            columns, so for `repeat` there should be all of them.
        cost: Predicts times for the reports.
    """
    state = _State(program, check, _Limits(budget or Budget(), size_limit, cost))
    state.first([QuantiseLeaves(bits) for bits in BITS], 0.5)
    state.first([RoundTables()], 0.6)
    if rows is not None:
        state.first([ShortenThresholds(rows)], 0.7)
        few = thinned(rows, PRUNING_ROWS)
        state.further([(PruneSplits(share, few), PruneSplits(share, few, refit=True)) for share in SHARES])
    if state.over_limit:
        state.first([QuantiseLeaves(bits) for bits in FEWER_BITS], 1.0)
    return Shrunk(state.program, tuple(state.passes), state.reports)


def repeat(program: Program, passes: Iterable[Pass], cost: CostModel | None = None) -> tuple[Program, list[PassReport]]:
    """Another fit of the same student after the exact passes and those that were chosen for the first fit.

    Args:
        program: The other fit.
        passes: Of a `Shrunk`.
        cost: Predicts times for the reports.
    """
    before, reports = figures_of(program, cost=cost), []
    for each in (None, *passes):
        begin = time.monotonic()
        program = optimise(program if each is None else each.run(program))
        after = figures_of(program, cost=cost)
        reports.append(PassReport(_name(each), each is None, True, before, after, time.monotonic() - begin))
        before = after
    return program, reports


def _name(each: Pass | None) -> str:
    return "exact passes" if each is None else label(each)


class _State:
    """The best Program so far, and what is left to spend."""

    def __init__(self, program: Program, check: Check, limits: _Limits) -> None:
        self._began = time.monotonic()
        self._check, self._limits = check, limits
        self._first = self._verdict = judged(check, program)
        self._figures = figures_of(program, self._first.loss, limits.cost)
        self._longest = 0.0
        self.program = program
        self.passes: list[Pass] = []
        self.reports: list[PassReport] = []
        self._take(None, program, 0.0)

    @property
    def over_limit(self) -> bool:
        """Whether a file is larger than it should be."""
        return self._limits.size is not None and self._figures.bytes > self._limits.size

    def first(self, candidates: Sequence[Pass], part: float) -> None:
        """Keep the first candidate that is within a part of the budget."""
        for each in candidates:
            if not self._has_time(each) or self._try(each, self.program, part):
                break

    def further(self, ladder: Sequence[Sequence[Pass]]) -> None:
        """Climb a ladder while one of each step's candidates is good enough. Each replaces the one before."""
        start, kept = self.program, len(self.passes)
        for step in ladder:
            for each in step:
                if not self._has_time(each):
                    return
                if self._try(each, start, 1.0, ERRORS_OVER_LIMIT if self.over_limit else ERRORS):
                    self.passes[kept:] = [each]
                    break
            else:
                return

    def _has_time(self, each: Pass) -> bool:
        expected = self._longest * (REFIT_TIMES if getattr(each, "refit", False) else 1)
        return time.monotonic() - self._began + expected <= self._limits.budget.seconds

    def _try(self, each: Pass, program: Program, part: float, errors: float = 0.0) -> bool:
        budget = self._limits.budget
        return self._take(each, program, budget.loss_over_limit if self.over_limit else part * budget.loss, errors)

    def _take(self, each: Pass | None, program: Program, share: float, errors: float = 0.0) -> bool:
        """Note what a pass does, and keep it if that is good enough and smaller. None stands for the exact passes."""
        begin = time.monotonic()
        changed = optimise(program if each is None else each.run(program))
        found = self._verdict if each is None else judged(self._check, changed)
        before, after = self._figures, figures_of(changed, found.loss, self._limits.cost)
        smaller = after.lam + after.onnx < before.lam + before.onnx
        kept = smaller and (each is None or found.within(share, self._first, errors))
        seconds = time.monotonic() - begin
        if not getattr(each, "refit", False):
            self._longest = max(self._longest, seconds)
        self.reports.append(PassReport(_name(each), each is None, kept, before, after, seconds))
        if kept:
            self.program, self._figures, self._verdict = changed, after, found
            self.passes += [] if each is None else [each]
        return kept
