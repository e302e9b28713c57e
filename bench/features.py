"""Score one learner on searched features beside the same learner on the columns as they are.

A quarter of each table is never seen by the search of features or by the fit. A row is a set and a seed; the mean gain
is in normalised score (0 is the constant predictor, 1 the better of the two), with its 95 % interval over rows.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from machine import machine
from scipy import stats
from sklearn.model_selection import train_test_split

from lean_automl.automl.choose_features import Terms, choose_features, most_levels
from lean_automl.data import Task, folds, load_dataset
from lean_automl.features import describe, fit_features
from lean_automl.learners.base import FitOptions, Problem, Rows
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


def interval(gains: list[float]) -> dict[str, float]:
    mean, half = float(np.mean(gains)), 0.0
    if len(gains) > 1:
        half = float(stats.t.ppf(0.975, len(gains) - 1) * np.std(gains, ddof=1) / np.sqrt(len(gains)))
    return {"mean": round(mean, 5), "low": round(mean - half, 5), "high": round(mean + half, 5)}


def compare(path: Path, one: dict, seed: int, options: argparse.Namespace, workers: Workers) -> dict[str, object]:
    dataset = load_dataset(path, one["target"], task=Task(one["task"]))
    if dataset.rows > options.rows:
        dataset = dataset.take(np.sort(np.random.default_rng(seed).choice(dataset.rows, options.rows, replace=False)))
    problem = Problem(dataset.schema.task, len(dataset.schema.classes) or 1)
    metric = make_metric(None, problem.task, problem.outputs)
    strata = dataset.y if problem.task.is_classification and np.bincount(dataset.y).min() > 3 else None
    train, test = train_test_split(np.arange(dataset.rows), test_size=0.25, random_state=seed, stratify=strata)
    own, new = dataset.take(np.sort(train)), dataset.take(test)
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
    if problem.task.is_classification:
        shares = np.bincount(own.y, minlength=problem.outputs) / own.rows
        constant = metric(new.y, np.tile(shares, (new.rows, 1)), new.weight)
    else:
        constant = metric(new.y, np.full((new.rows, 1), own.y.mean()), new.weight)
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
