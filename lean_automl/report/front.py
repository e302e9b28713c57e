"""Score against latency and size: what was tried, what no other beats, and what ships."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from lean_automl.report.html import Child, Markup, figure, legend, section, tag
from lean_automl.report.numbers import extent, kilobytes, microseconds, short_kilobytes
from lean_automl.report.scores import Scores
from lean_automl.report.style import PLOT_STYLE
from lean_automl.report.svg import Axis, Plot

MOST_DOTS: Final = 200
MOST_BELOW: Final = 3.0  # times the distance from best to middle: what is lower would press the rest together
JSON = Mapping[str, Any]


def front_section(run: JSON, points: Sequence[JSON]) -> Markup:
    """Two plots side by side."""
    plots = front_plots(run, points)
    if not plots:
        return Markup("")
    shown = [figure(title, plot) for title, plot in plots]
    lead = (
        "Every student that was tried, by its score on validation rows. Up and to the left is better. Latencies here "
        "are medians of a quick look during the search; the limit is checked later, on the finished file. "
        "What scores far below the others lies on the lower edge."
    )
    return section("front", "Trade-offs", legend(*KEYS), tag("div", *shown, class_="pair"), lead=lead)


KEYS: Final = (("best", "ships"), ("front", "no other beats it"), ("other", "beaten"), ("over", "over a limit"))


def front_plots(run: JSON, points: Sequence[JSON]) -> list[tuple[str, Markup]]:
    """A title and a plot for each cost that is known; none if nothing was tried."""
    marks = _marks(run, points)
    plots = []
    for cost, title, limit, shown in (
        ("us", "Score and latency", run_limit(run, "max_latency_us"), microseconds),
        ("bytes", "Score and size", run_limit(run, "max_size_bytes"), short_kilobytes),
    ):
        known = [mark for mark in marks if mark[cost]]
        if known:
            axis = "median of one row, quickest file" if cost == "us" else "size of the largest file"
            plots.append((title, _plot(known, cost, Axis(axis, 0, 0, True, shown), limit, Scores.of(run))))
    return plots


def run_limit(run: JSON, name: str) -> float | None:
    """A limit of the run; None if there was none."""
    limit = run.get("asked", {}).get("limits", {}).get(name)
    return None if limit is None else float(limit)


def _marks(run: JSON, points: Sequence[JSON]) -> list[dict[str, Any]]:
    """What is drawn, the least important first."""
    by_trial = {point["trial"]: point for point in points}
    student = run["student"]
    shipped = {student["number"]} if student["number"] else set()
    found = []
    for trial in [*run["trials"], *([] if student["number"] else [student])]:
        if trial["score"] is None:
            continue
        point = by_trial.get(trial["number"])
        latencies = trial["latency_us"] or (point["latency_us"] if point else {})
        kind = "front" if point else "other"
        if any(excess > 0 for excess in trial["violations"].values()):
            kind = "over"
        if trial["number"] in shipped or trial is student:
            kind = "best"
        found.append(
            {
                "name": f"trial {trial['number']}, {trial['family']}" if trial["number"] > 0 else trial["family"],
                "kind": kind,
                "score": trial["score"],
                "bytes": trial["bytes"],
                "us": min(latencies.values()) if latencies else None,
                "latencies": latencies,
            }
        )
    order = ["over", "other", "front", "best"]
    ranked = sorted(found, key=lambda mark: (order.index(mark["kind"]), mark["score"]))
    return ranked[-MOST_DOTS:]


def _plot(marks: list[dict[str, Any]], cost: str, axis: Axis, limit: float | None, scores: Scores) -> Markup:
    values = [mark[cost] for mark in marks]
    ends = [*values, limit] if limit is not None and limit < 30 * max(values) else values
    low, high = min(ends) / 1.25, max(ends) * 1.25
    ranked = sorted(mark["score"] for mark in marks)
    middle = ranked[len(ranked) // 2]
    bottom = ranked[-1] - MOST_BELOW * (ranked[-1] - middle) if ranked[-1] > middle else ranked[0]
    y_low, y_high = extent([max(mark["score"], bottom) for mark in marks])
    scale = Axis(scores.name, y_low, y_high, shown=scores.short)
    plot = Plot(Axis(axis.title, low, high, True, axis.shown), scale, f"{scores.name} and {axis.title}")
    if limit is not None and low <= limit <= high:
        plot.upright(limit, f"limit {axis.shown(limit)}")
    edge = sorted((m for m in marks if m["kind"] in ("front", "best")), key=lambda m: (m[cost], -m["score"]))
    steps: list[tuple[float, float]] = []
    for mark in edge:
        if not steps or mark["score"] > max(steps[-1][1], bottom):
            steps += [(mark[cost], steps[-1][1])] if steps else []
            steps.append((mark[cost], max(mark["score"], bottom)))
    if len(steps) > 1:
        plot.line(steps, "edge")
    for mark in marks:
        at = (mark[cost], max(mark["score"], bottom))
        plot.dot(at, _tip(mark, scores), mark["kind"], 6.5 if mark["kind"] == "best" else 4.5)
    return plot.render()


def _tip(mark: dict[str, Any], scores: Scores) -> str:
    lines = [mark["name"], f"{scores.name} {scores.shown(mark['score'])}", kilobytes(mark["bytes"])]
    lines += [f"{file}: {microseconds(us)} median" for file, us in mark["latencies"].items()]
    return "\n".join([*lines, *(["over a limit"] if mark["kind"] == "over" else [])])


def front_svg(run: JSON, points: Sequence[JSON]) -> str:
    """The same as a picture of its own."""
    plots = front_plots(run, points)
    inner: list[Child] = [tag("style", Markup(PLOT_STYLE))]
    for number, (title, plot) in enumerate(plots):
        moved = tag("text", title, x=450 * number + 54, y=22, class_="title")
        inner += [moved, tag("svg", plot, x=450 * number, y=30, width=440, height=290)]
    for number, (kind, name) in enumerate(KEYS):
        inner += [
            tag("circle", cx=60 + 130 * number, cy=338, r=5, class_=f"dot {kind}"),
            tag("text", name, x=72 + 130 * number, y=342, class_="tick"),
        ]
    width = max(1, len(plots)) * 450
    size = {"viewBox": f"0 0 {max(width, 600)} 356", "xmlns": "http://www.w3.org/2000/svg"}
    return tag("svg", tag("rect", width="100%", height="100%", class_="paper"), *inner, **size) + "\n"
