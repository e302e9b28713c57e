"""What was tried, when, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from lean_automl.report.html import Child, Markup, figure, join, legend, section, table, tag
from lean_automl.report.numbers import NOTHING, kilobytes, microseconds, number, seconds
from lean_automl.report.scores import Scores, teacher_name

JSON = Mapping[str, Any]
MOST_TRIALS: Final = 60
MOST_LANES: Final = 80
STEPS: Final = {
    "read": "read the table",
    "first": "a first model",
    "learners": "wait for the learners",
    "features": "choose features",
    "starts": "first students",
    "teacher": "teacher",
    "students": "students",
    "grow": "fits on more rows",
    "ask": "measure better students",
    "finish": "finish",
    "refit": "last fit",
    "shrink": "make files smaller",
    "export": "export and check",
    "measure": "measure",
    "explain": "look at new rows",
}
KEYS: Final = (
    ("step", "step"),
    ("best", "ships"),
    ("ok", "within limits"),
    ("other", "over a limit"),
    ("bad", "failed"),
)


def is_met(trial: JSON) -> bool:
    """Whether a trial met every limit, as far as a quick look could tell."""
    return trial["score"] is not None and all(excess <= 0 for excess in trial["violations"].values())


def shipped(run: JSON) -> set[int]:
    """Numbers of the trials that ship."""
    student = run["student"]
    if student["number"]:
        return {student["number"]}
    return {int(name.split()[-1]) for name in student["parameters"]}


def leaderboard_section(run: JSON) -> Markup:
    """Teacher members and students by score."""
    scores = Scores.of(run)
    parts: list[Child] = []
    members = sorted(run["members"], key=lambda member: -member["score"])
    if members:
        rows: list[list[Child]] = [
            [m["name"], scores.shown(m["score"]), number(m["weight"], 3), seconds(m["seconds"])] for m in members
        ]
        rows.insert(
            0, ["the ensemble", scores.shown(run["teacher_score"]), "1", seconds(sum(m["seconds"] for m in members))]
        )
        heads = ["teacher", scores.name, "weight", "fits took"]
        parts += [tag("h3", teacher_name(run).capitalize()), table(heads, rows, frozenset((1, 2, 3)))]
    else:
        parts.append(tag("p", "There was no time for a teacher.", class_="note"))
    ranked = sorted(
        (trial for trial in run["trials"] if trial["score"] is not None), key=lambda t: (not is_met(t), -t["score"])
    )
    ours = shipped(run)
    rows = [_student(trial, scores, trial["number"] in ours) for trial in ranked[:MOST_TRIALS]]
    if not run["student"]["number"]:
        rows.insert(0, _student(run["student"], scores, True))
    heads = ["student", scores.name, "limits", "size", "median latency", "rounds", "took", "settings"]
    parts += [tag("h3", "Students"), table(heads, rows, frozenset((1, 3, 4, 5, 6)))]
    if len(ranked) > MOST_TRIALS:
        parts.append(tag("p", f"And {len(ranked) - MOST_TRIALS} more in run.json.", class_="note"))
    lead = "By score on validation rows: what a student may ship has to meet the limits first."
    return section("leaderboard", "Leaderboard", *parts, lead=lead)


def _student(trial: JSON, scores: Scores, ships: bool) -> list[Child]:
    name = f"{trial['family']}, trial {trial['number']}" if trial["number"] > 0 else trial["family"]
    over = [f"{name} {100 * excess:+.0f} %" for name, excess in trial["violations"].items() if excess > 0]
    limits = ", ".join(over) if over else ("met" if trial["violations"] else "none set")
    quickest = min(trial["latency_us"].values(), default=None)
    own = f"{trial['family']}_"
    settings = _origin(trial) or ", ".join(
        f"{key.removeprefix(own)} {number(value, 3) if isinstance(value, float) else value}"
        for key, value in trial["parameters"].items()
        if key != "family"
    )
    return [
        join(tag("i", class_="key best"), name, tag("span", " ships", class_="note")) if ships else name,
        scores.shown(trial["score"]),
        limits,
        kilobytes(trial["bytes"]),
        microseconds(quickest),
        str(trial["rounds"]),
        seconds(trial["seconds"]) if trial["number"] else NOTHING,
        settings,
    ]


def timeline_section(run: JSON) -> Markup:
    """Steps and trials against the clock of the run."""
    started, took = run.get("started"), run["seconds"]
    if not started:
        return Markup("")
    total = max(took["total"], 0.001)
    lanes: list[Child] = [tag("h3", "Steps")]
    for step, title in STEPS.items():
        if step in started:
            length = took.get(step, total - started[step])
            lanes.append(_lane(title, "step", started[step], length, total, f"{title}: {seconds(length)}"))
    trials = sorted(run["trials"], key=lambda trial: (trial["started"], trial["number"]))
    ours, scores = shipped(run), Scores.of(run)
    lanes.append(tag("h3", "Students"))
    for trial in trials[:MOST_LANES]:
        kind = "bad" if trial["score"] is None else "best" if trial["number"] in ours else "ok" if is_met(trial) else ""
        is_first = trial["number"] < 0  # the first model, before the search
        name = trial["family"] if is_first else f"{trial['number']} {trial['family']}"
        lines = [
            name if is_first else f"trial {name}",
            f"began at {seconds(trial['started'])}, took {seconds(trial['seconds'])}",
        ]
        lines.append(_origin(trial))
        lines.append(trial["reason"] or f"{scores.name} {scores.shown(trial['score'])}")
        tip = "\n".join(line for line in lines if line)
        lanes.append(_lane(name, kind, trial["started"], trial["seconds"], total, tip))
    ends = join(*(tag("span", f"{total * share:.0f} s") for share in (0, 0.25, 0.5, 0.75, 1)))
    lanes.append(join(tag("span"), tag("span", ends, class_="scale"), tag("span")))
    more = len(trials) - MOST_LANES
    note = f"{len(trials)} students in {seconds(total)}." + (f" {more} later ones are left out." if more > 0 else "")
    return section(
        "timeline",
        "Time line",
        legend(*KEYS),
        figure("Where the time went", tag("div", *lanes, class_="time"), note=note),
    )


def _origin(trial: JSON) -> str:
    """Where a student comes from that the search did not ask for."""
    parameters = trial["parameters"]
    if "from" in parameters:
        return f"fitted for the teacher, as {parameters['from']}"
    if "grown" in parameters:
        return "on more rows" + (f", as trial {parameters['grown']} on the sample" if parameters["grown"] else "")
    return ""


def _lane(name: str, kind: str, start: float, length: float, total: float, tip: str) -> Markup:
    left = 100 * min(max(start, 0.0) / total, 0.995)
    width = min(100 * max(length, 0.0) / total, 100 - left)
    style = f"left:{left:.2f}%;width:{width:.2f}%"
    bar = tag("span", tag("span", class_=f"span {kind}", style=style, data_tip=tip), class_="lane")
    return join(tag("span", name, class_="label", title=name), bar, tag("span", seconds(length), class_="value"))


def failures_section(run: JSON) -> Markup:
    """What failed or was passed over, and why."""
    rows: list[list[Child]] = [[f"teacher member {name}", "left out", why] for name, why in run["failures"].items()]
    rows += [
        [f"trial {trial['number']}, {trial['family']}", "failed", trial["reason"]]
        for trial in run["trials"]
        if trial["reason"] is not None
    ]
    rows += [["finished files", "passed over: a limit was broken", what] for what in run["passed_over"]]
    found = set(_said(run))
    rows += [["file", "not written", note] for note in run["notes"] if "findings" in run and note not in found]
    over = [trial for trial in run["trials"] if trial["score"] is not None and not is_met(trial)]
    if over:
        rows.append(
            [
                f"{len(over)} students",
                "over a limit in the search",
                ", ".join(f"trial {t['number']}" for t in over[:20]),
            ]
        )
    if not rows:
        return section("failures", "Failed or passed over", tag("p", "Nothing failed, and nothing was passed over."))
    return section("failures", "Failed or passed over", table(["what", "what became of it", "why"], rows))


def _said(run: JSON) -> list[str]:
    """Findings as the notes say them."""
    found = []
    for one in run.get("findings", []):
        place = "table" if one["column"] is None else f"column {one['column']!r}"
        found.append(f"{place}: {one['found']}; {one['done']}")
    return found
