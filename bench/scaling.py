"""How reading, fits, batches and one row grow with rows, columns, classes and trees; and whole runs on large tables.

One thing grows at a time, on generated tables and Programs. Seconds of reading, fits and batches are the processor's,
on one thread; a call on one row is the median of short slots. `--parts` measures some parts anew, and keeps the others.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from bars import Bar, as_json, at_most, shown
from latency_python import session_of
from lean_automl_exporters.onnx import export_onnx
from lean_automl_runtime.engines import make_engine
from lean_automl_runtime.measure import measure_in_process
from lean_automl_runtime.measure.reference_programs import make_program, make_records
from lean_automl_runtime.measure.reference_shapes import Shape
from machine import machine

from lean_automl.data import load_dataset
from lean_automl.features import fit_features
from lean_automl.learners.base import FitOptions, Problem, Rows
from lean_automl.learners.chimeraboost import ChimeraBoost
from lean_automl.learners.linear import Linear
from lean_automl.student.deploy import Deployment

FIT_ROWS = (1_000, 10_000, 100_000, 1_000_000)
FIT_COLUMNS = (10, 100, 1_000, 5_000)
FIT_CLASSES = (2, 10, 30, 100)
BATCH_ROWS = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
TREES = (10, 100, 1_000, 10_000)
COLUMNS = (10, 100, 1_000, 5_000)
CLASSES = (2, 10, 30, 100)
LARGEST_CHUNK = 1_000_000  # a larger batch is given in pieces of this size, as its matrix would not fit elsewhere
RUNS = {  # rows, columns, classes
    "1,000,000 rows": (1_000_000, 20, 2),
    "5,000 columns": (2_000, 5_000, 2),
    "100 classes": (10_000, 20, 100),
}
Points = list[tuple[int, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="*", choices=[*PARTS, "runs"], default=[*PARTS, "runs"])
    parser.add_argument("--most-rows", type=int, default=10_000_000, help="of a fit and of a batch")
    parser.add_argument("--time-limit", type=float, default=60.0, help="of the whole runs")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "scaling.json")
    options = parser.parse_args()
    before = json.loads(options.out.read_text()) if options.out.exists() else {}
    found: dict[str, Any] = {"parts": {}, "runs": {}, **before, "machine": machine()}
    for name, part in measured(options):
        (found["runs"] if name in RUNS else found["parts"])[name] = part
        found["bars"] = as_json(list(bars(found)))
        options.out.write_text(json.dumps(found, indent=1) + "\n")
        print(name, json.dumps(part), flush=True)
    print(shown(bars(found)))


def measured(options: argparse.Namespace) -> Iterator[tuple[str, dict[str, Any]]]:
    """Pairs of a name and a result, as they come."""
    for name in options.parts:
        if name in PARTS:
            what, by, unit, sizes, measure = PARTS[name]
            series: dict[str, Points] = {}
            for size in sizes:
                if by != "rows" or size <= options.most_rows:
                    for line, value in measure(size).items():
                        series.setdefault(line, []).append((size, float(f"{value:.4g}")))
            yield name, {"what": what, "by": by, "unit": unit, "series": series}
    if "runs" in options.parts:
        for name, (rows, columns, classes) in RUNS.items():
            yield name, whole_run(generated(rows, columns, classes), options.time_limit)


def generated(rows: int, columns: int, classes: int) -> pd.DataFrame:
    """Numbers, a category in every fifth column, and a target that some of them tell."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"x{j}": rng.normal(size=rows).astype(np.float32) for j in range(columns)})
    for j in range(4, min(columns, 100), 5):
        frame[f"x{j}"] = np.array([f"v{k}" for k in range(20)], dtype=object)[rng.integers(0, 20, rows)]
    if classes == 2:
        score = frame["x0"] * frame["x1"] + np.sin(2 * frame["x2"]) + (frame["x4"] == "v3") + rng.normal(size=rows)
        frame["y"] = np.where(score > 0, "yes", "no")
    else:
        centres = rng.normal(scale=1.5, size=(classes, 4)).astype(np.float32)
        codes = rng.integers(0, classes, rows)
        for j in range(4):
            frame[f"x{j}"] += centres[codes, j]
        frame["y"] = np.array([f"class {k}" for k in range(classes)], dtype=object)[codes]
    return frame


