"""Spends a small part of the loss on a smaller Program: lossy passes, each judged, within a time limit.

Judge on rows that the Program was not fitted on: taking out what it learned by heart costs nothing there, but looks
dear on rows that it knows. A Program that was fitted on all rows has no such rows; so choose with a Program of one fold
(`choose`) and repeat the chosen passes on the other one (`repeat`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lean_automl.compiler.passes.evidence import thinned
from lean_automl.compiler.passes.prune_splits import PruneSplits
from lean_automl.compiler.passes.quantise_leaves import QuantiseLeaves
from lean_automl.compiler.passes.report import Check, Meter, PassReport
from lean_automl.compiler.passes.round_tables import RoundTables
from lean_automl.compiler.passes.run import allowed, label, optimise
from lean_automl.compiler.passes.shorten_thresholds import ShortenThresholds

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program
    from lean_automl_runtime.measure import CostModel

    from lean_automl.compiler.passes.base import Array, Pass

PRUNING_ROWS: Final = 4_000
BITS: Final = (8, 10, 12)
FEWER_BITS: Final = (6, 7)
SHARES: Final = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6)


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
    rows: Sequence[Array] | None = None,
) -> tuple[Program, list[PassReport]]:
    """A Program that is smaller and, judged by `check`, nearly as good; and what each pass did. See `choose`."""
    found = choose(program, check, budget, size_limit, rows)
    return found.program, found.reports


def choose(
    program: Program,
    check: Check,
    budget: Budget | None = None,
    size_limit: float | None = None,
    rows: Sequence[Array] | None = None,
    cost: CostModel | None = None,
) -> Shrunk:
    """Tries lossy passes and keeps those that the budget allows.

    Args:
        program: Any Program.
        check: Loss on rows that the Program was not fitted on; smaller is better, positive.
        budget: What may be spent.
        size_limit: Bytes that the larger file should not exceed.
        rows: A typed array for each column, without labels, for the passes that must know what rows look like; better
            not the rows of `check`. Without them only rounding is tried.
        cost: Predicts times for the reports.
    """
    state = _State(program, Meter(check, cost), budget or Budget(), size_limit)
    state.first([QuantiseLeaves(bits) for bits in BITS], 0.5)
    state.first([RoundTables()], 0.6)
    if rows is not None:
        state.first([ShortenThresholds(rows)], 0.7)
        few = thinned(rows, PRUNING_ROWS)
        state.further([(PruneSplits(share, few), PruneSplits(share, few, refit=True)) for share in SHARES])
    if state.over_limit:
        state.first([QuantiseLeaves(bits) for bits in FEWER_BITS], 1.0)
    return Shrunk(state.program, tuple(state.passes), state.reports)


def repeat(program: Program, passes: Iterable[Pass]) -> Program:
    """Another fit of the same student after the passes that were chosen for the first."""
    program = optimise(program)
    for each in passes:
        program = optimise(each.run(program))
    return program


class _State:
    """The best Program so far, and what is left to spend."""

    def __init__(self, program: Program, meter: Meter, budget: Budget, size_limit: float | None) -> None:
        self._began = time.monotonic()
        self._meter, self._budget, self._limit = meter, budget, size_limit
        self._figures = meter.figures(program)
        self._loss = self._figures.loss or 0.0
        self._longest = 0.0
        self.program = program
        self.passes: list[Pass] = []
        self.reports: list[PassReport] = []
        exact, seconds = self._timed(None, program)
        self._take("exact passes", exact, seconds, lossy=None)

    @property
    def over_limit(self) -> bool:
        """Whether a file is larger than it should be."""
        return self._limit is not None and self._figures.bytes > self._limit

    def first(self, candidates: Sequence[Pass], part: float) -> None:
        """Keep the first candidate that is within a part of the budget."""
        for each in candidates:
            if not self._has_time() or self._try(each, self.program, part):
                break

    def further(self, ladder: Sequence[Sequence[Pass]]) -> None:
        """Keep the last step of a ladder whose first good candidate is within the budget; each starts anew."""
        start, kept = self.program, len(self.passes)
        for step in ladder:
            for each in step:
                if not self._has_time():
                    return
                if self._try(each, start, 1.0):
                    self.passes[kept:] = [each]
                    break
            else:
                return

    def _has_time(self) -> bool:
        return time.monotonic() - self._began + self._longest <= self._budget.seconds

    def _try(self, each: Pass, program: Program, part: float) -> bool:
        changed, seconds = self._timed(each, program)
        self._longest = max(self._longest, seconds)
        share = self._budget.loss_over_limit if self.over_limit else part * self._budget.loss
        return self._take(label(each), changed, seconds, each, allowed(self._loss, share))

    def _timed(self, each: Pass | None, program: Program) -> tuple[Program, float]:
        begin = time.monotonic()
        changed = optimise(program if each is None else each.run(program))
        return changed, time.monotonic() - begin

    def _take(
        self, name: str, changed: Program, seconds: float, lossy: Pass | None, most: float = float("inf")
    ) -> bool:
        """Note what a candidate does, and keep it if it is good enough and smaller."""
        before = self._figures
        after = self._meter.figures(changed, before.loss if lossy is None else None)
        smaller = after.lam + after.onnx < before.lam + before.onnx
        kept = smaller and (after.loss is None or after.loss <= most)
        self.reports.append(PassReport(name, lossy is None, kept, before, after, seconds))
        if kept:
            self.program, self._figures = changed, after
            if lossy is not None:
                self.passes.append(lossy)
        return kept
