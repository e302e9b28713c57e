"""`lean_automl inspect`: what is in an artifact, and what passes made or would make of it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lean_automl.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.artifact import Artifact
    from lean_automl_runtime.measure import CostModel

    from lean_automl.compiler.passes import Figures, Judge, PassReport
    from lean_automl.data import Table


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "inspect", help="show what is in an artifact", description="Schema, ops, sizes and provenance of an artifact."
    )
    parser.add_argument("model", metavar="MODEL", help="model.lam")
    parser.add_argument("--text", action="store_true", help="print the Program's text form and nothing else")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--passes", action="store_true", help="show what passes did, or would do, to bytes and loss")
    parser.add_argument("--data", metavar="FILE", help="with --passes: table that judges lossy passes too")
    parser.add_argument("--target", metavar="NAME", help="with --data: the column to predict")
    parser.add_argument("--profile", metavar="FILE", help="with --passes: device profile (JSON) that predicts times")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Show the artifact."""
    _check(namespace)
    from lean_automl_runtime import load_artifact
    from lean_automl_runtime.ir import to_text

    artifact = load_artifact(namespace.model)
    if namespace.passes:
        _passes(artifact, namespace)
    elif namespace.text:
        print(to_text(artifact.program), end="")
    elif namespace.json:
        print(json.dumps(facts(artifact, Path(namespace.model)), ensure_ascii=False))
    else:
        _show(facts(artifact, Path(namespace.model)))
    return 0


def _check(namespace: argparse.Namespace) -> None:
    for option in ("data", "target", "profile"):
        if getattr(namespace, option) is not None and not namespace.passes:
            raise ConfigError(f"--{option} goes with --passes.")
    if (namespace.data is None) != (namespace.target is None):
        raise ConfigError("--data and --target go together.")


def facts(artifact: Artifact, path: Path) -> dict[str, Any]:
    """Everything about an artifact as JSON values."""
    import numpy as np

    program = artifact.program
    ops = []
    for number, op in enumerate(program.ops, start=len(program.columns)):
        arrays = [value for value in vars(op).values() if isinstance(value, np.ndarray)]
        ops.append(
            {
                "value": number,
                "op": op.name,
                "type": str(program.types[number]),
                "array_bytes": sum(a.nbytes for a in arrays),
            }
        )
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "digest": artifact.digest,
        "columns": [{"name": c.name, "kind": c.kind.value, "dtype": c.dtype} for c in program.columns],
        "classes": list(program.classes),
        "ops": ops,
        "metadata": artifact.metadata,
    }


