"""Writes `docs/benchmarks.md` and its plots from `results/*.json`: `python bench/tables.py`.

A test fails while they differ. A result file that is not there has no section.
"""

import json
from pathlib import Path
from typing import Any

from plots import bars

RESULTS = Path(__file__).parent / "results"
DOCS = Path(__file__).parents[1] / "docs"
PLOTS = "img"
HEAD = """\
# Benchmarks

Made by `bench/tables.py` from the files in `bench/results/`; no figure is typed by hand.
[How they are run](../bench/README.md) has the commands and the rules. Each section names the machine of its file. The
machines were shared and busy: compare figures within a section, not with those of another machine.
"""
NAMES = {
    "header": "lean_automl, C header",
    "header_sse2": "lean_automl, C header, any x86-64",
    "lightgbm_fast": "LightGBM, C, single-row fast",
    "tl2cgen_engine": "TL2cgen",
    "tl2cgen_quantized_engine": "TL2cgen, quantised",
    "onnxruntime": "onnxruntime, C++",
    "ydf_standalone": "YDF, standalone C++",
}
OURS = {NAMES["header"], NAMES["header_sse2"]}


def pages() -> dict[str, str]:
    """Text of every file, by its path in `docs`."""
    made: dict[str, str] = {}
    parts = [HEAD]
    for name, section in (
        ("latency", one_row),
        ("cold_start", cold_start),
        ("fit_sets", fits),
        ("sizes", sizes),
        ("gate_noise", gate),
    ):
        path = RESULTS / f"{name}.json"
        if path.exists():
            parts.append(section(json.loads(path.read_text(encoding="utf-8")), made))
    for path in sorted(RESULTS.glob("quality-*.json")):
        parts.append(quality(path.stem, json.loads(path.read_text(encoding="utf-8"))))
    made["benchmarks.md"] = "\n".join(parts)
    return made


