"""Score the teacher's members alone, their average, and the average without each of them, on rows that none has seen.

A quarter of each table judges; a fifth of the rest stops the fits and chooses what is averaged, by the rule for
students: best first, a further one unless the losses of rows say that the average gets worse. Normalised score: 0 is
the constant predictor, 1 the best member alone. What a member brings is paired: the average of all less that without.
Learners that are not members can be tried beside them.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from machine import machine
from paired import constant_score, interval, parted, rows_of

from lean_automl.features import fit_features
from lean_automl.learners.base import FitOptions, Problem, Rows, averaged
from lean_automl.search.losses import certainty, row_losses
from lean_automl.search.metrics import Metric, make_metric
from lean_automl.student.blend import ASKED_WITH_ROOM, MOST_MEMBERS
from lean_automl.teacher.portfolio import portfolio

MORE = {"xgboost": "XGBoost", "neighbours": "Neighbours"}  # learners that are no members, in more_learners.py


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with index.json and the tables")
    parser.add_argument("--rows", type=int, default=8_000, help="most rows of a table")
    parser.add_argument("--more", nargs="*", choices=MORE, default=[], help="learners to try beside the members")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "members.json")
    options = parser.parse_args()
    found = {"machine": machine(), "most_rows": options.rows, "rows": [], "mean": {}, "brings": {}}
    for one in json.loads((options.data / "index.json").read_text()):
        for seed in options.seeds:
            row = compare(options.data / one["file"], one, options, seed)
            found["rows"].append({"set": one["name"], "seed": seed, **row})
            print(one["name"], seed, json.dumps(row), flush=True)
            every = [own["scores"] for own in found["rows"]]
            found["mean"] = {name: round(float(np.mean([own[name] for own in every])), 4) for name in row["scores"]}
            found["brings"] = {
                name.removeprefix("without "): interval([own["by rule"] - own[name] for own in every])
                for name in row["scores"]
                if name.startswith("without ")
            }
            options.out.write_text(json.dumps(found, indent=1))
    print(json.dumps(found["brings"], indent=1))


def compare(path: Path, one: dict, options: argparse.Namespace, seed: int) -> dict[str, dict[str, float]]:
    dataset, problem = rows_of(path, one, options.rows, seed)
    metric = make_metric(None, problem.task, problem.outputs)
    own, test = parted(dataset, 0.25, seed)
    train, valid = parted(dataset, 0.2, seed, own)
    plan = fit_features(dataset.table.take(own))
    rows = Rows(plan.frame(dataset.table), dataset.y, dataset.weight)
    seen, new = {}, {}
    members = portfolio(own.size, problem, networks=True, students=True)
    for learner in (*members, *more(options.more)):
        name = learner.name if learner.name not in seen else f"{learner.name}, second"
        fitted = learner.fit(rows.take(train), rows.take(valid), problem, FitOptions(seed, 1))
        seen[name], new[name] = fitted.predict(rows.frame.take(valid)), fitted.predict(rows.frame.take(test))
    judged = rows.take(valid)
    scores = {name: metric(dataset.y[test], values) for name, values in new.items()}
    constant = constant_score(metric, problem, dataset.take(own), dataset.take(test))
    scale = max(scores.values()) - constant
    groups = {"by rule": list(seen)} | {f"without {name}": [other for other in seen if other != name] for name in seen}
    for group, names in groups.items():
        chosen = by_rule({name: seen[name] for name in names}, judged, problem, metric)
        scores[group] = metric(dataset.y[test], averaged([new[name] for name in chosen], problem.task))
        if group == "by rule":
            scores["the same, of probabilities"] = metric(
                dataset.y[test], np.mean([new[name] for name in chosen], axis=0)
            )
    scores["all, equally"] = metric(dataset.y[test], averaged(list(new.values()), problem.task))
    return {"scores": {name: round((score - constant) / scale, 5) for name, score in scores.items()}}


def more(names: list[str]) -> list:
    """Learners that are no members, by name; XGBoost has to be there only for them."""
    if not names:
        return []
    import more_learners

    return [getattr(more_learners, MORE[name])() for name in names]


def by_rule(seen: dict[str, np.ndarray], judged: Rows, problem: Problem, metric: Metric) -> list[str]:
    """Names of those that are averaged."""

    def losses(names: list[str]) -> np.ndarray:
        average = averaged([seen[name] for name in names], problem.task)
        return row_losses(judged.y, average, problem.task, judged.weight, problem.quantiles)

    ranked = sorted(seen, key=lambda name: -metric(judged.y, seen[name], judged.weight))
    members = ranked[:1]
    for name in ranked[1:]:
        if len(members) < MOST_MEMBERS and certainty(losses(members), losses([*members, name])) > ASKED_WITH_ROOM:
            members = [*members, name]
    return members


if __name__ == "__main__":
    main()
