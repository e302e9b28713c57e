"""`lean_automl predict`: predictions of an artifact for the rows of a table."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from lean_automl.cli.files import check_file, whole_file


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "predict", help="predict the rows of a table", description="Add predictions to the rows of a table."
    )
    parser.add_argument("model", metavar="MODEL", help="model.lam or model.onnx")
    parser.add_argument("data", metavar="DATA", help="table with the model's columns; others are ignored")
    parser.add_argument("--out", metavar="FILE", help=".csv or .parquet to write (default: CSV to standard output)")
    parser.add_argument("--engine", default="auto", help="auto, native, numba, reference, or onnx for model.onnx")
    parser.add_argument("--keep", action="store_true", help="keep the table's columns beside the predictions")
    parser.add_argument("--overwrite", action="store_true", help="replace FILE if it exists")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Predict and write."""
    out = None if namespace.out is None else Path(namespace.out)
    if out is not None:
        check_file(out, (".csv", ".parquet"), namespace.overwrite)
    import pandas as pd
    from lean_automl_runtime import load

    from lean_automl.data import read_table, to_table

    model = load(namespace.model, namespace.engine)
    frame = read_table(namespace.data)
    table = to_table(frame, model.columns)
    for note in table.notes:
        print(f"lean_automl: note: {note}", file=sys.stderr)
    outputs = model.run(table.arrays)
    if model.classes:
        result = pd.DataFrame({"prediction": outputs["label"].reshape(-1)})
        for position, label in enumerate(model.classes):
            result[f"probability_{label}"] = outputs["probabilities"][:, position]
    else:
        numbers = outputs["prediction"]
        names = [f"quantile_{q:g}" for q in model.metadata.get("quantiles") or ()]
        if not names:
            many = numbers.shape[1] > 1
            names = [f"prediction_{number}" if many else "prediction" for number in range(numbers.shape[1])]
        result = pd.DataFrame(numbers, columns=names)
    if namespace.keep:
        result = pd.concat([frame.reset_index(drop=True), result], axis=1)
    if out is None:
        result.to_csv(sys.stdout, index=False)
    else:
        with whole_file(out) as draft:
            if out.suffix == ".parquet":
                result.to_parquet(draft, index=False)
            else:
                result.to_csv(draft, index=False)
    return 0
