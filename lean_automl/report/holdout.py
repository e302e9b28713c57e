"""Plots of what the model does on rows that no step has seen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

from lean_automl.report.html import Child, Markup, figure, join, section, tag
from lean_automl.report.numbers import MINUS, date, extent, number, percent
from lean_automl.report.scores import Scores
from lean_automl.report.svg import Axis, Plot

JSON = Mapping[str, Any]
MOST_COLUMNS: Final = 20
ERROR: Final = f"true value {MINUS} prediction"


def holdout_section(run: JSON) -> Markup:
    """Calibration and confusion, or residuals."""
    explained = run.get("explained")
    if not explained:
        return Markup("")
    plots = []
    if explained["calibration"]:
        plots.append(_calibration(explained["calibration"], run))
    if explained["confusion"]:
        plots.append(_confusion(explained["confusion"]))
    if explained["residuals"]:
        plots += [_residuals(explained["residuals"]), _histogram(explained["residuals"])]
    lead = f"The finished model on {explained['rows']:,} rows that no step has seen."
    if run["joined"]:
        lead += " After they had judged, what ships was fitted once more, on these rows too."
    if (run.get("asked") or {}).get("settings", {}).get("columns", {}).get("weight"):
        lead += " Each row counts once here, whatever its weight."
    return section("holdout", "On new rows", tag("div", *plots, class_="pair"), lead=lead)


def _calibration(bins: list[JSON], run: JSON) -> Markup:
    classes = run.get("classes") or []
    two = len(classes) == 2
    what = f"probability of {classes[1]}" if two else "probability of the predicted class"
    share = Axis(f"predicted {what}" if len(what) < 40 else "predicted probability", 0, 1, shown=percent)
    came = Axis("share that came true", 0, 1, shown=percent)
    plot = Plot(share, came, "Calibration")
    plot.line([(0, 0), (1, 1)], "ideal")
    plot.line([(own["predicted"], own["observed"]) for own in bins], "curve")
    for own in bins:
        low, high = wilson(own["observed"], own["rows"])
        (x, top), (_, bottom) = plot.point(own["predicted"], high), plot.point(own["predicted"], low)
        plot.add(tag("line", x1=x, x2=x, y1=top, y2=bottom, class_="whisker"))
        tip = (
            f"predicted {percent(own['predicted'])}\ncame true {percent(own['observed'])}\n"
            f"95 % interval {percent(low)} to {percent(high)}\n{own['rows']:,} rows"
        )
        plot.dot((own["predicted"], own["observed"]), tip, "front")
    note = "Points on the dashed line mean that probabilities can be taken at their word."
    return figure("Calibration", plot.render(), note=note)


def wilson(share: float, rows: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share."""
    if not rows:
        return 0.0, 1.0
    middle = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z / (1 + z * z / rows) * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    return max(0.0, middle - half), min(1.0, middle + half)


def _confusion(confusion: JSON) -> Markup:
    classes, counts = confusion["classes"], confusion["counts"]
    right = confusion.get("right", sum(row[i] for i, row in enumerate(counts)))
    total = sum(map(sum, counts)) or 1
    head = tag("tr", tag("th", "true \\ predicted"), *(tag("th", name, scope="col", class_="n") for name in classes))
    rows = []
    for i, (name, row) in enumerate(zip(classes, counts, strict=True)):
        whole = sum(row) or 1
        cells = []
        for j, count in enumerate(row):
            colour = "--blue" if i == j else "--red"
            tint = f"background:color-mix(in srgb,var({colour}) {round(45 * count / whole)}%,transparent)"
            tip = f"true {name}, predicted {classes[j]}: {count:,} of {sum(row):,} rows"
            cells.append(
                tag(
                    "td",
                    f"{count:,} ",
                    tag("span", percent(count / whole) if count else "", class_="note"),
                    class_="heat",
                    style=tint,
                    data_tip=tip,
                )
            )
        rows.append(tag("tr", tag("th", name, scope="row"), *cells))
    grid = tag("table", tag("thead", head), tag("tbody", *rows))
    note = f"The label is right for {percent(right / total)} of {total:,} rows; shares are of each true class."
    scroll = tag("div", grid, class_="scroll", tabindex="0", role="region", aria_label="confusion matrix")
    return figure("Confusion", scroll, note=note)


def _residuals(residuals: JSON) -> Markup:
    bins = residuals["bins"]
    low, high = extent([value for own in bins for value in own[1:]])
    left, right = extent([own[0] for own in bins], 0.03)
    plot = Plot(Axis("prediction", left, right), Axis(ERROR, low, high), "Residuals")
    plot.band([(own[0], own[1]) for own in bins], [(own[0], own[5]) for own in bins], "wide")
    plot.band([(own[0], own[2]) for own in bins], [(own[0], own[4]) for own in bins], "half")
    if low < 0 < high:
        plot.line([(left, 0), (right, 0)], "ideal")
    plot.line([(own[0], own[3]) for own in bins], "curve")
    for own in bins:
        tip = (
            f"prediction about {number(own[0])}\nmedian residual {number(own[3])}\n"
            f"half of them {number(own[2])} to {number(own[4])}\n90 % of them {number(own[1])} to {number(own[5])}"
        )
        plot.dot((own[0], own[3]), tip, "front", 4)
    note = "Median, middle half and middle 90 % of the errors, by what was predicted."
    return figure("Residuals", plot.render(), note=note)


