"""Score one learner with and without the texts of a table: on a quarter of the rows that it has never seen.

The sets are those of the folder with columns whose words say more than themselves. Texts are read with as many tokens
as each of `--tokens` allows; 0 leaves them unread. A gain is the difference to unread texts, where 0 is the constant
predictor and 1 the best of all; paired by set and seed, with a 95 % interval of its mean.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from machine import machine
from paired import constant_score, interval, parted, rows_of

from lean_automl.data import Task
from lean_automl.features import fit_features
from lean_automl.learners.base import FitOptions, Rows
from lean_automl.learners.chimeraboost import ChimeraBoost
from lean_automl.learners.texts import fit_reading
from lean_automl.search.metrics import make_metric


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with index.json and the tables")
    parser.add_argument("--sets", nargs="+", help="names of sets; all without it")
    parser.add_argument("--rows", type=int, default=12_000, help="most rows of a table")
    parser.add_argument("--tokens", type=int, nargs="+", default=[0, 50, 4096])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "text.json")
    options = parser.parse_args()
    found = {"machine": machine(), "most_rows": options.rows, "tokens": options.tokens, "sets": {}}
    for one in json.loads((options.data / "index.json").read_text()):
        if options.sets and one["name"] not in options.sets:
            continue
        runs = [compare(options.data / one["file"], one, seed, options) for seed in options.seeds]
        if not runs[0]["columns"]:
            continue
        found["sets"][one["name"]] = runs
        print(one["name"], json.dumps(runs), flush=True)
        every = [run["gains"] for sets in found["sets"].values() for run in sets]
        gains = zip(options.tokens[1:], zip(*every, strict=True), strict=True)
        found["gain"] = {str(tokens): interval(list(own)) for tokens, own in gains}
        options.out.write_text(json.dumps(found, indent=1) + "\n")
    print("gain", json.dumps(found["gain"]))


def compare(path: Path, one: dict, seed: int, options: argparse.Namespace) -> dict[str, object]:
    dataset, problem = rows_of(path, one, options.rows, seed)
    own, new = (dataset.take(part) for part in parted(dataset, 0.25, seed))
    columns = [text.column for text in fit_features(own.table).texts]
    if not columns:
        return {"columns": columns}
    metric = make_metric(None, problem.task, problem.outputs)
    train, held = parted(own, 0.2, seed)
    settings = ChimeraBoost(trees=150 if problem.task is Task.MULTICLASS else 300, learning_rate=0.1, colsample=0.7)
    scores = []
    for tokens in options.tokens:
        plan = fit_features(own.table, tokens)
        rows = Rows(plan.frame(own.table), own.y, own.weight)
        fitted = fit_reading(settings, (rows.take(train), rows.take(held)), problem, FitOptions(seed, 1))
        scores.append(metric(new.y, fitted.predict(plan.frame(new.table)), new.weight))
    scale = max(scores) - constant_score(metric, problem, own, new)
    gains = (np.array(scores[1:]) - scores[0]) / scale if scale > 0 else np.zeros(len(scores) - 1)
    return {
        "columns": columns,
        "metric": metric.name,
        "scores": [round(score, 5) for score in scores],
        "gains": [round(float(gain), 5) for gain in gains],
    }


if __name__ == "__main__":
    main()
