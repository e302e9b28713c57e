"""The first thing one sees: whether what was asked for is met, and by how much."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lean_automl.report.front import run_limit
from lean_automl.report.html import Child, Markup, join, tag
from lean_automl.report.numbers import NOTHING, kilobytes, microseconds, number, short_kilobytes
from lean_automl.report.scores import Scores, teacher_name

JSON = Mapping[str, Any]


def headline(run: JSON) -> Markup:
    """Title, verdict and the three figures."""
    name = run.get("asked", {}).get("source")
    of = f" of {name}" if name else ""
    rows = run["rows"]
    fitted = f", fitted on {rows['search']:,}" if "sample" in rows else ""
    sub = (
        f"Student: {run['student']['family']}, on {run['columns']} columns{of}. Judged on {rows['holdout']:,} rows "
        f"that no step has seen; searched on {rows.get('sample', rows['search']):,}{fitted}."
    )
    kind, words = verdict(run)
    return tag(
        "header",
        tag("h1", f"Predicting {run['target']}"),
        tag("p", sub, class_="sub"),
        tag("div", words, class_=f"verdict {kind}"),
        tag("div", _score(run), _latency(run), _size(run), class_="figures", id="budget"),
    )


def verdict(run: JSON) -> tuple[str, str]:
    """Its kind and its words."""
    limited = [check for check in run["checks"] if check["limit"] is not None]
    broken = [check for check in limited if not check["met"]]
    early = "Interrupted: the best so far. " if run["interrupted"] else ""
    if broken:
        return "broken", f"{early}{len(broken)} of {len(limited)} limits broken"
    if not limited:
        return "none", f"{early}No limits were set"
    return "met", f"{early}All limits met"


def _card(what: str, big: str, of: str, *gauges: Markup) -> Markup:
    return tag(
        "div",
        tag("div", what, class_="what"),
        tag("div", big, class_="big"),
        tag("div", of, class_="of"),
        *gauges,
        class_="card",
    )


def gauge(name: str, value: str, share: float, kind: str) -> Markup:
    """A bar with its name and figure."""
    width = f"width:{100 * min(1.0, max(0.0, share)):.1f}%"
    track = tag("span", tag("span", class_=f"fill {kind}", style=width), class_="track")
    return tag("div", tag("div", tag("span", name), tag("span", value), class_="row"), track, class_="gauge")


def _score(run: JSON) -> Markup:
    """Between the constant predictor and the best of teacher and student."""
    scores = Scores.of(run)
    known = {
        "this model": run["student_holdout"],
        teacher_name(run): run["teacher_holdout"],
        "constant predictor": run["constant_holdout"],
    }
    known = {name: score for name, score in known.items() if score is not None}
    best, worst = max(known.values()), min(known.values())
    spread = (best - worst) or 1.0
    bars = [
        gauge(
            name,
            scores.shown(score),
            0.02 + 0.98 * (score - worst) / spread,
            "score" if name == "this model" else "plain",
        )
        for name, score in known.items()
    ]
    direction = "less is better" if scores.is_loss else "more is better"
    said, alone = f"{direction}; on new rows", run.get("undistilled_score")
    if alone is not None:
        said += f"; on validation rows {scores.shown(run['student_score'])}, without its teacher {scores.shown(alone)}"
    return _card(f"Score: {scores.name}", scores.shown(run["student_holdout"]), said, *bars)


def _latency(run: JSON) -> Markup:
    limit = run_limit(run, "max_latency_us")
    checks = [check for check in run["checks"] if check["unit"] == "ms"]
    limited = [check for check in checks if check["limit"] is not None] or checks[:2]
    values = {check["file"].replace(" with ", ", "): check["value"] * 1000 for check in limited}
    if not values:
        return _card("Latency", NOTHING, "not measured")
    top = max(values.values())
    quantile = limited[0]["name"].split()[0]
    kind = "predicted, with margin" if limited[0].get("predicted") else "upper bound"
    of = "no limit was set" if limit is None else f"{_which('slowest', len(values))}limit {microseconds(limit)}"
    bars = _bars({name: (value, microseconds(value)) for name, value in values.items()}, limit)
    return _card(f"Latency: {quantile} of {_call(run)}, {kind}", microseconds(top), of, *bars)


def _size(run: JSON) -> Markup:
    limit = run_limit(run, "max_size_bytes")
    sizes = {check["file"]: check["value"] * 1000 for check in run["checks"] if check["unit"] == "kB"}
    of = "no limit was set" if limit is None else f"{_which('largest', len(sizes))}limit {short_kilobytes(limit)}"
    bars = _bars({name: (value, kilobytes(value)) for name, value in sizes.items()}, limit)
    for check in run["checks"]:
        if check["unit"] == "MB":
            memory = {f"memory, {check['file'].replace(' with ', ', ')}": (check["value"], f"{check['value']:.1f} MB")}
            bars += _bars(memory, check["limit"])
    return _card("Size", kilobytes(max(sizes.values(), default=0.0)), of, *bars)


def _call(run: JSON) -> str:
    rows = int(run_limit(run, "batch_size") or 1)
    return "one row" if rows == 1 else f"{rows:,} rows"


def _which(worst: str, files: int) -> str:
    return f"{worst} of {files} files; " if files > 1 else ""


def _bars(values: Mapping[str, tuple[float, str]], limit: float | None) -> list[Markup]:
    whole = limit or max((value for value, _ in values.values()), default=1.0) or 1.0
    bars = []
    for name, (value, shown) in values.items():
        share = value / whole
        of = f"{shown}, {_share(share)}" if limit is not None else shown
        kind = "plain" if limit is None else ("over" if share > 1 else "")
        bars.append(gauge(name, of, share, kind))
    return bars


def _share(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.995 else f"{number(100 * share)} %"


def asked_list(run: JSON) -> Markup:
    """What the run was asked to do."""
    asked = run.get("asked")
    if not asked:
        return Markup("")
    settings = asked["settings"]
    rows: list[tuple[str, Child]] = [
        ("time limit", f"{settings['time_limit_s']:g} s, of which {run['seconds']['total']:.1f} s were used"),
        ("serve with", settings["serve_with"] + _device(settings)),
        ("families", ", ".join(settings["families"] or []) or "all that are installed"),
        ("folds, threads, seed", f"{settings['folds']}, {settings['threads']}, {settings['seed']}"),
    ]
    said = {name: value for name, value in settings["columns"].items() if value}
    if said:
        rows.append(("said of columns", "; ".join(f"{name}: {_plain(value)}" for name, value in said.items())))
    return tag("dl", *(join(tag("dt", name), tag("dd", value)) for name, value in rows))


def _device(settings: JSON) -> str:
    device = settings.get("device")
    return f" on {device['cpu']}, by its profile of {device['date']}" if device else ""


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} is {kind}" for name, kind in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