def _histogram(residuals: JSON) -> Markup:
    edges, counts = residuals["edges"], residuals["counts"]
    total = sum(counts) or 1
    plot = Plot(
        Axis(ERROR, edges[0], edges[-1]),
        Axis("share of rows", 0, 1.08 * max(counts) / total, shown=percent),
        "Histogram of residuals",
    )
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        (x, y), (right, bottom) = plot.point(low, count / total), plot.point(high, 0)
        tip = f"{number(low)} to {number(high)}\n{count:,} rows, {percent(count / total)}"
        height, width = max(0.0, round(bottom - y, 1)), max(0.5, round(right - x - 1, 1))
        plot.add(tag("rect", x=x, y=y, width=width, height=height, class_="bar", data_tip=tip))
    return figure("How large errors are", plot.render(), note="The ends hold what lies further out.")


def columns_section(run: JSON) -> Markup:
    """Importance of raw columns, and shapes if the model is additive."""
    explained = run.get("explained")
    if not explained:
        return Markup("")
    importance, shapes = explained["importance"], explained["shapes"]
    parts: list[Child] = [_importance(importance, Scores.of(run))]
    if shapes:
        parts.append(tag("h3", "What each column adds"))
        unit = "log odds" if run["task"] == "binary" else "the prediction"
        said = f"This model is a sum of one term for each column, so these curves are all of it. They add to {unit}."
        parts += [tag("p", said, class_="note"), tag("div", *map(_shape, shapes), class_="trio")]
    lead = (
        "How much worse the score gets when one raw column is shuffled, the others as they are. Columns that say the "
        "same share their importance, so that each of them can look idle."
    )
    return section("columns", "Columns", *parts, lead=lead)


def _importance(importance: JSON, scores: Scores) -> Markup:
    columns = importance["columns"]
    if not columns:
        return tag("p", "The time limit left no time to find it out.", class_="note")
    top = max((fall[0] for fall in columns.values()), default=0.0) or 1.0
    bars: list[Markup] = []
    for name, (mean, low, high) in list(columns.items())[:MOST_COLUMNS]:
        tip = f"{name}\nfall of the score {number(mean)}, from {number(low)} to {number(high)} in single shuffles"
        width = f"width:{100 * max(0.0, mean) / top:.1f}%"
        bars += [
            tag("span", name, class_="label", title=name),
            tag("span", tag("span", class_="fill score", style=width), class_="track", data_tip=tip),
            tag("span", number(mean, 3), class_="value"),
        ]
    rest = len(columns) - MOST_COLUMNS
    said = [f"{rest} more columns matter less than these" if rest > 0 else ""]
    unused = importance["unused"]
    if unused:
        some = ", ".join(unused[:8]) + (", …" if len(unused) > 8 else "")
        said.append(f"not read by the model at all: {some}")
    if importance["left_out"]:
        said.append(f"no time for {importance['left_out']} columns")
    change = "Growth" if scores.is_loss else "Fall"
    note = f"{change} of {scores.name} on {importance['rows']:,} new rows."
    after = "; ".join(part for part in said if part)
    more = tag("p", f"{after[:1].upper()}{after[1:]}.", class_="note", style="margin:.9rem 0 0;font-size:.86rem")
    return figure("Importance", tag("div", *bars, class_="bars"), more if after else None, note=note)


def _shape(shape: JSON) -> Markup:
    name, points = shape["column"], shape["points"]
    effects = [effect for _, effect in points] + ([shape["missing"]] if shape["missing"] is not None else [])
    low, high = extent([*effects, 0.0])
    note = f"missing adds {number(shape['missing'], 3)}" if shape["missing"] is not None else None
    if shape["kind"] in ("numeric", "datetime") and len(points) > 1:
        shown = date if shape["kind"] == "datetime" else number
        count = 2 if shown is date else 3
        left, right = points[0][0], points[-1][0]
        plot = Plot(
            Axis("", left, right, shown=shown, count=count),
            Axis("", low, high),
            f"Shape of {name}",
            320,
            180,
            44,
        )
        plot.line([(left, 0), (right, 0)], "ideal")
        steps = [points[0]]
        for (_, before), (value, effect) in pairwise(points):
            steps += [(value, before), (value, effect)]
        plot.line(steps, "curve")
        return figure(name, plot.render(), note=note)
    top = max(map(abs, effects), default=1.0) or 1.0
    bars = join(*(_category(str(label), effect, top) for label, effect in points))
    return figure(name, tag("div", bars, class_="bars"), note=note)


def _category(label: str, effect: float, top: float) -> Markup:
    """A bar from the middle to the left or to the right."""
    half = 50 * abs(effect) / top
    place = f"margin-left:{50 - half if effect < 0 else 50:.1f}%;width:{half:.1f}%"
    bar = tag("span", tag("span", class_="fill score", style=place), class_="track")
    return join(tag("span", label, class_="label", title=label), bar, tag("span", number(effect, 3), class_="value"))
