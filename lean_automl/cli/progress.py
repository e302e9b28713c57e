"""Live progress of a run: a status line in a terminal, a plain line for each step elsewhere, nothing when quiet."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from lean_automl.student.search import FailedTrial

if TYPE_CHECKING:
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
    """Prints a line for each thing that ends, and keeps a status line with the best so far and the time.

    Where there is no terminal, there is a line for each step only, unless more is asked for.
    """

    def __init__(self, console: Console, bar: Progress, verbose: bool, started: float) -> None:
        self._console, self._bar, self._verbose, self._start = console, bar, verbose, started
        self._steps_only = not (console.is_terminal or verbose)
        self._task = bar.add_task("starting", total=None)
        self._name = ""

    def step(self, name: str, detail: str) -> None:
        if name != "note":  # which is said of the step that goes on
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
            for name, excess in trial.violations.items():
                told.append(f"{name} {abs(excess):.0%} {'above' if excess > 0 else 'below'} its limit")
        self._line(f"      [dim]{escape(', '.join(told))}[/dim]")

    def _line(self, text: str) -> None:
        if not text.startswith(" "):
            self._bar.update(self._task, description=self._name)
        elif self._steps_only:
            return
        self._console.print(f"{time.monotonic() - self._start:6.1f} s  {text}", highlight=False, soft_wrap=True)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


class TimeLeft(ProgressColumn):
    """What is spent, and what is left of the time limit where it is known."""

    def __init__(self, limit_s: float | None, started: float) -> None:
        super().__init__()
        self._limit, self._start = limit_s, started

    def render(self, task: Task) -> Text:  # noqa: ARG002
        """The time now, whatever the task."""
        spent = time.monotonic() - self._start
        left = "" if self._limit is None else f", {max(0.0, self._limit - spent):.0f} s left"
        return Text(f"{spent:.0f} s{left}", style="progress.elapsed")


@contextmanager
def make_progress(limit_s: float | None, started: float, quiet: bool, verbose: bool = False) -> Iterator[Any]:
    """A watcher for `fit`, on standard error.

    Args:
        limit_s: The time limit; None if it is not known here.
        started: `time.monotonic()` from which it counts.
        quiet: Show nothing.
        verbose: Show settings of trials too.
    """
    if quiet:
        yield Silent()
        return
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), TimeLeft(limit_s, started))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield Shown(console, bar, verbose, started)