def machine(found: dict[str, Any]) -> str:
    """One line on where a file is from."""
    about = found["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items() if number)
    load = about.get("load_at_start")
    busy = "" if load is None else f", load {load:.1f} at the start"
    lines = (
        f"Machine: {about['cpu']}, {about['cores']} cores{busy}; Python {about['python']}.",
        f"Versions: {versions}.",
    )
    return "\n".join(_wrapped(line) for line in lines) + "\n"


def table(names: list[str], rows: list[list[Any]]) -> str:
    """A table; the first column is text."""
    lines = [names, ["---", *["---:"] * (len(names) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines) + "\n"


def one_row(found: dict[str, Any], made: dict[str, str]) -> str:
    """One row in C, beside rivals."""
    parts = [
        "## One row, compiled",
        "",
        "Texts go in, the clock is around each call (`bench/latency.py`). TL2cgen and onnxruntime run the model of",
        "LightGBM, YDF its own with its defaults; ours is the first of ever larger students that is no worse than it",
        "on a validation part. Scores are ROC AUC, or the root mean squared error of `california_housing`.",
        "",
    ]
    parts.append(machine(found))
    for title, part in found.items():
        if not title.startswith("rivals, "):
            continue
        name = title.removeprefix("rivals, ")
        kind = "text categories"
        timed = {NAMES.get(engine, engine): each for engine, each in part["one_row"][kind].items()}
        plot = f"{PLOTS}/one-row-{name.replace('_', '-')}.svg"
        p50 = {engine: each["p50_ns"] / 1_000 for engine, each in timed.items()}
        made[plot] = bars(f"{name}: median time of one row", p50, OURS, "us")
        rows = [[engine, each["p50_ns"], each["p99_ns"], each["p50_ns_over_header"]] for engine, each in timed.items()]
        scores = f"Test scores: ours {abs(part['student']['test']):.4f}, LightGBM {abs(part['lightgbm']['test']):.4f}"
        ydf = f", YDF {abs(part['ydf']['metric']):.4f}" if "ydf" in part else ""
        parts += [f"### {name}", "", f"![Median times of one row on {name}]({plot})", ""]
        parts += [table(["engine", "p50, ns", "p99, ns", "p50 over ours"], rows), f"{scores}{ydf}.", ""]
    return "\n".join(parts)


def cold_start(found: dict[str, Any], made: dict[str, str]) -> str:
    """From the start of a process to its first prediction."""
    times = found["median_ms"]
    plot = f"{PLOTS}/cold-start.svg"
    made[plot] = bars("Start of a process to its end", times, {n for n in times if n.startswith("predict")}, "ms")
    head = [
        "## Cold start",
        "",
        "Medians of fresh processes (`bench/cold_start.py`): `predict` loads a model and answers",
        "one row.",
    ]
    rows = [[name, value] for name, value in times.items()]
    return "\n".join([*head, "", machine(found), f"![Cold start]({plot})", "", table(["process", "ms"], rows)])


def fits(found: dict[str, Any], made: dict[str, str]) -> str:
    """Runs of `fit` on many tables."""
    options = found["options"]
    limits = f"{options['max_latency_ms']} ms and {options['max_size_kb']} kB, {options['time_limit']} s each"
    rows, p99 = [], {}
    for name, one in found["sets"].items():
        if one.get("exit") != 0:
            rows.append([name, f"exit code {one.get('exit')}", *[""] * 5])
            continue
        files, bounds = one["kB"], one["p99_upper_us"]
        bound = next((value for key, value in bounds.items() if key.startswith("model.lam")), None)
        if bound is not None:
            p99[name] = bound
        rows.append([
            name, f"{one['metric']}, {one['rows']['search']:,} rows", one["student"], one["teacher"],
            files.get("model.lam"), bound, one["wall_s"],
        ])  # fmt: skip
    plot = f"{PLOTS}/fits.svg"
    made[plot] = bars("model.lam: upper bound of the 0.99 quantile, log scale", p99, set(p99), "us", log=True)
    head = [
        "## Runs within limits",
        "",
        f"`lean_automl fit` with {limits} (`bench/fit_sets.py`). Scores are on rows that",
        "no step has seen; p99 is the upper confidence bound for `model.lam`.",
    ]
    names = ["table", "metric", "student", "teacher", "model.lam, kB", "p99, us", "wall, s"]
    return "\n".join([*head, "", machine(found), f"![Bounds of latency]({plot})", "", table(names, rows)])


def sizes(found: dict[str, Any], _: dict[str, str]) -> str:
    """What passes save."""
    rows = []
    for name, one in found["fits"].items():
        before, after = one["before"], one["after"]
        rows.append([name, *(f"{before[kind]:,} → {after[kind]:,}" for kind in ("lam", "onnx", "c"))])
    head = ["## Bytes before and after passes", "", "`bench/sizes.py`, which has the scores too.", ""]
    return "\n".join([*head, machine(found), table(["fit", "model.lam", "model.onnx", "C header"], rows)])


def gate(found: dict[str, Any], _: dict[str, str]) -> str:
    """Alarms of the gate on a busy machine."""
    rows = [
        ["unchanged model", found["of_unchanged_runs"], found["false_alarms"]],
        ["5 % more trees", found["of_larger_runs"], found["caught_by_instructions"]],
    ]
    head = [
        "## Alarms of the gate",
        "",
        f"With `--max-regression {found['max_regression']}` (`bench/gate_noise.py`).",
        "",
    ]
    return "\n".join([*head, machine(found), table(["model", "runs", "alarms by instructions"], rows)])


def quality(stem: str, found: dict[str, Any]) -> str:
    """Scores on rows that a run never gets, beside other systems."""
    rows = []
    for one in found["rows"]:
        if one.get("exit") != 0:
            rows.append([one["set"], one.get("seed"), f"exit code {one.get('exit')}", *[""] * 5])
            continue
        others = sorted((one.get("others") or {}).items(), key=lambda item: -item[1])
        best = f"{others[0][0]}, {others[0][1]:.4g}" if others else ""
        autogluon = (one.get("others") or {}).get("autogluon-best", "")
        row = [one["set"], one["seed"], one["metric"], one["score"], one.get("normalised"), best, autogluon]
        rows.append([*row, one["kB"].get("model.lam")])
    head = [
        f"## Scores: {stem.removeprefix('quality-')}",
        "",
        f"`lean_automl fit` with {' '.join(found['budget'])} in {found['time_limit_s']:g} s (`bench/quality.py`).",
        "Normalised: 0 for a constant, 1 for the best of the others, which had no limits. AutoGluon is its",
        "`best_quality`.",
        "",
    ]
    names = ["table", "seed", "metric", "score", "normalised", "best of the others", "AutoGluon", "model.lam, kB"]
    mean = found.get("mean_normalised")
    end = "" if mean is None else f"Mean of the normalised scores: {mean}.\n"
    return "\n".join([*head, machine(found), table(names, rows), end])


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.5g}"
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _wrapped(line: str) -> str:
    """A paragraph of short lines."""
    lines, now = [], ""
    for word in line.split():
        if len(now) + len(word) > 110:
            lines.append(now)
            now = ""
        now = f"{now} {word}".strip()
    return "\n".join([*lines, now])


if __name__ == "__main__":
    for path, text in pages().items():
        (DOCS / path).parent.mkdir(exist_ok=True)
        (DOCS / path).write_text(text, encoding="utf-8")
