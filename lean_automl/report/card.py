"""The model card: what a reader must know before using the model, from the record of the run."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from lean_automl.report.numbers import NOTHING, kilobytes, microseconds, number, seconds
from lean_automl.report.scores import Scores, teacher_name

JSON = Mapping[str, Any]
MOST_COLUMNS: Final = 60
SHOWN: Final[dict[str, Callable[[float], str]]] = {
    "ms": lambda value: microseconds(value * 1000),
    "kB": lambda value: kilobytes(value * 1000),
    "MB": lambda value: f"{value:,.1f} MB",
}
MARKS: Final = re.compile(r"([\\`*_{}\[\]#|~])")


def plain(value: object) -> str:
    """Text that Markdown shows as it is, in one line."""
    text = " ".join(
        "".join(c if c.isprintable() or c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in str(value)).split()
    )
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return MARKS.sub(r"\\\1", text)


def card(run: JSON, folder: str) -> str:
    """Markdown.

    Args:
        run: What `run.json` holds.
        folder: Name of the run's folder.
    """
    parts = [
        f"# Model card: {plain(run['target'])}",
        _use(run),
        _data(run),
        _scores(run),
        _limits(run),
        _columns(run),
        _training(run),
        _caveats(run),
        f"Made by `lean_automl report` from `run.json` of {plain(folder)}. Program digest `{run['digest']}`.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _use(run: JSON) -> str:
    classes = run.get("classes") or []
    what = "a number" if run["task"] == "regression" else f"one of {len(classes) or 'several'} classes"
    if 0 < len(classes) <= 20:
        what += f" ({', '.join(plain(label) for label in classes)})"
    return (
        "## Intended use\n\n"
        f"Predicts {plain(run['target'])}, {what}, from {run['columns']} columns of a table.\n\n"
        "* Intended for: *say who may use it, and for what decision*\n* Not for: *say where it must not be used*"
    )


def _data(run: JSON) -> str:
    rows = run["rows"]
    searched = f"learn from, of which {rows['sample']:,} to search on" if "sample" in rows else "search on"
    source = (run.get("asked") or {}).get("source")
    lines = [
        f"* Table: {plain(source) if source else 'given in memory'}",
        f"* Rows: {rows['search']:,} to {searched}, {rows['holdout']:,} held out; no step has seen these",
    ]
    counts = ((run.get("explained") or {}).get("confusion") or {}).get("counts")
    if counts:
        classes = run["explained"]["confusion"]["classes"]
        total = sum(map(sum, counts)) or 1
        shares = [f"{plain(name)} {100 * sum(row) / total:.1f} %" for name, row in zip(classes, counts, strict=True)]
        lines.append(f"* Classes in held-out rows: {', '.join(shares)}")
    notes = [f"* {plain(note)}" for note in run["notes"][:40]]
    if len(run["notes"]) > len(notes):
        notes.append(f"* {len(run['notes']) - len(notes)} more notes in `run.json`")
    return "\n".join(["## Data\n", *lines, *notes])


def _scores(run: JSON) -> str:
    scores = Scores.of(run)
    direction = "less is better" if scores.is_loss else "more is better"
    rows = [
        ["this model", scores.shown(run["student_score"]), scores.shown(run["student_holdout"])],
        *(
            [["the same without its teacher", scores.shown(run["undistilled_score"]), NOTHING]]
            if run.get("undistilled_score") is not None
            else []
        ),
        [teacher_name(run), scores.shown(run["teacher_score"]), scores.shown(run["teacher_holdout"])],
        ["constant predictor", NOTHING, scores.shown(run["constant_holdout"])],
    ]
    name = plain(scores.name)
    return f"## Scores\n\nMetric: {name}; {direction}.\n\n" + _table(["", "validation rows", "held-out rows"], rows)


def _limits(run: JSON) -> str:
    rows = []
    for check in run["checks"]:
        shown = SHOWN[check["unit"]]
        value, limit = shown(check["value"]), check["limit"]
        most = None if limit is None else shown(limit)
        met = "" if limit is None else ("met" if check["met"] else "broken")
        rows.append([plain(check["file"]), plain(check["name"]), value, most or "none", met])
    where = run["measurements"][0]["machine"] if run["measurements"] else None
    said = (
        f"\n\nTimes are of one call in a fresh process on {plain(where['cpu'])}, {plain(where['system'])}, and hold "
        "for that machine."
        if where
        else ""
    )
    return "## Limits and measured figures\n\n" + _table(["file", "figure", "value", "limit", ""], rows) + said


def _columns(run: JSON) -> str:
    features = run.get("features") or {}
    if not features:
        return ""
    found = ((run.get("explained") or {}).get("importance") or {}).get("columns", {})
    ranked = sorted(features.items(), key=lambda pair: -found.get(pair[0], [0.0])[0])
    rows = [
        [plain(name), kind, number(found[name][0], 3) if name in found else NOTHING]
        for name, kind in ranked[:MOST_COLUMNS]
    ]
    more = len(ranked) - len(rows)
    said = f"\n\n{more} more columns are in `run.json`." if more > 0 else ""
    return (
        "## Columns\n\nImportance is the fall of the score on held-out rows when the column is shuffled.\n\n"
        + _table(["column", "kind", "importance"], rows)
        + said
    )


def _training(run: JSON) -> str:
    student = run["student"]
    ours = f"{plain(student['family'])}, {student['rounds']} rounds"
    once = "on all rows but those that judge" if "sample" in run["rows"] else "on one fold"
    refit = "fitted anew on the search rows at the end" if run["refitted"] else f"as it was fitted {once}"
    if run["joined"]:
        refit += "; what ships, once more with the held-out rows, after these had judged"
    lines = [
        f"* Model: {ours}, {refit}",
        f"* Search: {len(run['trials'])} students in {seconds(run['seconds']['total'])}",
        f"* Teacher: {len(run['members'])} members" if run["members"] else "* Teacher: none, there was no time",
        f"* Features that were searched for: {plain(', '.join(run['searched_features'])) or 'none found'}",
    ]
    settings = (run.get("asked") or {}).get("settings")
    if settings:
        lines.append(f"* Folds {settings['folds']}, threads {settings['threads']}, seed {settings['seed']}")
    shown = ", ".join(f"{plain(name)} {plain(version)}" for name, version in run["versions"].items())
    return "\n".join(["## Training\n", *lines, f"* Versions: {shown}"])


def _caveats(run: JSON) -> str:
    lines = [
        "* Held-out rows come from the same table: on rows of another time or place, the model may do worse.",
        "* Whether the model treats groups of people alike was not looked at.",
    ]
    if any(one["code"] == "leaky" for one in run.get("findings", [])):
        lines.append("* A column predicts the target nearly by itself; see the data notes. If its value is not known "
                     "when a prediction is made, the scores above mean nothing.")  # fmt: skip
    if run["interrupted"]:
        lines.append("* The run was interrupted: a longer one may find a better model.")
    if any(measured["noisy"] for measured in run["measurements"]):
        lines.append("* The machine was busy while latency was measured: the bounds are wide.")
    return "\n".join(["## Caveats\n", *lines])