def _show(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    console.print(f"[bold]{found['file']}[/bold]  {found['bytes']:,} bytes  digest {found['digest'][:16]}")
    for name, value in found["metadata"].items():
        if isinstance(value, dict):
            console.print(f"  {name}")
            for key, figure in value.items():
                console.print(f"    {key}: {figure}", markup=False)
        else:
            console.print(f"  {name}: {value}", markup=False)
    columns = Table("column", "kind", "dtype", title="raw columns", title_justify="left")
    for column in found["columns"]:
        columns.add_row(column["name"], column["kind"], column["dtype"])
    console.print(columns)
    if found["classes"]:
        console.print(f"classes: {', '.join(str(c) for c in found['classes'])}", markup=False)
    ops = Table("value", "op", "type", title="ops", title_justify="left")
    ops.add_column("bytes", justify="right")
    for op in found["ops"]:
        ops.add_row(f"%{op['value']}", op["op"], op["type"], f"{op['array_bytes']:,}")
    console.print(ops)


# --- passes --------------------------------------------------------------------------------------------------


def _passes(artifact: Artifact, namespace: argparse.Namespace) -> None:
    from lean_automl.compiler.passes import recalled

    noted = artifact.metadata.get("passes")
    if noted and namespace.data is None:
        title, reports = "what passes did when it was fitted", recalled(noted)
    else:
        title, reports = "what passes would do now", tried(artifact, namespace)
    if namespace.json:
        print(json.dumps([report.to_json() for report in reports], ensure_ascii=False))
    else:
        show_passes(reports, title)


def tried(artifact: Artifact, namespace: argparse.Namespace) -> list[PassReport]:
    """What the exact passes do to the artifact's Program, and with `--data` the lossy ones after them."""
    from lean_automl.compiler.passes import choose, run_passes

    cost = None if namespace.profile is None else _cost_model(Path(namespace.profile))
    if namespace.data is None:
        return run_passes(artifact.program, cost=cost)[1]
    table, check = _judge(artifact, namespace)
    program, reports = run_passes(artifact.program, check=check, cost=cost)
    # The rows that judge are also those that show what rows look like: there are no others.
    return reports + choose(program, check, rows=table.by_name, cost=cost).reports


def _judge(artifact: Artifact, namespace: argparse.Namespace) -> tuple[Table, Judge]:
    """The rows, and the loss of a Program on them by the metric that the artifact names."""
    from lean_automl_runtime.engines import make_engine
    from lean_automl_runtime.ir import PREDICTION, PROBABILITIES, Program

    from lean_automl.compiler.passes import Judge, loss_of
    from lean_automl.data import Schema, Task, read_table, to_table, to_target
    from lean_automl.search.metrics import make_metric

    program, classes = artifact.program, artifact.program.classes
    task = Task.REGRESSION if not classes else Task.BINARY if len(classes) == 2 else Task.MULTICLASS
    frame = read_table(namespace.data)
    schema = Schema(program.columns, namespace.target, task, classes, weight=None, group=None, time=None, notes=())
    target = to_target(frame, schema)
    table = to_table(frame, program.columns).take(target.kept)
    quantiles = tuple(artifact.metadata.get("quantiles") or ())
    outputs = len(classes) or len(quantiles) or 1
    metric = make_metric(artifact.metadata.get("metric"), task, outputs, quantiles)

    def predict(changed: Program) -> Any:
        return make_engine(changed).run(table.arrays)[PROBABILITIES if classes else PREDICTION]

    def loss(y: Any, predicted: Any, weight: Any) -> float:
        return loss_of(metric(y, predicted, weight), metric.name)

    return table, Judge(predict, loss, target.y)


def _cost_model(path: Path) -> CostModel:
    from lean_automl_runtime.measure import DeviceProfile

    try:
        profile = DeviceProfile.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"--profile: {path} is not a device profile: {error}") from error
    return profile.model(next(iter(profile.models)))


def show_passes(reports: Sequence[PassReport], title: str) -> None:
    """Print a table of what passes did."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    timed = any(report.after.us is not None for report in reports)
    judged = any(report.after.loss is not None for report in reports)
    table = Table("pass", "", title=title, title_justify="left")
    for name in ("model.lam", "model.onnx", *(["predicted us"] if timed else []), *(["loss", ""] if judged else [])):
        table.add_column(name, justify="right")
    first = reports[0].before
    table.add_row("before", "", *_cells(first, first, timed, judged))
    changing = [report for report in reports if report.changes]
    for report in changing:
        state = ("exact" if report.exact else "lossy") if report.kept else "undone"
        table.add_row(report.name, state, *_cells(report.after, first, timed, judged))
    console.print(table)
    idle = dict.fromkeys(report.name for report in reports if not report.changes)
    if idle:
        console.print(f"nothing to change for: {', '.join(idle)}", soft_wrap=True)


def _cells(figures: Figures, first: Figures, timed: bool, judged: bool) -> list[str]:
    cells = [f"{figures.lam:,}", f"{figures.onnx:,}"]
    if timed:
        cells.append("" if figures.us is None else f"{figures.us:.2f}")
    if judged:
        known = figures.loss is not None and first.loss
        change = f"{(figures.loss or 0.0) / first.loss - 1:+.3%}" if known and first.loss else ""
        cells += ["" if figures.loss is None else f"{figures.loss:.6g}", change]
    return cells
