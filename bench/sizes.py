"""Fit tables, and compare each last fit with what passes made of it: bytes, scores on unseen rows, time of a call.

Passes get all the time they need, so that what they do does not depend on how busy the machine is. The fits themselves
do depend on it: `refitted` says whether there was time for a last fit, and a bar asks that there was.
"""

import argparse
import json
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from bars import Bar, as_json, at_least, at_most, shown
from lean_automl_exporters.c import export_c
from lean_automl_exporters.c.export import row_fields
from lean_automl_exporters.onnx import OnnxOptions, TreeEncoding, export_onnx
from lean_automl_runtime.artifact import Artifact, read_artifact, write_artifact
from lean_automl_runtime.engines import make_engine
from lean_automl_runtime.engines.onnx import OnnxEngine
from lean_automl_runtime.ir import Program
from lean_automl_runtime.measure import measure_in_process
from lean_automl_runtime.model import Model
from machine import machine
from sklearn.model_selection import train_test_split

from lean_automl.automl import last_fit
from lean_automl.automl.pipeline import FitRequest, fit
from lean_automl.automl.run import Run
from lean_automl.automl.shrink_files import Chosen, choose_passes
from lean_automl.cli.progress import Silent
from lean_automl.config import Budget, Constraints, FitConfig
from lean_automl.data import Dataset, load_dataset, to_table
from lean_automl.data.records import to_records
from lean_automl.search.metrics import make_metric
from lean_automl.student.blend import Blend
from lean_automl.student.trial import predict_with

DEMO = "adult, seed 0"
FITS = ("adult", 0), ("adult", 1), ("california_housing", 0), ("credit_status", 0)
MOST = {
    "model.lam": 24_000,
    "model.onnx": 40_000,
    "C, tables in flash": 24_000,
    "C, static RAM": 0,
}  # bytes, of the demo
MOST_LOSS = 0.005  # that passes may add, relative to what the loss was
COMPILE = ("gcc", "-std=c99", "-Os", "-ffp-contract=off", "-fno-pie", "-c")
RECORDS = 500
LONGEST_S = 60.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with index.json and the tables")
    parser.add_argument("--time-limit", type=float, default=60.0)
    parser.add_argument("--max-latency-ms", type=float, default=2.0)
    parser.add_argument("--max-size-kb", type=float, default=40.0)
    parser.add_argument("--only", nargs="*", help="names of sets")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "sizes.json")
    options = parser.parse_args()
    index = {one["name"]: one for one in json.loads((options.data / "index.json").read_text())}
    asked = {k: str(v) for k, v in vars(options).items() if k not in ("data", "out", "only")}
    found: dict[str, Any] = {"machine": machine(), "options": asked, "fits": {}}
    bars: list[Bar] = []
    for name, seed in FITS:
        if options.only and name not in options.only:
            continue
        row = compare(index[name], seed, options)
        found["fits"][f"{name}, seed {seed}"] = row
        print(name, seed, json.dumps(row), flush=True)
        bars = list(size_bars(found["fits"]))
        options.out.write_text(json.dumps({**found, "bars": as_json(bars)}, indent=1) + "\n")
    print(shown(bars))


def size_bars(fits: dict[str, Any]) -> Iterator[Bar]:
    """Bars for the files of the demo, and for the loss everywhere."""
    for name, row in fits.items():
        yield at_least(f"{name}: last fit on all rows", 1, int(row["refitted"]))
        yield at_most(f"{name}: better students passed over", 0, row["passed_over"])
        if name == DEMO:
            yield from (at_most(f"{name}: {part}, bytes", most, row["shipped"][part]) for part, most in MOST.items())
        if "after" in row:
            loss = next(key for key in ("log_loss", "root_mean_squared_error") if key in row["before"])
            added = round(row["after"][loss] / row["before"][loss] - 1, 5)
            yield at_most(f"{name}: loss on unseen rows, relative to unquantised", MOST_LOSS, added)


