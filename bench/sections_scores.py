"""Sections of the page of benchmarks that are about scores."""

from statistics import mean
from typing import Any

from page_parts import head, machine, table, verdicts


def quality(found: dict[str, Any], _: dict[str, str]) -> str:
    """Scores on rows that a run never gets, beside other systems."""
    rows = []
    for one in found["rows"]:
        if one.get("exit") != 0:
            rows.append([one["set"], one.get("seed"), f"exit code {one.get('exit')}", *[""] * 6])
            continue
        others = sorted((one.get("others") or {}).items(), key=lambda item: -item[1])
        best = f"{others[0][0]}, {others[0][1]:.4g}" if others else ""
        autogluon = (one.get("others") or {}).get("autogluon-best", "")
        row = [one["set"], one["seed"], one["metric"], one["score"], one.get("normalised"), best, autogluon]
        rows.append([*row, one["kB"].get("model.lam"), one["wall_s"]])
    limit_s, budget = found["time_limit_s"], " ".join(found["budget"])
    said = (
        f"`lean_automl fit` with {budget} in {limit_s:g} s (`bench/quality.py`). Normalised: 0 for a constant, 1 for "
        "the best of the others, which had no limits. AutoGluon is its `best_quality`."
    )
    names = [
        "table",
        "seed",
        "metric",
        "score",
        "normalised",
        "best of the others",
        "AutoGluon",
        "model.lam, kB",
        "wall, s",
    ]
    average = found.get("mean_normalised")
    end = "" if average is None else f"Mean of the normalised scores: {average}.\n"
    parts = [head(f"Scores: {budget}, {limit_s:g} s", said), machine(found), table(names, rows), end, verdicts(found)]
    return "\n".join(parts)


def rivals(found: dict[str, Any], _: dict[str, str]) -> str:
    """Scores of other systems on the same splits."""
    budget, limit_s = found["budget"], found["time_limit_s"]
    names = list(dict.fromkeys(name for one in found["sets"].values() for name in one["systems"]))
    rows = [
        [name, one["metric"], one["constant"], *(one["systems"].get(system, {}).get("score") for system in names)]
        for name, one in found["sets"].items()
    ]
    limits = "without limits" if budget is None else f"within {budget}, compiled by lean_automl"
    said = (
        f"Other systems on the splits of `bench/quality.py`, {limits}, in {limit_s:g} s each where they know a time "
        "limit (`bench/rivals.py`). Nothing stands where a system failed or nothing of it fits."
    )
    title = f"Other systems: {budget or 'no limits'}"
    return "\n".join([head(title, said), machine(found), table(["table", "metric", "constant", *names], rows)])


def features(found: dict[str, Any], _: dict[str, str]) -> str:
    """What searched features win."""
    by_set: dict[str, list[dict[str, Any]]] = {}
    for row in found["rows"]:
        by_set.setdefault(row["set"], []).append(row)
    rows = [
        [
            name,
            own[0]["metric"],
            *(mean(row[key] for row in own) for key in ("columns", "searched", "gain", "search_s")),
        ]
        for name, own in by_set.items()
    ]
    gain = found["gain"]
    said = (
        f"One learner on searched features beside the same on the columns as they are, at most "
        f"{found['most_rows']:,} rows and {found['seconds']:g} s of search (`bench/features.py`), on rows that neither "
        "has seen, means over seeds. The gain is in normalised score: 0 for a constant, 1 for the better of the two. "
        f"Mean gain: {gain['mean']:.4f}, 95 % interval {gain['low']:.4f} to {gain['high']:.4f}."
    )
    names = ["table", "metric", "columns", "searched", "gain", "search, s"]
    return "\n".join([head("Searched features", said), machine(found), table(names, rows)])


def categories(found: dict[str, Any], _: dict[str, str]) -> str:
    """Small categories as numbers."""
    most = list(dict.fromkeys(key for one in found["sets"].values() for key in one if key.startswith("up to ")))
    rows = [
        [name, one["metric"], *(one.get(key, {}).get("score") for key in most)] for name, one in found["sets"].items()
    ]
    said = (
        f"Oblivious trees on at most {found['rows']:,} rows that read categories of up to so many values as numbers, "
        "and larger ones by statistics of the target (`bench/categories.py`). Scores on rows that were not fitted; a "
        "loss is shown as its negative."
    )
    return "\n".join([head("Small categories", said), machine(found), table(["table", "metric", *most], rows)])


