"""Score one learner on searched features beside the same learner on the columns as they are.

A quarter of each table is never seen by the search of features or by the fit. A row is a set and a seed; the mean gain
is in normalised score (0 is the constant predictor, 1 the better of the two), with its 95 % interval over rows.
"""

import argparse
import json
import time
from pathlib import Path

from machine import machine
from paired import constant_score, interval, parted, rows_of

from lean_automl.automl.choose_features import Terms, choose_features, most_levels
from lean_automl.data import Task, folds
from lean_automl.features import describe, fit_features
from lean_automl.learners.base import FitOptions, Rows
from lean_automl.learners.chimeraboost import ChimeraBoost
from lean_automl.search.metrics import make_metric
from lean_automl.search.workers import Workers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with index.json and the tables")
    parser.add_argument("--rows", type=int, default=60_000, help="most rows of a table")
    parser.add_argument("--seconds", type=float, default=20.0, help="for the search of features")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--only", nargs="*", help="names of sets")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "features.json")
    options = parser.parse_args()
    found = {"machine": machine(), "most_rows": options.rows, "seconds": options.seconds, "rows": []}
    with Workers(2) as workers:
        workers.wait_until_ready(time.monotonic() + 120)
        for one in json.loads((options.data / "index.json").read_text()):
            if options.only and one["name"] not in options.only:
                continue
            for seed in options.seeds:
                row = {"set": one["name"], "seed": seed} | compare(
                    options.data / one["file"], one, seed, options, workers
                )
                found["rows"].append(row)
                print(json.dumps(row), flush=True)
                found["gain"] = interval([r["gain"] for r in found["rows"]])
                options.out.write_text(json.dumps(found, indent=1))
    print("mean gain in normalised score", json.dumps(found["gain"]))


def compare(path: Path, one: dict, seed: int, options: argparse.Namespace, workers: Workers) -> dict[str, object]:
    dataset, problem = rows_of(path, one, options.rows, seed)
    metric = make_metric(None, problem.task, problem.outputs)
    own, new = (dataset.take(part) for part in parted(dataset, 0.25, seed))
    parts = folds(own, 5, seed)
    begin = time.perf_counter()
    terms = Terms(problem, metric, workers, most_levels(None, problem))
    chosen = choose_features(own, terms, FitOptions(seed, 1, time.monotonic() + options.seconds))
    seconds = time.perf_counter() - begin
    settings = ChimeraBoost(trees=200 if problem.task is Task.MULTICLASS else 2000, learning_rate=0.1, colsample=0.7)
    scores = []
    for plan in (fit_features(own.table), chosen.plan):
        rows = Rows(plan.frame(own.table), own.y, own.weight)
        fitted = settings.fit(rows.take(parts[-1].train), rows.take(parts[-1].valid), problem, FitOptions(seed, 2))
        scores.append(metric(new.y, fitted.predict(plan.frame(new.table)), new.weight))
    constant = constant_score(metric, problem, own, new)
    scale = max(scores) - constant
    return {
        "metric": metric.name,
        "columns": round(scores[0], 6),
        "searched": round(scores[1], 6),
        "gain": round((scores[1] - scores[0]) / scale, 6) if scale > 0 else 0.0,
        "search_s": round(seconds, 1),
        "features": [describe(feature) for feature in chosen.searched],
    }


if __name__ == "__main__":
    main()