def compare(one: dict, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    limits = Constraints(max_latency_us=1000 * options.max_latency_ms, max_size_bytes=1000 * options.max_size_kb)
    config = FitConfig(constraints=limits, budget=Budget(time_limit_s=options.time_limit), seed=seed)
    seen, rest, unseen = rows_of(one, seed, options.data)
    pairs: list[tuple[Program, Program, float]] = []
    own = last_fit.passes_for, last_fit.shrunk

    def unhurried(run: Run, blend: Blend) -> Chosen:
        return choose_passes(blend, run.bench, run.dataset.table, LONGEST_S)

    def noting(program: Program, chosen: Chosen, _: float) -> tuple[Program, dict]:
        begin = time.monotonic()
        smaller, said = own[1](program, chosen, LONGEST_S)
        pairs.append((program, smaller, time.monotonic() - begin))
        return smaller, said

    last_fit.passes_for, last_fit.shrunk = unhurried, noting
    try:
        with tempfile.TemporaryDirectory() as folder:
            source, out = Path(folder, "rows.parquet"), Path(folder, "model")
            seen.to_parquet(source)
            result = fit(FitRequest(source, one["target"], out), config, Silent())
            sizes = {name: (out / name).stat().st_size for name in ("model.lam", "model.onnx")}
            sizes |= in_c(read_artifact((out / "model.lam").read_bytes()).program, Path(folder))
    finally:
        last_fit.passes_for, last_fit.shrunk = own
    row: dict[str, Any] = {"task": one["task"], "family": result.student.family, "refitted": result.refitted}
    row |= {"passed_over": len(result.passed_over), "shipped": sizes}
    if not pairs:
        return row
    before, after, seconds = pairs[0]  # of the best, also where measuring had no time for it
    row["shrink_s"] = round(result.seconds.get("shrink", 0.0) + seconds, 2)
    return row | {"before": figures(before, rest, unseen), "after": figures(after, rest, unseen)}


def rows_of(one: dict, seed: int, folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, Dataset]:
    """Rows to fit, and a quarter that no step sees: the last fit of a run knows all that the run was given."""
    frame = pd.read_parquet(folder / one["file"])
    frame = frame[frame[one["target"]].notna()].reset_index(drop=True)
    strata = None if one["task"] == "regression" else frame[one["target"]]
    seen, rest = train_test_split(np.arange(len(frame)), test_size=0.25, random_state=seed, stratify=strata)
    return frame.iloc[seen], frame.iloc[rest], load_dataset(frame, one["target"]).take(rest)


def in_c(program: Program, folder: Path) -> dict[str, int]:
    """Bytes of the exported header, compiled for size, with every function that looks categories up."""
    (folder / "model.h").write_text(export_c(program)["model.h"])
    finds = [field.find for field in row_fields(program) if field.find]
    calls = "".join(f"int32_t use_{find}(const char *t, size_t n) {{ return {find}(t, n); }}\n" for find in finds)
    run = "void f(const model_row *row, model_result *result) { model_predict(row, result); }\n"
    (folder / "size.c").write_text(f'#include "model.h"\n{calls}{run}')
    subprocess.run([*COMPILE, "-o", folder / "size.o", folder / "size.c"], check=True)
    listed = subprocess.run(["size", "-A", folder / "size.o"], check=True, capture_output=True, text=True).stdout
    found = {name: int(size) for name, size in re.findall(r"^(\.\S+)\s+(\d+)", listed, re.MULTILINE)}
    code = sum(size for name, size in found.items() if name.startswith((".text", ".rodata.cst")))  # and its constants
    static = sum(size for name, size in found.items() if name.startswith((".data", ".bss")))
    return {"C, tables in flash": found[".rodata"], "C, code in flash": code, "C, static RAM": static}


def figures(program: Program, rest: pd.DataFrame, unseen: Dataset) -> dict[str, float]:
    onnx = export_onnx(program, OnnxOptions(TreeEncoding.COMPACT))
    tables = re.search(r"Tables: (\d+) bytes", next(iter(export_c(program).values())))
    assert tables is not None
    row: dict[str, float] = {"lam": len(write_artifact(Artifact(program))), "onnx": len(onnx), "c": int(tables[1])}
    problem, outputs = unseen.schema.task, len(unseen.schema.classes) or 1
    table = to_table(rest, program.columns)
    predicted = predict_with(program, table)
    names = ("neg_log_loss", "roc_auc") if outputs == 2 else ("neg_log_loss",) if outputs > 2 else (None,)
    for name in names:
        metric = make_metric(name, problem, outputs)
        score = metric(unseen.y, predicted, unseen.weight)
        row[metric.shown_name] = round(-score if metric.name.startswith("neg_") else score, 6)
    records = to_records(table.take(np.arange(min(RECORDS, table.rows))))
    session = OnnxEngine(onnx)
    models = {
        "native": Model(make_engine(program), program.columns, program.classes, {}),
        "onnx": Model(session, session.columns, session.classes, {}),
    }
    for name, model in models.items():
        row[f"p50_us, {name}"] = round(measure_in_process(model.predict_one, records).total.at(0.5).value_us, 2)
    return row


if __name__ == "__main__":
    main()
