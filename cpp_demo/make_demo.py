"""Exports a model for the C++ programs, with rows and the answers that they must give.

    python cpp_demo/make_demo.py --out cpp_demo/build/model

trains a small model on the bundled census table with LightGBM and compiles it.

    python cpp_demo/make_demo.py --out cpp_demo/build/model --model model.lam --rows rows.csv

takes an artifact instead, and rows with its columns.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from lean_automl_exporters.c import COptions, export_c
from lean_automl_exporters.c.interface import make_fields
from lean_automl_exporters.c.names import Names, literal
from lean_automl_exporters.onnx import export_checked
from lean_automl_runtime import load_artifact
from lean_automl_runtime.engines import make_engine
from lean_automl_runtime.ir import Program, to_bytes
from lean_automl_runtime.model import Model
from lean_automl_runtime.native.plan import build_plan

ROWS: Final = 2_000
PREFIX: Final = "model"
TABLE: Final = Path(__file__).resolve().parents[1] / "examples" / "data" / "adult.parquet"
TARGET: Final = "income"
MACROS: Final = {"numeric": "MODEL_NUMBER", "boolean": "MODEL_TRUTH", "datetime": "MODEL_TIME"}

Record = dict[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, type=Path, help="folder for the files")
    parser.add_argument("--model", type=Path, help="artifact to take instead of a new model")
    parser.add_argument("--rows", type=Path, help="with --model: CSV with its columns")
    asked = parser.parse_args()
    if (asked.model is None) != (asked.rows is None):
        parser.error("--model and --rows go together")
    if asked.model is None:
        program, records = census()
    else:
        program = load_artifact(asked.model).program
        with asked.rows.open(encoding="utf-8", newline="") as lines:
            records = list(csv.DictReader(lines))
    write_demo(program, records, asked.out)
    for path in sorted(asked.out.iterdir()):
        print(f"{path}: {path.stat().st_size:,} bytes")


def census() -> tuple[Program, list[Record]]:
    """A small model of the census table, and rows that it was not trained on."""
    import lightgbm

    from lean_automl.compiler.foreign import Request, compile_model

    frame = pd.read_parquet(TABLE).sample(frac=1.0, random_state=0, ignore_index=True)
    target, rows = frame.pop(TARGET), len(frame) - ROWS
    classes = tuple(sorted(target.unique()))
    train = lightgbm.Dataset(frame.head(rows), (target.head(rows) == classes[1]).astype(int))
    settings = {"objective": "binary", "num_leaves": 15, "seed": 0, "num_threads": 1, "deterministic": True}
    booster = lightgbm.train({**settings, "verbosity": -1}, train, 60)
    sample = frame.tail(ROWS)
    text = frame.select_dtypes("category").columns
    sample = sample.assign(**{name: sample[name].astype(object) for name in text})
    return compile_model(booster, Request(classes=classes), frame.tail(ROWS)), as_records(sample)


def as_records(frame: pd.DataFrame) -> list[Record]:
    """Rows as text, as a CSV file has them; a missing value is empty text."""
    filled = frame.astype(object).where(frame.notna(), "")
    return [{str(name): str(value) for name, value in row.items()} for row in filled.to_dict("records")]


def write_demo(program: Program, records: Sequence[Record], folder: Path) -> None:
    """Write the model in both forms, rows, and the answers of the reference."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in export_c(program, COptions(PREFIX)).items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "model_columns.inc").write_text(columns_text(program), encoding="utf-8")
    content, _ = export_checked(program, [])
    (folder / "model.onnx").write_bytes(content)
    names = [column.name for column in program.columns]
    write_csv(folder / "rows.csv", names, [[record[name] for name in names] for record in records])
    write_csv(folder / "expected.csv", *answers(program, records))


def columns_text(program: Program) -> str:
    """A line for each column, which says how its cells get into the struct of a row."""
    lines = []
    for field in make_fields(build_plan(*to_bytes(program)), PREFIX, Names()):
        macro = MACROS.get(field.column.kind, "MODEL_CATEGORY")
        find = f", {field.find}" if field.find else ""
        lines.append(f"{macro}({literal(field.column.name)}, {field.name}{find})\n")
    return "".join(lines)


def answers(program: Program, records: Sequence[Record]) -> tuple[list[str], list[list[Any]]]:
    """What the reference answers: head and rows of a table."""
    model = Model(make_engine(program, "reference"), program.columns, program.classes, {})
    if not program.classes:
        return ["prediction"], [[f"{x:.9g}"] for x in model.predict(records)]
    head = ["prediction", *(f"probability_{j}" for j in range(len(program.classes)))]
    labels, probabilities = model.predict(records), model.predict_proba(records)
    rows = zip(labels, np.asarray(probabilities), strict=True)
    return head, [[label, *(f"{p:.9g}" for p in own)] for label, own in rows]


def write_csv(path: Path, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([head, *rows])


if __name__ == "__main__":
    main()
