"""`lean_automl export`: an artifact as a file of another form."""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lean_automl.cli.files import check_file, whole_file
from lean_automl.cli.limits import add_limits, constraints_of
from lean_automl.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.artifact import Artifact
    from lean_automl_runtime.ir import Program

    from lean_automl.automl.encodings import Variant
    from lean_automl.config import Constraints
    from lean_automl.data import Table

EPILOG: Final = """\
examples:
  lean_automl export model.lam --to c --out model.h
  lean_automl export model.lam --to onnx --out small.onnx --encoding auto --data rows.csv --max-size-kb 200
  lean_automl export model.lam --to onnx --out trees.onnx --encoding tree_ensemble_v3
"""
SUFFIX: Final = {"c": ".h", "onnx": ".onnx"}
# Options of one form, with what holds where they are not given; the same words as the exporters'.
C_OPTIONS: Final[dict[str, Any]] = {"prefix": "model", "integer_only": False, "few_bytes": False}
ONNX_OPTIONS: Final[dict[str, Any]] = {"encoding": "auto", "inputs": "raw", "data": None, "seconds": 1.0}
LIMITS: Final = ("max_latency_ms", "max_latency_us", "max_size_kb")
INPUTS: Final = ("raw", "features")
ENCODINGS: Final = ("auto", "compact", "tensor", "tree_ensemble", "tree_ensemble_v3")


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "export",
        help="write an artifact as a C header or as ONNX",
        description="Write an artifact as one C header, or as an ONNX file that is compared with the artifact.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="model.lam")
    parser.add_argument("--to", required=True, choices=tuple(SUFFIX), help="form of the file")
    parser.add_argument("--out", required=True, metavar="FILE", help="file to write: .h for c, .onnx for onnx")
    parser.add_argument("--overwrite", action="store_true", help="replace FILE if it exists")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    c = parser.add_argument_group("with --to c")
    c.add_argument("--prefix", metavar="NAME", help="what every name in the header begins with (model)")
    c.add_argument(
        "--integer-only", action="store_true", default=None, help="for cores without floats: scores, no probabilities"
    )
    c.add_argument(
        "--few-bytes", action="store_true", default=None, help="the fewest bytes of code rather than the least time"
    )
    onnx = parser.add_argument_group("with --to onnx")
    onnx.add_argument(
        "--encoding", choices=ENCODINGS, help="how trees are written; auto: measure each that can, take the quickest"
    )
    onnx.add_argument(
        "--inputs",
        choices=INPUTS,
        help="raw: an input for each raw column; features: one matrix, which lean-automl-runtime makes (raw)",
    )
    onnx.add_argument("--data", metavar="TABLE", help="real rows to measure and compare with (default: made-up rows)")
    onnx.add_argument("--seconds", type=float, metavar="S", help="sampling time for each encoding (1)")
    add_limits(parser)
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Write and check."""
    _check(namespace)
    out = Path(namespace.out)
    check_file(out, (SUFFIX[namespace.to],), namespace.overwrite)
    constraints = constraints_of(namespace)
    from lean_automl_runtime import load_artifact

    artifact = load_artifact(namespace.model)
    content, facts = _to_c(artifact, namespace) if namespace.to == "c" else _to_onnx(artifact, namespace, constraints)
    with whole_file(out) as draft:
        draft.write_bytes(content)
    if namespace.json:
        print(json.dumps({"file": str(out), "bytes": len(content), "digest": artifact.digest, **facts}))
    else:
        print(f"{out}: {len(content):,} bytes{_remarks(facts)}")
    return 0


def _check(namespace: argparse.Namespace) -> None:
    """Refuse options of the other form, and set the defaults of this one."""
    own, other = (C_OPTIONS, ONNX_OPTIONS) if namespace.to == "c" else (ONNX_OPTIONS, C_OPTIONS)
    foreign = [*other, *(LIMITS if namespace.to == "c" else ())]
    for name in foreign:
        if getattr(namespace, name) is not None:
            (form,) = set(SUFFIX) - {namespace.to}
            raise ConfigError(f"--{name.replace('_', '-')} goes with --to {form}.")
    for name, default in own.items():
        if getattr(namespace, name) is None:
            setattr(namespace, name, default)
    if namespace.to == "onnx" and not (namespace.seconds > 0 and math.isfinite(namespace.seconds)):
        raise ConfigError(f"--seconds: {namespace.seconds:g} is not a time. Give a positive number.")


def _to_c(artifact: Artifact, namespace: argparse.Namespace) -> tuple[bytes, dict[str, Any]]:
    from lean_automl_exporters.c import COptions, export_c

    options = COptions(namespace.prefix, namespace.integer_only, namespace.few_bytes)
    (text,) = export_c(artifact.program, options).values()
    return text.encode(), {"to": "c", **asdict(options)}


# --- ONNX ----------------------------------------------------------------------------------------------------


def _to_onnx(
    artifact: Artifact, namespace: argparse.Namespace, constraints: Constraints
) -> tuple[bytes, dict[str, Any]]:
    from lean_automl_exporters.onnx import Inputs, OnnxOptions, TreeEncoding, usable_encodings
    from lean_automl_runtime.measure import MeasureOptions

    from lean_automl.automl.encodings import best, measured, write_variants

    program = artifact.program
    table = _rows(program, namespace)
    wanted, inputs = TreeEncoding(namespace.encoding), Inputs(namespace.inputs)
    encodings = usable_encodings(program) if wanted is TreeEncoding.AUTO else (wanted,)
    variants = write_variants(program, [OnnxOptions(e, inputs) for e in encodings], table, artifact.metadata)
    if len(variants) > 1 or constraints.max_latency_us is not None:
        quantile = constraints.latency_quantile
        bounded = None if constraints.max_latency_us is None else quantile
        options = MeasureOptions(engine="onnx", budget_s=namespace.seconds, quantiles=(quantile,), bounded=bounded)
        variants = [measured(variant, table, options) for variant in variants]
        if not namespace.json:
            _show(variants, constraints)
    chosen = best(variants, constraints)
    rows = "made up" if namespace.data is None else "given"
    return chosen.content, {
        "to": "onnx",
        "encoding": chosen.encoding.value,
        "inputs": inputs.value,
        "parity": {"rows": chosen.parity.rows, "largest_difference": chosen.parity.largest_difference},
        "rows": rows,
        "measured": [_figures(variant, constraints) for variant in variants if variant.measurement is not None],
    }


def _rows(program: Program, namespace: argparse.Namespace) -> Table:
    from lean_automl.automl.encodings import usual_table
    from lean_automl.data import read_table, to_table

    if namespace.data is None:
        return usual_table(program)
    table = to_table(read_table(namespace.data), program.columns)
    for note in table.notes:
        print(f"lean_automl: note: {note}", file=sys.stderr)
    return table


def _figures(variant: Variant, constraints: Constraints) -> dict[str, Any]:
    assert variant.measurement is not None
    total, quantile = variant.measurement.total, constraints.latency_quantile
    return {
        "encoding": variant.encoding.value,
        "bytes": len(variant.content),
        "p50_us": total.p50.value_us,
        "quantile": quantile,
        "quantile_us": total.at(quantile).value_us,
        "upper_us": variant.measurement.upper_us(quantile),
        "noisy": variant.measurement.noisy,
        "within_limits": variant.meets(constraints),
    }


def _show(variants: Sequence[Variant], constraints: Constraints) -> None:
    from rich.console import Console
    from rich.table import Table

    limited = constraints.max_latency_us is not None or constraints.max_size_bytes is not None
    table = Table("encoding", title="one row in onnxruntime, in a fresh process for each file", title_justify="left")
    for name in ("bytes", "p50 us", f"p{constraints.latency_quantile * 100:g} us", "shown to be at most"):
        table.add_column(name, justify="right")
    table.add_column("remarks")
    for variant in variants:
        found = _figures(variant, constraints)
        met = "met" if found["within_limits"] else "broken"
        table.add_row(
            found["encoding"],
            f"{found['bytes']:,}",
            *(f"{found[name]:,.1f}" for name in ("p50_us", "quantile_us", "upper_us")),
            " ".join([met] * limited + ["noisy machine"] * found["noisy"]),
        )
    Console(highlight=False, width=None if sys.stdout.isatty() else 110).print(table)


def _remarks(facts: dict[str, Any]) -> str:
    if facts["to"] == "c":
        few = ", few bytes" if facts["few_bytes"] else ""
        return f", prefix {facts['prefix']}{', integers only' if facts['integer_only'] else ''}{few}"
    parity = facts["parity"]
    largest = f"{parity['largest_difference']:.2g}"
    return f", encoding {facts['encoding']}; agrees on {parity['rows']:,} rows, largest difference {largest}"
