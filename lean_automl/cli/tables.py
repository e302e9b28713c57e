"""Tables for people."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lean_automl.data import Task
from lean_automl.report.page import runtimes_of
from lean_automl.search.metrics import Metric
from lean_automl.student.deploy import ARTIFACT_FILE, ONNX_FILE
from lean_automl.student.header import HEADER_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from lean_automl.automl.result import Check, RunResult


WIDTH: Final = 110  # where the width of the reader is not known


def show_result(result: RunResult, folder: Path) -> None:
    """Print what a run found."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    metric = Metric(result.metric, Task(result.task), 2)
    _show_notes(console, result)
    console.print(_scores(result, metric))
    if result.joined:
        console.print("what ships was then fitted once more, on these rows too\n")
    console.print(_sizes(result))
    console.print(_predictions(result) if any(check.predicted for check in result.checks) else _latencies(result))
    console.print(_tried(result, metric))
    _show_failures(console, result)
    met = "[bold green]all limits met[/bold green]" if any(c.limit for c in result.checks) else "no limits were set"
    if result.interrupted:
        met = f"[yellow]interrupted[/yellow]: the best so far; {met}"
    console.print(f"\n{met}; {result.seconds['total']:.1f} s; wrote {folder}/")
    if any(check.file == ARTIFACT_FILE for check in result.checks):
        console.print(f"  model.lam    lean_automl predict {folder}/model.lam new_rows.csv", soft_wrap=True)
    if any(check.file == ONNX_FILE for check in result.checks):
        console.print(f"  model.onnx   raw columns in, for {runtimes_of(result.features)}")
    if any(check.file == HEADER_FILE for check in result.checks):
        console.print("  model.h      the model as C99, measured as compiled here; model.lam is the same for Python")
    console.print(f"  front.zip    lean_automl front {folder}  shows other trade-offs of score, speed and size")
    console.print("  report.html  everything above, drawn; model_card.md says it in short, run.json for programs")


def _show_notes(console: Console, result: RunResult) -> None:
    if result.notes:
        console.print("[bold]notes on the table[/bold]")
    for note in result.notes[:12]:
        console.print(f"  {escape(note)}", soft_wrap=True)
    if len(result.notes) > 12:
        console.print(f"  and {len(result.notes) - 12} more in run.json")


def _scores(result: RunResult, metric: Metric) -> Table:
    rows = f"{result.rows['holdout']:,} rows that no step has seen"
    table = Table(title=f"{metric.shown_name} of {result.target!r}", title_justify="left")
    table.add_column("")
    table.add_column("validation", justify="right")
    table.add_column(rows, justify="right")
    table.add_row("constant predictor", "", metric.shown(result.constant_holdout))
    if result.teacher_score is None or result.teacher_holdout is None:
        table.add_row("teacher", "no time for one", "")
    else:
        bags = f"{sum(m.weight > 0 for m in result.members)} of {len(result.members)} bags"
        bags += ", of the sample" if "sample" in result.rows else ""
        table.add_row(f"teacher ({bags})", metric.shown(result.teacher_score), metric.shown(result.teacher_holdout))
    table.add_row(
        f"student ({result.student.family}, {result.student.rounds} rounds)",
        metric.shown(result.student_score),
        f"[bold]{metric.shown(result.student_holdout)}[/bold]",
    )
    if result.undistilled_score is not None:
        table.add_row("the same without its teacher", metric.shown(result.undistilled_score), "")
    return table


def _sizes(result: RunResult) -> Table:
    table = Table(title="files", title_justify="left")
    table.add_column("")
    for name in ("size", "limit"):
        table.add_column(name, justify="right")
    table.add_column("")
    for check in result.checks:
        if check.unit == "kB":
            limit = "" if check.limit is None else f"{check.limit:,.6g} kB"
            table.add_row(check.file, f"{check.value:,.1f} kB", limit, _met(check))
        elif check.unit == "MB":
            limit = "" if check.limit is None else f"{check.limit:,.6g} MB"
            table.add_row(f"{check.name}, {check.file}", f"{check.value:,.1f} MB", limit, _met(check))
    return table


def _latencies(result: RunResult) -> Table:
    rows = int(result.asked.limits.get("batch_size") or 1)
    what = "one row, raw record in, prediction out" if rows == 1 else f"{rows:,} raw rows in, predictions out"
    table = Table(title=f"{what}, in a fresh process", title_justify="left")
    table.add_column("")
    for name in ("p50 us", "p99 us", "95 % bounds", "limit us"):
        table.add_column(name, justify="right")
    table.add_column("")
    checks = [check for check in result.checks if check.unit == "ms" and not check.predicted]
    for measurement, check in zip(result.measurements, checks, strict=True):
        p99 = measurement.total.p99
        table.add_row(
            f"{measurement.artifact}, {measurement.engine} engine",
            f"{measurement.total.p50.value_us:,.1f}",
            f"{p99.value_us:,.1f}",
            f"{p99.lower_us:,.1f} to {p99.upper_us:,.1f}",
            "" if check.limit is None else f"{check.limit * 1000:,.6g}",
            _met(check) + (" [yellow]noisy machine[/yellow]" if measurement.noisy else ""),
        )
    return table


def _predictions(result: RunResult) -> Table:
    table = Table("", title="one row, predicted with margin for a device that is not here", title_justify="left")
    for name in ("p99 us", "limit us", ""):
        table.add_column(name, justify="right")
    for check in result.checks:
        if check.predicted:
            limit = "" if check.limit is None else f"{check.limit * 1000:,.6g}"
            table.add_row(check.file, f"{check.value * 1000:,.4g}", limit, _met(check))
    return table


def _met(check: Check) -> str:
    if check.limit is None:
        return ""
    return "[green]met[/green]" if check.met else "[red]broken[/red]"


def _tried(result: RunResult, metric: Metric) -> Table:
    table = Table(title=f"{len(result.trials)} students tried", title_justify="left")
    table.add_column("family")
    for name in ("tried", "within limits", f"best {metric.shown_name}", "kB", "s"):
        table.add_column(name, justify="right")
    families = sorted({trial.family for trial in result.trials})
    for family in families:
        own = [trial for trial in result.trials if trial.family == family]
        met = [t for t in own if t.score is not None and all(v <= 0 for v in t.violations.values())]
        best = max(met, key=lambda t: t.score or 0.0, default=None)
        mark = "[bold]" if family == result.student.family else ""
        table.add_row(
            f"{mark}{family}",
            str(len(own)),
            str(len(met)),
            metric.shown(best.score) if best is not None and best.score is not None else "",
            f"{best.bytes / 1000:.1f}" if best is not None else "",
            f"{sum(t.seconds for t in own):.1f}",
        )
    return table


def _show_failures(console: Console, result: RunResult) -> None:
    for name, reason in result.failures.items():
        console.print(f"  teacher member {name} left out: {escape(reason)}", soft_wrap=True)
    for trial in result.trials:
        if trial.reason is not None:
            console.print(f"  trial {trial.number} ({trial.family}) failed: {escape(trial.reason)}", soft_wrap=True)
    for what in result.passed_over:
        console.print(f"  [yellow]passed over[/yellow]: {escape(what)}", soft_wrap=True)
