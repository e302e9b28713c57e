"""`lean_automl gate`: whether a finished model keeps its limits, and is no worse than its baseline."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lean_automl.errors import ConfigError

if TYPE_CHECKING:
    from lean_automl.gate.figures import GateResult
    from lean_automl.gate.limits import GateRequest

EXIT_GATE: Final = 4
WIDTH: Final = 120  # where the width of the reader is not known
EPILOG: Final = """\
examples:
  lean_automl gate model.lam --max-size-kb 64 --max-instructions 20000 --save gate.json
  lean_automl gate model.lam --data test.csv --target y --min-score roc_auc=0.9 --max-p99-us 200
  lean_automl gate model.lam --baseline gate.json --max-regression 5%
exit code 0: every limit is met; 4: one is not.
"""


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "gate",
        help="check a model against limits and a baseline, for CI",
        description="Check bytes, instructions and branches of the compiled C code, scores and latency of a model.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="model.lam, or model.onnx without instructions")
    _add_rows(parser)
    _add_limits(parser)
    _add_baseline(parser)
    _add_reports(parser)
    parser.set_defaults(run=run)


def _add_rows(parser: argparse.ArgumentParser) -> None:
    rows = parser.add_argument_group("rows and engine")
    rows.add_argument("--data", metavar="FILE", help="table with real rows, better 1,000 that differ")
    rows.add_argument("--target", metavar="NAME", help="column to predict (default: the one that the model names)")
    rows.add_argument("--engine", default="auto", metavar="NAME", help="engine for p99 and scores (auto)")
    rows.add_argument("--seconds", type=float, default=2.0, metavar="S", help="sampling time of p99 (2)")
    rows.add_argument(
        "--no-instructions", action="store_true", help="do not count instructions, even if it is possible"
    )


def _add_limits(parser: argparse.ArgumentParser) -> None:
    limits = parser.add_argument_group("limits")
    limits.add_argument(
        "--max-p99-us", type=float, metavar="US", help="for one row: upper confidence bound; with --data"
    )
    limits.add_argument("--max-size-kb", type=float, metavar="KB", help="for the file, in units of 1,000 bytes")
    limits.add_argument(
        "--max-memory-mb",
        type=float,
        metavar="MB",
        help="for a fresh process that loads the file and answers, in units of 1,000,000 bytes; with --data",
    )
    limits.add_argument("--max-instructions", type=float, metavar="N", help="for one row of the compiled C code")
    limits.add_argument(
        "--min-score",
        action="append",
        default=[],
        metavar="METRIC=VALUE",
        help="least score, by the name of a scikit-learn scorer; repeat for more; with --data",
    )


def _add_baseline(parser: argparse.ArgumentParser) -> None:
    baseline = parser.add_argument_group("baseline")
    baseline.add_argument("--baseline", metavar="FILE", help="compare with figures that --save wrote")
    baseline.add_argument(
        "--baseline-model", metavar="OLD", help="compare with this model; times too, by turns, if there is --data"
    )
    baseline.add_argument(
        "--max-regression",
        metavar="5%",
        help="by how much bytes, instructions, branches and time may exceed the baseline (5%%)",
    )
    baseline.add_argument("--max-score-drop", type=float, metavar="X", help="by how much a score may be lower")
    baseline.add_argument("--wall-clock", action="store_true", help="compare times with the model beside --baseline")
    baseline.add_argument("--save", metavar="FILE", help="write figures and a copy of the model, if every limit is met")


def _add_reports(parser: argparse.ArgumentParser) -> None:
    reports = parser.add_argument_group("reports")
    reports.add_argument("--json", action="store_true", help="print JSON and nothing else")
    reports.add_argument("--junit", metavar="FILE", help="write JUnit XML")
    reports.add_argument("--markdown", metavar="FILE", help="append a table, such as to the summary of a GitHub step")
    reports.add_argument(
        "--github-benchmark", metavar="FILE", help="write customSmallerIsBetter JSON for github-action-benchmark"
    )


def run(namespace: argparse.Namespace) -> int:
    """Judge, report, and save."""
    request = request_of(namespace)
    places = [Path(n) for n in (namespace.junit, namespace.markdown, namespace.github_benchmark) if n is not None]
    for place in places:
        if not place.absolute().parent.is_dir():
            raise ConfigError(f"{place}: {place.absolute().parent} is not a folder. Make it first.")
    from lean_automl.gate.baseline import check_place, save_baseline
    from lean_automl.gate.run import run_gate
    from lean_automl.gate.subject import Subject

    if namespace.save is not None:
        check_place(Path(namespace.save), request.model)
    subject = Subject.read(request.model)
    result = run_gate(request, subject)
    saved = namespace.save is not None and not result.failed
    if saved:
        save_baseline(Path(namespace.save), result.figures, subject)
    _write_reports(namespace, result)
    if namespace.json:
        print(json.dumps(result.to_json(), ensure_ascii=False))
    else:
        show(result)
        if namespace.save is not None:
            print(f"saved {namespace.save}" if saved else f"{namespace.save} is not saved: a limit is not met")
    return EXIT_GATE if result.failed else 0


def request_of(namespace: argparse.Namespace) -> GateRequest:
    """What the command line asks for.

    Raises:
        ConfigError: An option is not usable.
    """
    from lean_automl.gate.limits import MAX_REGRESSION, GateRequest, Limits, scores_of, share

    compares = namespace.baseline is not None or namespace.baseline_model is not None
    for name in ("max_regression", "max_score_drop"):
        if getattr(namespace, name) is not None and not compares:
            raise ConfigError(f"--{name.replace('_', '-')} goes with --baseline or --baseline-model.")
    if namespace.target is not None and namespace.data is None:
        raise ConfigError("--target goes with --data.")
    if Path(namespace.model).suffix not in (".lam", ".onnx"):
        raise ConfigError(f"{namespace.model} is neither .lam nor .onnx.")
    limits = Limits(
        max_p99_us=namespace.max_p99_us,
        max_size_kb=namespace.max_size_kb,
        max_instructions=namespace.max_instructions,
        max_memory_mb=namespace.max_memory_mb,
        min_scores=scores_of(namespace.min_score),
        max_regression=MAX_REGRESSION if namespace.max_regression is None else share(namespace.max_regression),
        max_score_drop=namespace.max_score_drop,
    )
    return GateRequest(
        model=Path(namespace.model),
        data=_path(namespace.data),
        target=namespace.target,
        limits=limits,
        baseline=_path(namespace.baseline),
        baseline_model=_path(namespace.baseline_model),
        wall_clock=namespace.wall_clock,
        instructions=not namespace.no_instructions,
        engine=namespace.engine,
        seconds=namespace.seconds,
    )


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)


def _write_reports(namespace: argparse.Namespace, result: GateResult) -> None:
    from lean_automl.gate.reports import github_benchmark, junit, markdown

    if namespace.junit is not None:
        Path(namespace.junit).write_text(junit(result), encoding="utf-8")
    if namespace.github_benchmark is not None:
        Path(namespace.github_benchmark).write_text(github_benchmark(result), encoding="utf-8")
    if namespace.markdown is not None:
        with Path(namespace.markdown).open("a", encoding="utf-8") as file:
            file.write(markdown(result))


def show(result: GateResult) -> None:
    """Print a table of all checks."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    table = Table("check", title=escape(result.figures.model), title_justify="left")
    for name in ("value", "limit"):
        table.add_column(name, justify="right")
    table.add_column("")
    table.add_column("")
    colours = {"met": "[green]met[/green]", "failed": "[bold red]FAILED[/bold red]", "": ""}
    for check in result.checks:
        cells = [escape(text) for text in (check.name, check.shown(check.value), check.wanted)]
        table.add_row(*cells, colours[check.state], escape(check.detail))
    console.print(table)
    for note in result.notes:
        print(f"lean_automl: note: {note}", file=sys.stderr)
    judged = sum(check.limit is not None for check in result.checks)
    if result.failed:
        console.print(f"[bold red]{len(result.failed)} of {judged} checks failed[/bold red]")
    else:
        met = "the one check is met" if judged == 1 else f"all {judged} checks met"
        console.print(met if judged else "no limits were set")
