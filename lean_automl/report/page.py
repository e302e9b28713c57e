"""The whole page, from what `run.json` holds and the points of the front."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

from lean_automl_runtime.ir import ColumnKind

from lean_automl.report.budget import asked_list, headline
from lean_automl.report.front import front_section, run_limit
from lean_automl.report.holdout import columns_section, holdout_section
from lean_automl.report.html import Child, Markup, join, section, table, tag
from lean_automl.report.numbers import NOTHING, microseconds, number
from lean_automl.report.style import SCRIPT, STYLE
from lean_automl.report.tried import failures_section, leaderboard_section, timeline_section

JSON = Mapping[str, Any]
MOST_FINDINGS: Final = 100
CODES: Final = {
    "leaky": "Looks like a leak",
    "high_cardinality": "Many values",
    "id_like": "Dropped: an id",
    "constant": "Dropped: constant",
    "all_missing": "Dropped: empty",
    "nested": "Dropped: nested",
}
FIRST: Final = ("leaky", "id_like", "constant", "all_missing", "nested", "high_cardinality")


def page(run: JSON, points: Sequence[JSON], folder: str) -> str:
    """HTML with everything in it.

    Args:
        run: What `run.json` holds.
        points: Of the front.
        folder: Name of the run's folder, for commands.
    """
    parts = {
        "front": ("Trade-offs", front_section(run, points)),
        "leaderboard": ("Leaderboard", leaderboard_section(run)),
        "holdout": ("New rows", holdout_section(run)),
        "columns": ("Columns", columns_section(run)),
        "timeline": ("Time line", timeline_section(run)),
        "failures": ("Failed", failures_section(run)),
        "data": ("Data", _data_section(run)),
        "latency": ("Latency", _latency_section(run)),
        "commands": ("Commands", _commands_section(run, folder)),
    }
    shown = {anchor: part for anchor, part in parts.items() if part[1]}
    links = [tag("a", name, href=f"#{anchor}") for anchor, (name, _) in shown.items()]
    body = tag(
        "body",
        headline(run),
        tag("nav", tag("div", *links), aria_label="parts of the page"),
        tag("main", *(content for _, content in shown.values())),
        _footer(run),
        tag("div", id="tip", role="status", aria_hidden="true"),
        tag("script", Markup(SCRIPT)),
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width,initial-scale=1"),
        tag("title", f"{run['target']}: report of a run"),
        tag("link", rel="icon", href="data:,"),
        tag("style", Markup(STYLE)),
    )
    return "<!doctype html>\n" + tag("html", head, body, lang="en") + "\n"


def _data_section(run: JSON) -> Markup:
    """What was found in the table."""
    findings = sorted(
        run.get("findings", []), key=lambda one: FIRST.index(one["code"]) if one["code"] in FIRST else len(FIRST)
    )
    rows: list[list[Child]] = [
        [
            one["column"] if one["column"] is not None else "the table",
            CODES.get(one["code"], one["code"].replace("_", " ").capitalize()),
            one["found"],
            one["done"],
        ]
        for one in findings[:MOST_FINDINGS]
    ]
    kinds: dict[str, list[str]] = {}
    for name, kind in run.get("features", {}).items():
        kinds.setdefault(kind, []).append(name)
    described = tag(
        "dl", *(join(tag("dt", f"{len(own)} {kind}"), tag("dd", _some(own))) for kind, own in kinds.items())
    )
    parts: list[Child] = [described]
    if rows:
        parts.append(table(["column", "finding", "what was found", "what was done"], rows))
    else:
        parts.append(tag("p", "Nothing in the table stood out: no column was dropped, none looks like a leak."))
    if len(findings) > MOST_FINDINGS:
        parts.append(tag("p", f"And {len(findings) - MOST_FINDINGS} more in run.json.", class_="note"))
    return section("data", "Data", *parts, _searched(run["searched_features"]), asked_list(run))


def _searched(found: list[str]) -> Child:
    """Features that were searched for, if any was found."""
    if not found:
        return None
    return join(
        tag("h3", "Features that were searched for"),
        tag("p", "In short fits on the same folds they lowered the loss beyond doubt.", class_="note"),
        tag("ul", *(tag("li", one) for one in found)),
    )


def _some(names: Sequence[str], most: int = 40) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _latency_section(run: JSON) -> Markup:
    """What was measured, and how."""
    measured = run["measurements"]
    if not measured:
        return Markup("")
    rows: list[list[Child]] = []
    for one in measured:
        quantiles = {q["quantile"]: q for q in one["total"]["quantiles"]}
        p99 = quantiles.get(0.99, {})
        bounds = f"{microseconds(p99.get('lower_us'))} to {microseconds(p99.get('upper_us'))}"
        noise = "; ".join(one.get("noise") or ()) or ("noisy" if one["noisy"] else "quiet")
        rows.append(
            [
                f"{one['artifact']}, {one['engine']}",
                microseconds(quantiles.get(0.5, {}).get("value_us")),
                microseconds(p99.get("value_us")),
                bounds,
                microseconds(quantiles.get(0.999, {}).get("value_us")),
                f"{one['total']['samples']:,}",
                f"{one['cold']['load_ms']:.1f} ms",
                noise,
            ]
        )
    heads = ["file, engine", "p50", "p99", "95 % interval of p99", "p99.9", "calls", "load", "machine"]
    first = measured[0]
    machine = first["machine"]
    core = "not pinned to a core" if first["pinned_core"] is None else f"pinned to core {first['pinned_core']}"
    facts = [
        ("machine", f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}"),
        ("process", f"fresh for each file, {first['options']['threads']} thread, {core}, {first['priority']} priority"),
        ("rows", f"{first['rows']:,} real rows in rotation, {first['distinct_rows']:,} of them distinct"),
        ("python", f"{machine['python']}, numpy {machine['packages'].get('numpy', NOTHING)}"),
    ]
    quantile = run.get("asked", {}).get("limits", {}).get("latency_quantile", 0.99)
    lead = (
        "One call of predict_one: a raw record in, a prediction out, after a warm-up. A limit is met when the upper "
        f"end of the 95 % confidence interval of the {number(quantile)} quantile meets it. It holds for this machine."
    )
    described = tag("dl", *(join(tag("dt", name), tag("dd", value)) for name, value in facts))
    return section(
        "latency", "How latency was measured", table(heads, rows, frozenset(range(1, 7))), described, lead=lead
    )


def _commands_section(run: JSON, folder: str) -> Markup:
    """What to do next, to copy."""
    place = shlex.quote(folder)
    sizes = {check["file"]: check["value"] for check in run["checks"] if check["unit"] == "kB"}
    name = "model.onnx" if list(sizes) == ["model.onnx"] else "model.lam"
    model = shlex.quote(f"{folder}/{name}")
    size = run_limit(run, "max_size_bytes")
    limit = f"{1.1 * max(sizes.values(), default=60):.0f}" if size is None else f"{size / 1000:g}"
    smaller = f"{max(1.0, max(sizes.values(), default=40) / 2):.0f}"
    lines = [
        ("predict", f"lean_automl predict {model} new_rows.csv --out predictions.csv"),
        ("what is inside", f"lean_automl inspect {model}"),
        ("measure on another machine", f"lean_automl bench {model} new_rows.csv"),
        ("write it as one C header", f"lean_automl export {model} --to c --out model.h" if name == "model.lam" else ""),
        ("guard it in CI", f"lean_automl gate {model} --max-size-kb {limit} --save gate.json"),
        ("other trade-offs, without training", f"lean_automl front {place} --svg front.svg"),
        ("", f"lean_automl select {place} --max-size-kb {smaller}"),
        ("this page again", f"lean_automl report {place}"),
    ]
    shell = "\n".join(f"{f'# {why}{chr(10)}' if why else ''}{line}" for why, line in lines if line)
    path = json.dumps(f"{folder}/{name}", ensure_ascii=False)
    python = (
        f"from lean_automl_runtime import load\n\nmodel = load({path})\n"
        "answer = model.predict_one(record)  # a mapping of raw columns"
    )
    note = None
    if "model.onnx" in sizes:
        runtimes = runtimes_of(run.get("features", {}))
        note = tag("p", f"model.onnx runs in {runtimes}: raw columns in, answers out.", class_="note")
    blocks = (tag("pre", tag("code", code), tabindex="0") for code in (shell, python))
    return section("commands", "Commands", *blocks, note)


def runtimes_of(features: Mapping[str, str]) -> str:
    """What runs an ONNX file whose raw columns are of these kinds: it is an op of onnxruntime that finds words."""
    return "onnxruntime" if ColumnKind.TEXT in features.values() else "any ONNX runtime"


def _footer(run: JSON) -> Markup:
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items() if version != "not installed")
    return tag("footer", tag("p", f"Program {run['digest'][:16]}. {versions}.", style="max-width:none"))