def more_rows(found: dict[str, Any], _: dict[str, str]) -> str:
    """What a hold-out costs."""
    shares = [f"{share:.0%} of the rows" for share in found["shares"]]
    rows = [[name, one["rows"], *one["scores"]] for name, one in found["sets"].items()]
    rows.append(["mean", "", *(mean(one["scores"][j] for one in found["sets"].values()) for j in range(len(shares)))])
    said = (
        "One learner fitted on a share of the rows that it may have (`bench/more_rows.py`). Normalised: 0 for a "
        "constant, 1 for the best of the shares; means over seeds."
    )
    return "\n".join([head("What more rows are worth", said), machine(found), table(["table", "rows", *shares], rows)])


def networks(found: dict[str, Any], _: dict[str, str]) -> str:
    """Networks with and without numbers in pieces."""
    said = (
        f"Small networks with and without numbers in pieces, and their averages with trees, on at most "
        f"{found['most_rows']:,} rows (`bench/networks.py`). Normalised: 0 for a constant, 1 for the best of all on a "
        "table and seed. Gains are paired, with their 95 % interval."
    )
    gains = [[name, own["mean"], own["low"], own["high"]] for name, own in found["gains"].items()]
    means = [[name, value] for name, value in found["mean"].items()]
    parts = [head("Networks", said), machine(found), table(["gain", "mean", "low", "high"], gains)]
    return "\n".join([*parts, table(["learner", "mean score"], means)])


def weights(found: dict[str, Any], _: dict[str, str]) -> str:
    """Networks with weights of few bits."""
    said = (
        f"Small networks with weights of few bits, on at most {found['most_rows']:,} rows (`bench/weights.py`): what "
        "they lose of the score in float32 (0 for a constant, 1 for the best network of a table), with the 95 % "
        "interval over all networks, and the share of its bytes: the median, and the least."
    )
    rows = [
        [form, *own["loss"].values(), *own["bytes"].values(), *own["least"].values()]
        for form, own in found["forms"].items()
    ]
    files = ("model.lam", "model.h, compiled")
    names = ["weights", "loss", "low", "high", *files, *(f"{name}, least" for name in files)]
    return "\n".join([head("Weights of networks", said), machine(found), table(names, rows)])


def text(found: dict[str, Any], _: dict[str, str]) -> str:
    """One learner with texts unread and read."""
    said = (
        f"One learner with texts unread, and read with at most so many tokens, on at most {found['most_rows']:,} rows "
        "(`bench/text.py`). Gains are shares of what lies between a constant and the best of a table and seed, paired, "
        "with their 95 % interval."
    )
    return _paired("Free text", said, found, [f"{tokens:,} tokens" for tokens in found["tokens"]])


def distill(found: dict[str, Any], _: dict[str, str]) -> str:
    """Small students that learn from a teacher."""
    said = (
        f"Students of at most {found['kb']:g} kB whose targets mix labels with a teacher's predictions, on at most "
        f"{found['most_rows']:,} rows; `+`: and unlabelled rows (`bench/distill.py`). Gains are over labels alone, as "
        "for free text."
    )
    return _paired("Distilled students", said, found, found["students"])


def bagging(found: dict[str, Any], _: dict[str, str]) -> str:
    """Several fits of each member beside one last fit."""
    gains = found["gains"]
    pairs = {kind: sum((row["task"] == "regression") == (kind == "numbers") for row in found["rows"]) for kind in gains}
    said = (
        f"The average of several fits of each member, beside what shipped before: one last fit of each, and for "
        f"classes the models of the folds too; at most {found['most_rows']:,} rows to learn from (`bench/bagging.py`). "
        "Gains are shares of what lies between a constant and the best member of a table and seed, paired, with their "
        f"95 % interval: {pairs['classes']} pairs for classes, {pairs['numbers']} for numbers."
    )
    parts = [head("Several last fits", said), machine(found)]
    for kind, own in gains.items():
        shown = [
            [
                way,
                one["mean"],
                one["low"],
                one["high"],
                *(other[way]["mean"] for name, other in own.items() if name != "blend"),
            ]
            for way, one in own["blend"].items()
        ]
        names = [f"blend, {kind}", "mean", "low", "high", *(f"{name} alone" for name in own if name != "blend")]
        parts.append(table(names, shown))
    return "\n".join(parts)


def _paired(title: str, said: str, found: dict[str, Any], names: list[str]) -> str:
    gains = zip(names[1:], found["gain"].values(), strict=True)
    rows = [[name, own["mean"], own["low"], own["high"]] for name, own in gains]
    sets = []
    for name, runs in found["sets"].items():
        columns = zip(*(run["scores"] for run in runs), strict=True)
        sets.append([name, runs[0]["metric"], *(round(sum(own) / len(runs), 4) for own in columns)])
    parts = [head(title, said), machine(found), table(["gain", "mean", "low", "high"], rows)]
    return "\n".join([*parts, table(["table", "metric, mean of the seeds", *names], sets)])
