"""Score several fits of each of the teacher's members beside one last fit, on rows that none has seen.

A quarter of each table judges. Each member is fitted on folds of some of the rest, stopping early on what the fold
leaves out; that chooses rounds and what is averaged, by the rule for students. Then come last fits without validation
rows: five on all of its rows that differ in their seeds, and five on four fifths of them. Ways to use them:

* `last`: one last fit of each member.
* `folds`: the average of the models of five folds.
* `last + folds`: half `last`, half the models of the folds that judge students.
* `3 seeds`, `5 seeds`: the average of so many last fits on all rows. `+ folds`: half that, half the folds.
* `parts`: the average of five last fits on four fifths of the rows. `last + parts`: half `last`, half that.

Normalised score: 0 is the constant predictor, 1 the `last` of the best member. Gains are paired by set and seed: a way
less `shipped`, which is `last + folds` for classes, where several folds judge, and `last` for numbers. A second call
goes on where the first was stopped.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from machine import machine
from members import by_rule
from paired import constant_score, interval, parted, rows_of

from lean_automl.automl.thin import trial_folds
from lean_automl.data import folds
from lean_automl.features import Frame, fit_features
from lean_automl.learners.around import bare
from lean_automl.learners.base import F64, FitOptions, Problem, Rows, Student, averaged
from lean_automl.learners.texts import fit_reading
from lean_automl.search.metrics import make_metric
from lean_automl.teacher.portfolio import portfolio

FITS = 5
SHARE = 0.8
MOST_READ = 40_000  # rows of a table
KINDS = ("classes", "numbers")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with index.json and the tables")
    parser.add_argument("--rows", type=int, default=2_250, help="most rows that members learn from")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--only", nargs="*", help="names of sets")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "bagging.json")
    options = parser.parse_args()
    sets = json.loads((options.data / "index.json").read_text())
    found = {"machine": machine(), "most_rows": options.rows, "rows": [], "gains": {}}
    if options.out.exists():
        found = json.loads(options.out.read_text())
    known = {(row["set"], row["seed"]) for row in found["rows"]}
    for seed in options.seeds:
        for one in sets:
            if (one["name"], seed) in known or (options.only and one["name"] not in options.only):
                continue
            row = compare(options.data / one["file"], one, options.rows, seed)
            found["rows"].append({"set": one["name"], "seed": seed, **row})
            print(one["name"], seed, json.dumps(row), flush=True)
            options.out.write_text(json.dumps(found, indent=1))
    found["gains"] = gains(found["rows"])
    options.out.write_text(json.dumps(found, indent=1))
    print(json.dumps(found["gains"], indent=1))


def gains(rows: list[dict]) -> dict[str, dict]:
    """Mean gain of every way over `shipped`, of the blend and of every member, by kind of target."""
    found: dict[str, dict] = {}
    for kind in KINDS:
        own = [row["scores"] for row in rows if (row["task"] == "regression") == (kind == "numbers")]
        for name in sorted({name for scores in own for name in scores}):
            scores = [one[name] for one in own if name in one]
            found.setdefault(kind, {})[name] = {
                way: interval([one[way] - one["shipped"] for one in scores]) for way in scores[0] if way != "shipped"
            }
    return found


def compare(path: Path, one: dict, most: int, seed: int) -> dict:
    """Scores of every way for every member and for the blend, and the seconds of one last fit of each."""
    dataset, problem = rows_of(path, one, MOST_READ, seed)
    metric = make_metric(None, problem.task, problem.outputs)
    own, test = parted(dataset, 0.25, seed)
    own = np.sort(np.random.default_rng(seed).permutation(own)[:most])
    learned = dataset.take(own)
    plan = fit_features(learned.table)
    rows = Rows(plan.frame(learned.table), learned.y, learned.weight)
    new = plan.frame(dataset.table.take(test))
    splits = folds(learned, FITS, seed)
    judged = trial_folds(splits, own.size)
    seen: dict[str, F64] = {}
    fits: dict[str, dict[str, list[F64]]] = {}
    seconds: dict[str, float] = {}
    for learner in portfolio(own.size, problem, networks=True, students=True):
        name = learner.name if learner.name not in fits else f"{learner.name}, second"
        models = [
            fit_reading(learner, (rows.take(s.train), rows.take(s.valid)), problem, FitOptions(seed, 1)) for s in splits
        ]
        last_models = models[-len(judged) :]
        seen[name] = np.concatenate(
            [m.predict(rows.frame.take(s.valid)) for m, s in zip(last_models, judged, strict=True)]
        )
        begin = time.monotonic()
        fits[name] = {"folds": [model.predict(new) for model in models]}
        fits[name] |= last_fits(learner, last_models, (rows, new), problem, seed)
        seconds[name] = round((time.monotonic() - begin) / 2 / FITS, 2)
    rest = rows.take(np.concatenate([split.valid for split in judged]))
    blend = by_rule(seen, rest, problem, metric)
    constant = constant_score(metric, problem, learned, dataset.take(test))
    by_way = {name: ways(predictions, problem, len(judged)) for name, predictions in fits.items()}
    by_way["blend"] = {way: averaged([by_way[name][way] for name in blend], problem.task) for way in by_way[blend[0]]}
    scores = {name: {way: metric(dataset.y[test], p) for way, p in every.items()} for name, every in by_way.items()}
    scale = max(every["last"] for name, every in scores.items() if name != "blend") - constant
    return {
        "task": problem.task.value,
        "rows": int(own.size),
        "blend": blend,
        "seconds": seconds,
        "scores": {
            name: {way: round((score - constant) / scale, 5) for way, score in every.items()}
            for name, every in scores.items()
        },
    }


def last_fits(learner: Student, models: list, rows: tuple[Rows, Frame], problem: Problem, seed: int) -> dict:
    """What last fits say of new rows: some that differ in their seeds, and some on parts of the rows."""
    train, new = rows
    count = train.frame.rows
    fold_rows = count * (1 - 1 / FITS)
    again = learner.for_all_rows(bare(models), count / fold_rows)
    part = learner.for_all_rows(bare(models), SHARE * count / fold_rows)
    found: dict[str, list[F64]] = {"seeds": [], "parts": []}
    for turn in range(FITS):
        options = FitOptions(seed + 1_000 * turn, 1)
        found["seeds"].append(fit_reading(again, (train, None), problem, options).predict(new))
        some = np.sort(np.random.default_rng([seed, turn]).permutation(count)[: round(SHARE * count)])
        found["parts"].append(fit_reading(part, (train.take(some), None), problem, options).predict(new))
    return found


def ways(fits: dict[str, list[F64]], problem: Problem, judged: int) -> dict[str, F64]:
    """Predictions of every way to use the fits of a member."""

    def mean(*groups: list[F64]) -> F64:
        weights = [1 / len(group) for group in groups for _ in group]
        return averaged([one for group in groups for one in group], problem.task, weights)

    seeds, some = fits["seeds"], fits["folds"][-judged:]
    shipped = [some] if problem.task.is_classification and judged > 1 else []
    found = {
        "shipped": mean(seeds[:1], *shipped),
        "last": seeds[0],
        "folds": mean(fits["folds"]),
        "last + folds": mean(seeds[:1], some),
        "parts": mean(fits["parts"]),
        "last + parts": mean(seeds[:1], fits["parts"]),
    }
    for count in (3, FITS):
        found[f"{count} seeds"] = mean(seeds[:count])
        found[f"{count} seeds + folds"] = mean(seeds[:count], some)
    return found


if __name__ == "__main__":
    main()
