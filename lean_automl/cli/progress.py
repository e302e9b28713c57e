"""Live progress of a run: a status line in a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from lean_automl.student.search import FailedTrial

if TYPE_CHECKING:
    from lean_automl.config import FitConfig
    from lean_automl.student.search import SearchLog
    from lean_automl.student.trial import Candidate


class Silent:
    """Shows nothing."""

    def step(self, name: str, detail: str) -> None:
        """A step begins."""

    def member_ended(self, name: str, score: float | None, seconds: float, reason: str | None) -> None:
        """A member of the teacher has a score or a reason."""

    def trial_ended(self, trial: Candidate | FailedTrial, log: SearchLog) -> None:
        """A student was tried."""


class Shown(Silent):
    """Prints a line for each thing that ends, and keeps a status line with the best so far and the time."""

    def __init__(self, console: Console, bar: Progress, limit_s: float, verbose: bool = False) -> None:
        self._console, self._bar, self._limit, self._verbose = console, bar, limit_s, verbose
        self._task = bar.add_task("starting", total=limit_s)
        self._start = time.monotonic()
        self._name = ""

    def step(self, name: str, detail: str) -> None:
        self._name = name
        self._line(f"[bold]{name}[/bold] {escape(detail)}")

    def member_ended(self, name: str, score: float | None, seconds: float, reason: str | None) -> None:
        what = f"{score:.5g}" if score is not None else f"[yellow]left out[/yellow]: {escape(reason or '')}"
        self._line(f"  {name:<18} {what}  ({seconds:.1f} s)")

    def trial_ended(self, trial: Candidate | FailedTrial, log: SearchLog) -> None:
        feasible = log.feasible()
        best = feasible[0] if feasible else None
        self._bar.update(
            self._task,
            description=f"{self._name}: {log.trials} tried, {len(feasible)} within limits"
            + (f", best {best.score:.5g} ({best.family})" if best else ""),
        )
        if isinstance(trial, FailedTrial):
            self._line(f"  {trial.number:>3} {trial.family:<11} [yellow]failed[/yellow]: {escape(trial.reason)}")
            self._settings(trial)
            return
        mark = " [green]best[/green]" if trial is best else ""
        over = "" if trial.feasible else " [yellow]over limit[/yellow]"
        figures = f"{trial.score:.5f} {trial.footprint.bytes / 1000:>7.1f} kB {trial.seconds:>5.1f} s"
        self._line(f"  {trial.number:>3} {trial.family:<11} {figures}{over}{mark}")
        self._settings(trial)

    def _settings(self, trial: Candidate | FailedTrial) -> None:
        """What a trial was, and how far it is from the limits, for those who asked to see more."""
        if not self._verbose:
            return
        told = [f"{name}={_short(value)}" for name, value in trial.parameters.items() if name != "family"]
        if not isinstance(trial, FailedTrial):
            told += [f"{name} {excess:+.0%} of its limit" for name, excess in trial.violations.items()]
        self._line(f"      [dim]{escape(', '.join(told))}[/dim]")

    def _line(self, text: str) -> None:
        self._bar.update(self._task, completed=min(self._limit, time.monotonic() - self._start))
        if not text.startswith(" "):
            self._bar.update(self._task, description=self._name)
        self._console.print(f"{time.monotonic() - self._start:6.1f} s  {text}", highlight=False, soft_wrap=True)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@contextmanager
def make_progress(config: FitConfig, quiet: bool, verbose: bool = False) -> Iterator[Any]:
    """A watcher for `fit`, on standard error."""
    if quiet:
        yield Silent()
        return
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        yield Shown(console, bar, config.budget.time_limit_s, verbose)
