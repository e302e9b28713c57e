"""Time of one row and of batches beside other engines: one thread, in turns, real rows, medians of rounds.

`--data FOLDER` has index.json and tables. Rivals that need packages of their own take the Python that has them:
`--tl2cgen-python` (tl2cgen, treelite, lightgbm, onnxmltools), `--compilers-python` (lleaves, m2cgen, timber-compiler,
lightgbm) and `--ydf-python` (ydf, pandas, pyarrow). What is not given, or cannot be built, is left out, and the result
file says so.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import latency_python as python
import latency_rows as rows
from bars import Bar, as_json, latency_bars, shown
from latency_models import ROWS, Split, codes_of, fit_student, lightgbm_model, split_of, student, write_rows
from latency_more import without_wrong_answers
from latency_transform import transforms
from machine import machine

from lean_automl.learners.chimeraboost import ChimeraBoost

ADULT = {"name": "adult", "file": "adult.parquet", "target": "income", "task": "binary"}
EXAMPLES = Path(__file__).parents[1] / "examples" / "data"
SETS = ("adult", "california_housing", "credit_status", "spambase")
PARTS = ("adult", "rivals", "transform", "compile")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with index.json; without it, no comparison with rivals")
    parser.add_argument("--sets", nargs="*", default=list(SETS), help="names of sets in index.json")
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--repeats", type=int, default=21)
    parser.add_argument("--tl2cgen-python")
    parser.add_argument("--ydf-python")
    parser.add_argument("--compilers-python")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "latency.json")
    options = parser.parse_args()
    partly = set(options.parts) != set(PARTS) and options.out.exists()  # other parts stay as they were
    before = json.loads(options.out.read_text()) if partly else {}
    found: dict[str, Any] = {**before, "machine": machine(), "repeats": options.repeats}
    found.pop("bars", None)
    bars: list[Bar] = []
    for name, result in measured(options):
        found[name] = result
        bars = list(latency_bars(found))
        options.out.write_text(json.dumps({**found, "bars": as_json(bars)}, indent=1) + "\n")
        print(name, json.dumps(result), flush=True)
    print(shown(bars))


def measured(options: argparse.Namespace) -> Any:
    """Pairs of a name and a result, as they come."""
    with tempfile.TemporaryDirectory(prefix="lean_automl_latency_") as name:
        folder = Path(name)
        if "compile" in options.parts:
            yield "compile", python.compile_times(folder, 3)
        split = split_of(ADULT, EXAMPLES)
        if "adult" in options.parts:
            yield "adult, 100 oblivious trees of depth 6", adult(split, folder, options.repeats)
        if "transform" in options.parts:
            yield "transform, 100,000 rows", transforms(split, max(3, options.repeats // 3))
        if "rivals" in options.parts and options.data is not None:
            for one in json.loads((options.data / "index.json").read_text()):
                if one["name"] in options.sets:
                    yield f"rivals, {one['name']}", against_rivals(split_of(one, options.data), options)


def adult(split: Split, folder: Path, repeats: int) -> dict[str, Any]:
    """One record of the 14 raw columns in Python, and the kernel in C."""
    learner = ChimeraBoost(trees=100, depth=6, learning_rate=0.2, linear=False)
    program, info = fit_student(split, learner)
    frame = split.test.head(ROWS)
    write_rows(program, frame, folder / "rows.bin")
    kernel = rows.time_engines(folder, rows.build_ours(program, folder), repeats)
    return {"student": info, "python": python.one_record(program, frame, repeats), "c": kernel}


def against_rivals(split: Split, options: argparse.Namespace) -> dict[str, Any]:
    """One row in C and a batch in Python; each system's model is the one that scored best on the validation rows."""
    with tempfile.TemporaryDirectory(prefix="lean_automl_latency_") as name:
        folder = Path(name)
        first, _ = fit_student(split, ChimeraBoost(trees=100, depth=6, learning_rate=0.2, linear=False))
        booster, theirs = lightgbm_model(split, first)
        booster.save_model(folder / "lightgbm.txt")
        program, ours = student(split)
        if codes_of(program) != codes_of(first):
            raise SystemExit(f"{split.name}: the students read other columns or categories, so codes do not agree")
        columns = [column.name for column in program.columns]
        write_rows(program, split.test.head(ROWS), folder / "rows.bin")
        found: dict[str, Any] = {"student": ours, "lightgbm": theirs}
        rivals = rows.Rivals(options.tl2cgen_python, options.ydf_python, options.compilers_python)
        if rivals.ydf:
            for part, frame in (("train", split.train), ("test", split.test)):
                frame[[*columns, split.target]].to_parquet(folder / f"{part}.parquet")
            rows.run(rivals.ydf, rows.SOURCES / "ydf_model.py", folder, split.target, split.task)
            note = json.loads((folder / "ydf.json").read_text())
            score = -note["metric"] if split.is_regression else note["metric"]
            found["ydf"] = {"test": score, "trees": note["trees"], "version": note["version"]}
        engines = rows.build_ours(program, folder)
        built, found["not_built"] = rows.build_rivals(folder, program, rivals)
        found["one_row"] = rows.time_engines(folder, [*engines, *built], options.repeats)
        found["not_built"] |= without_wrong_answers(found["one_row"])
        found["batch of 100,000"] = python.batches(program, booster, split.test, max(3, options.repeats // 3))
        return found


if __name__ == "__main__":
    main()
