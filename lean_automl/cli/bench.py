"""`lean_automl bench`: the latency of an artifact, measured in a fresh process."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

from lean_automl.errors import ConfigError


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "bench",
        help="measure the latency of an artifact",
        description="Latency of one row, raw record in, prediction out, on rotating real rows in a fresh process.",
    )
    parser.add_argument("model", metavar="MODEL", help="model.lam or model.onnx")
    parser.add_argument("data", metavar="DATA", help="table with real rows, better 1,000 that differ")
    parser.add_argument("--engine", action="append", metavar="NAME", help="engine to measure; repeat for more (all)")
    parser.add_argument("--seconds", type=float, default=2.0, metavar="S", help="sampling time for each engine (2)")
    parser.add_argument("--launches", type=int, default=1, metavar="N", help="fresh processes for each engine (1)")
    parser.add_argument("--batch-size", type=int, metavar="N", help="measure tables of N rows instead of one row")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Measure and show."""
    _check(namespace)
    from lean_automl_runtime import load
    from lean_automl_runtime.engines import ENGINES, available
    from lean_automl_runtime.measure import MeasureOptions, measure
    from lean_automl_runtime.measure.__main__ import table as as_text

    from lean_automl.data import read_table, to_table
    from lean_automl.data.records import to_records

    onnx = Path(namespace.model).suffix == ".onnx"
    columns = load(namespace.model, "onnx" if onnx else "reference").columns
    engines = namespace.engine or (["onnx"] if onnx else [name for name in ENGINES if available(name)])
    records = to_records(to_table(read_table(namespace.data), columns))
    found = []
    for engine in engines:
        options = MeasureOptions(
            engine=engine, budget_s=namespace.seconds, launches=namespace.launches, batch_size=namespace.batch_size
        )
        measurement = measure(namespace.model, records, options)
        found.append(measurement)
        if not namespace.json:
            print(as_text(measurement))
    if namespace.json:
        print(json.dumps([measurement.to_json() for measurement in found]))
    return 0


def _check(namespace: argparse.Namespace) -> None:
    if not (namespace.seconds > 0 and math.isfinite(namespace.seconds)):
        raise ConfigError(f"--seconds: {namespace.seconds:g} is not a time. Give a positive number.")
    for option, value in (("--launches", namespace.launches), ("--batch-size", namespace.batch_size)):
        if value is not None and value < 1:
            raise ConfigError(f"{option}: {value} is not a count. Give at least 1.")