def busy(call: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of the processor, and what came out."""
    begin = time.process_time()
    value = call()
    return time.process_time() - begin, value


def fit(rows: int, columns: int, classes: int) -> dict[str, float]:
    """Seconds of what a run does with a table once, and of two short fits."""
    frame = generated(rows, columns, classes)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.parquet")
        frame.to_parquet(path)
        read, dataset = busy(lambda: load_dataset(path, "y"))
    features, data = busy(
        lambda: Rows(fit_features(dataset.table).frame(dataset.table), dataset.y)  # as every learner reads it
    )
    problem, options = Problem(dataset.schema.task, len(dataset.schema.classes)), FitOptions(0, 1)
    seconds = {"read and schema": read, "features": features}
    learners = {
        "20 oblivious trees": ChimeraBoost(trees=20, depth=6, linear=False),
        "linear": Linear((0.1,)),
    }
    few = data.take(np.arange(min(rows, 300)))
    for name, learner in learners.items():
        learner.fit(few, None, problem, options)  # what is compiled at first use is no part of it
        seconds[name] = busy(lambda learner=learner: learner.fit(data, None, problem, options))[0]
    return seconds


def batch(rows: int) -> dict[str, float]:
    """Seconds of a batch through 100 trees on 20 columns, columns in typed arrays."""
    program = make_program(Shape("oblivious", 100, 6, numeric=20))
    size = min(rows, LARGEST_CHUNK)
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=size).astype(np.float32) for _ in program.columns]
    session = session_of(export_onnx(program))
    feed = {one.name: array[:, None] for one, array in zip(session.get_inputs(), arrays, strict=True)}
    engine = make_engine(program, "native")
    calls: dict[str, Callable[[], Any]] = {
        "native": lambda: engine.run(arrays),
        "onnxruntime": lambda: session.run(None, feed),
    }
    pieces = rows // size
    repeats = max(1, 100_000 // rows)

    def several(call: Callable[[], Any]) -> None:
        for _ in range(pieces * repeats):
            call()

    for call in calls.values():
        call()
    return {name: busy(lambda call=call: several(call))[0] / repeats for name, call in calls.items()}


def one_row(shape: Shape) -> dict[str, float]:
    """Median microseconds of one record from Python."""
    program, records = make_program(shape), make_records(shape, rows=256)
    found = {}
    models = Deployment({"model.lam": "native", "model.onnx": "onnx"}).models(program)
    for name, model in zip(("native", "onnxruntime"), models.values(), strict=True):
        found[name] = measure_in_process(model.predict_one, records).total.p50.value_us
    return found


def whole_run(frame: pd.DataFrame, limit_s: float) -> dict[str, Any]:
    """`lean_automl fit` with nothing but limits: how it ends, when, and what the model is worth."""
    with tempfile.TemporaryDirectory() as folder:
        frame.to_parquet(f"{folder}/table.parquet")
        command = [sys.executable, "-m", "lean_automl", "fit", f"{folder}/table.parquet", "--target", "y", "--quiet"]
        command += ["--max-latency-ms", "2", "--time-limit", str(limit_s), "--out", f"{folder}/model"]
        begin = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        row: dict[str, Any] = {"limit_s": limit_s, "exit": done.returncode}
        row["wall_s"] = round(time.monotonic() - begin, 1)
        if done.returncode != 0:
            return row | {"said": done.stderr.strip()[-300:]}
        run = json.loads(Path(folder, "model", "run.json").read_text())
    names = ("metric", "student_holdout", "constant_holdout")
    return row | {name: run[name] for name in names} | {"students": len(run["trials"])}


PARTS: dict[str, tuple[str, str, str, tuple[int, ...], Callable[[int], dict[str, float]]]] = {
    "fit by rows": ("Seconds of a fit, 20 columns", "rows", "s", FIT_ROWS, lambda n: fit(n, 20, 2)),
    "fit by columns": ("Seconds of a fit, 2,000 rows", "columns", "s", FIT_COLUMNS, lambda n: fit(2_000, n, 2)),
    "fit by classes": ("Seconds of a fit, 10,000 rows", "classes", "s", FIT_CLASSES, lambda n: fit(10_000, 20, n)),
    "batch by rows": ("Seconds of a batch, 100 trees", "rows", "s", BATCH_ROWS, batch),
    "row by trees": (
        "One record, 20 columns", "trees", "us", TREES, lambda n: one_row(Shape("oblivious", n, 6, numeric=20)),
    ),
    "row by columns": (
        "One record, 100 trees", "columns", "us", COLUMNS, lambda n: one_row(Shape("oblivious", 100, 6, numeric=n)),
    ),
    "row by classes": (
        "One record, 100 trees of 20 columns", "classes", "us", CLASSES,
        lambda n: one_row(Shape("oblivious", 100, 6, numeric=20, classes=n)),
    ),
}  # fmt: skip


def bars(found: dict[str, Any]) -> Iterator[Bar]:
    """What must not grow faster than what it is done to."""
    wanted = (
        ("fit by rows", "read and schema", 1.5),
        ("fit by rows", "features", 1.5),
        ("fit by columns", "read and schema", 1.5),
        ("fit by columns", "features", 1.5),
        ("batch by rows", "native", 1.2),
        ("row by trees", "native", 1.5),
        ("row by columns", "native", 1.5),
        ("row by classes", "native", 1.2),
    )
    for part, line, most in wanted:
        points = found["parts"].get(part, {}).get("series", {}).get(line, [])
        if len(points) > 1:
            (low, first), (high, last) = points[-2:]
            grown = round(last / first / (high / low), 2)
            yield at_most(f"{part}, {line}: growth per growth from {low:,} to {high:,}", most, grown)
    for name, run in found["runs"].items():
        late = run["wall_s"] > run["limit_s"] + max(3.0, 0.05 * run["limit_s"])
        gained = run["exit"] == 0 and run["student_holdout"] > run["constant_holdout"]
        said = f"exit code {run['exit']} after {run['wall_s']:g} s"
        wish = f"a model better than a constant within {run['limit_s']:g} s"
        yield Bar(f"run on {name}", wish, said, gained and not late)


if __name__ == "__main__":
    main()
