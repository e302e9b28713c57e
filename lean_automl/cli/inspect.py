"""`lean_automl inspect`: what is in an artifact."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lean_automl_runtime.artifact import Artifact


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "inspect", help="show what is in an artifact", description="Schema, ops, sizes and provenance of an artifact."
    )
    parser.add_argument("model", metavar="MODEL", help="model.lam")
    parser.add_argument("--text", action="store_true", help="print the Program's text form and nothing else")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Show the artifact."""
    from lean_automl_runtime import load_artifact
    from lean_automl_runtime.ir import to_text

    artifact = load_artifact(namespace.model)
    if namespace.text:
        print(to_text(artifact.program), end="")
    elif namespace.json:
        print(json.dumps(facts(artifact, Path(namespace.model)), ensure_ascii=False))
    else:
        _show(facts(artifact, Path(namespace.model)))
    return 0


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
