"""Sections of the page of benchmarks that are about time and size."""

from statistics import median
from typing import Any

from page_parts import head, machine, table, verdicts
from plots import bars, lines

PLOTS = "img"
NAMES = {
    "header": "lean_automl, C header",
    "header_sse2": "lean_automl, C header, any x86-64",
    "lightgbm_fast": "LightGBM, C, single-row fast",
    "tl2cgen_engine": "TL2cgen",
    "tl2cgen_quantized_engine": "TL2cgen, quantised",
    "onnxruntime": "onnxruntime, C++",
    "ydf_standalone": "YDF, standalone C++",
    "lleaves_engine": "lleaves",
    "m2cgen_engine": "m2cgen",
    "timber_engine": "timber",
}
OURS = {NAMES["header"], NAMES["header_sse2"]}
TEXTS = "text categories"


def one_row(found: dict[str, Any], made: dict[str, str]) -> str:
    """One row in C, beside rivals; then one record and batches in Python, the transform and compiling."""
    parts = [
        head(
            "One row, compiled",
            "Texts go in, the clock is around each call (`bench/latency.py`). TL2cgen, lleaves, m2cgen, timber and "
            "onnxruntime run the model of LightGBM, YDF its own with its defaults; ours is the student of the best "
            "score on a validation part. Scores are ROC AUC, or the root mean squared error of `california_housing`.",
        ),
        machine(found),
    ]
    for title, part in found.items():
        if title.startswith("rivals, "):
            parts += _rivals(title.removeprefix("rivals, "), part, made)
    parts += _batches(found)
    for title, part in found.items():
        if title.startswith("transform, "):
            parts += _transform(title, part)
        elif title.startswith("adult, "):
            parts += _records(title, part)
    if "compile" in found:
        rows = [[f"{int(n):,}", own["median_s"], own["header_kb"]] for n, own in found["compile"].items()]
        names = ["trees of depth 6", "gcc, s", "header, kB"]
        parts += ["### Compiling an exported header", "", table(names, rows)]
    parts.append(verdicts(found))
    return "\n".join(part for part in parts if part is not None)


def _rivals(name: str, part: dict[str, Any], made: dict[str, str]) -> list[str]:
    timed = {NAMES.get(engine, engine): each for engine, each in part["one_row"][TEXTS].items()}
    plot = f"{PLOTS}/one-row-{name.replace('_', '-')}.svg"
    p50 = {engine: each["p50_ns"] / 1_000 for engine, each in timed.items()}
    made[plot] = bars(f"{name}: median time of one row", p50, OURS, "us")
    rows = [[engine, each["p50_ns"], each["p99_ns"], each["p50_ns_over_header"]] for engine, each in timed.items()]
    scores = ", ".join(f"{system} {value:.4f}" for system, value in scores_of(part).items())
    parts = [f"### {name}", "", f"![Median times of one row on {name}]({plot})", ""]
    parts += [table(["engine", "p50, ns", "p99, ns", "p50 over ours"], rows), f"Test scores: {scores}.", ""]
    missing = ", ".join(NAMES.get(engine, engine) for engine in part.get("not_built", {}))
    return [*parts, f"Could not be built: {missing}.", ""] if missing else parts


def scores_of(part: dict[str, Any]) -> dict[str, float]:
    """Scores on test rows as people write them, by system."""
    found = {"ours": part["student"]["test"], "LightGBM": part["lightgbm"]["test"]}
    if "ydf" in part:
        found["YDF"] = part["ydf"].get("test", part["ydf"].get("metric"))
    return {system: abs(value) for system, value in found.items()}


def _batches(found: dict[str, Any]) -> list[str]:
    """Batches in Python, a row for each engine and a column for each table."""
    sets = {title.removeprefix("rivals, "): part for title, part in found.items() if title.startswith("rivals, ")}
    names = [key for part in sets.values() for key in part if key.startswith("batch of ")]
    if not names:
        return []
    engines = list(dict.fromkeys(engine for part in sets.values() for engine in part[names[0]]))
    rows = [[engine, *(part[names[0]].get(engine, {}).get("ms") for part in sets.values())] for engine in engines]
    title = names[0].replace("batch", "Batch", 1)
    return [f"### {title} rows, from Python, ms", "", table(["engine", *sets], rows)]


def _transform(title: str, part: dict[str, Any]) -> list[str]:
    rows = [
        [engine, form, own["ms"], own["over_ours"]] for form, engines in part.items() for engine, own in engines.items()
    ]
    said = "The same matrix by a fitted `ColumnTransformer` and by the Program that computes it."
    return [f"### {title.capitalize()}", "", said, "", table(["engine", "cells", "ms", "over ours"], rows)]


def _records(title: str, part: dict[str, Any]) -> list[str]:
    timed = {name: own for name, own in part.get("python", {}).items() if isinstance(own, dict)}
    rows = [[name, own["p50_us"], own["p99_us"]] for name, own in timed.items()]
    return [f"### One record in Python: {title}", "", table(["call", "p50, us", "p99, us"], rows)] if rows else []


def cold_start(found: dict[str, Any], made: dict[str, str]) -> str:
    """From the start of a process to its first prediction."""
    times = found["median_ms"]
    plot = f"{PLOTS}/cold-start.svg"
    made[plot] = bars("Start of a process to its end", times, {n for n in times if n.startswith("predict")}, "ms")
    said = "Medians of fresh processes (`bench/cold_start.py`): `predict` loads a model and answers one row."
    rows = [[name, value] for name, value in times.items()]
    parts = [head("Cold start", said), machine(found), f"![Cold start]({plot})", "", table(["process", "ms"], rows)]
    return "\n".join(parts)


def sizes(found: dict[str, Any], _: dict[str, str]) -> str:
    """What passes save."""
    rows = []
    for name, one in found["fits"].items():
        before, after = one["before"], one["after"]
        rows.append([name, *(f"{before[kind]:,} → {after[kind]:,}" for kind in ("lam", "onnx", "c"))])
    title = head("Bytes before and after passes", "`bench/sizes.py`, which has the scores too.")
    names = ["fit", "model.lam", "model.onnx", "C header"]
    return "\n".join([title, machine(found), table(names, rows), verdicts(found)])


def gate(found: dict[str, Any], _: dict[str, str]) -> str:
    """Alarms of the gate on a busy machine."""
    rows = [
        ["unchanged model", found["of_unchanged_runs"], found["false_alarms"]],
        ["5 % more trees", found["of_larger_runs"], found["caught_by_instructions"]],
    ]
    title = head("Alarms of the gate", f"With `--max-regression {found['max_regression']}` (`bench/gate_noise.py`).")
    return "\n".join([title, machine(found), table(["model", "runs", "alarms by instructions"], rows)])


def newcomer(found: dict[str, Any], _: dict[str, str]) -> str:
    """Steps of a newcomer and what they took."""
    said = "From wheels in an empty environment to a gate, each step as the pages say it (`bench/newcomer.py`)."
    rows = [
        [f"`{step}`" if step.startswith(("lean_automl", "python", "c++", "./")) else step, s]
        for step, s in found["steps"]
    ]
    rows.append(["in all", round(sum(seconds for _, seconds in found["steps"]), 1)])
    return "\n".join([head("A newcomer's path", said), machine(found), table(["step", "s"], rows)])


def limits(found: dict[str, Any], _: dict[str, str]) -> str:
    """Fits under limits, measured again."""
    counts = found["counts"]
    said = (
        "Fits under random limits, and each file measured again afterwards in new processes (`bench/limits.py`): kept, "
        "refused with the nearest miss, broken in two of up to three of them, not comparable as the machine was not "
        "again as quick as in the fit, failed; over in any of them; late is a run that took longer than its time limit "
        "and 5 %, or 3 s."
    )
    rows = [["fits", counts["fits"]], *([name, count] for name, count in counts.items() if name != "fits")]
    return "\n".join([head("Limits that are kept", said), machine(found), table(["fits", "number"], rows)])


def wall_time(found: dict[str, Any], _: dict[str, str]) -> str:
    """Runs left alone, and runs that are stopped."""
    said = (
        "Every table, with limits of 2 ms and 64 kB and each time limit: left alone, or sent a signal after a fifth of "
        "it (`bench/wall_time.py`). Late is what it took beyond its limit and 5 %, or 3 s, at worst; whole is a folder "
        "whose files can be read, answer, and agree."
    )
    by_kind: dict[tuple[float, str], list[dict[str, Any]]] = {}
    for run in found["runs"].values():
        by_kind.setdefault((run["limit_s"], run["signal"]), []).append(run)
    rows = [
        [f"{limit_s:g} s, {signal}", len(runs), max(run["over_s"] for run in runs), sum(run["whole"] for run in runs)]
        for (limit_s, signal), runs in sorted(by_kind.items())
    ]
    names = ["time limit, signal", "runs", "late, s", "whole"]
    return "\n".join([head("Time limits", said), machine(found), table(names, rows), verdicts(found)])


def throughput(found: dict[str, Any], _: dict[str, str]) -> str:
    """Trials per second of one worker and of two."""
    said = (
        f"{found['options']['trials']} trials of each fit, with one worker and with two in turns "
        "(`bench/throughput.py`). Two workers propose their trials at the same time, so these are not all the same."
    )
    rows = [
        [name, *(median(own["trials_per_s"][count]) for count in ("1", "2")), median(own["ratios"])]
        for name, own in found["sets"].items()
    ]
    names = ["set", "one worker, trials per s", "two", "ratio"]
    return "\n".join([head("Trials with two workers", said), machine(found), table(names, rows), verdicts(found)])


def cost_model(found: dict[str, Any], _: dict[str, str]) -> str:
    """Predicted against measured latency."""
    wanted = found["bars"]
    said = (
        "Error of predicted medians on trained students that the cost model has not seen (`bench/cost_model.py`); "
        f"wanted: {wanted['median']:.0%} in the median, and {wanted['within_25_percent']:.0%} of them within 25 %. A "
        "student is timed in a new process each time until the machine was seen at full speed three times, and left "
        "out where it never was."
    )
    rows = [
        [engine, own["students"], own["median"], own["p95"], own["within_25_percent"]]
        for engine, own in found["engines"].items()
        if own["students"]
    ]
    names = ["engine", "students", "median error", "95 % of errors", "share within 25 %"]
    return "\n".join([head("Predicted latency", said), machine(found), table(names, rows)])


def scaling(found: dict[str, Any], made: dict[str, str]) -> str:
    """How times grow with rows, columns, classes and trees."""
    said = (
        "Generated tables, one thing growing at a time (`bench/scaling.py`). Seconds of fits are those of the "
        "processor, so that a busy machine matters little; times of calls are medians of short slots."
    )
    parts = [head("Scaling", said), machine(found)]
    for name, part in found["parts"].items():
        unit, series = part["unit"], part["series"]
        plot = f"{PLOTS}/scaling-{name.replace(' ', '-')}.svg"
        made[plot] = lines(f"{part['what']}, by {part['by']}", series, unit)
        across = list(dict.fromkeys(x for points in series.values() for x, _ in points))
        rows = [[f"{int(x):,}", *(dict(map(tuple, points)).get(x) for points in series.values())] for x in across]
        parts += [f"### {part['what']}, by {part['by']}", "", f"![{part['what']} by {part['by']}]({plot})", ""]
        parts.append(table([part["by"], *(f"{one}, {unit}" for one in series)], rows))
        if part.get("verdict"):
            parts += [part["verdict"], ""]
    parts.append(verdicts(found))
    return "\n".join(parts)


def systems(found: dict[str, Any], made: dict[str, str]) -> str:
    """Whole systems: one record in, one answer out."""
    said = (
        f"Each system fits the same training part within {found['time_limit_s']:g} s, is saved, and answers records of "
        "the test part one by one in a fresh Python process (`bench/systems.py`). What a system needs to read a record "
        "is inside the clock; scikit-learn is a pipeline of imputers, encoders and histogram gradient boosting."
    )
    parts = [head("One record, whole systems", said), machine(found)]
    names = ["system", "score", "p50, us", "p99, us", "100,000 rows, s", "size, MB", "load, s", "version"]
    for title, part in found["sets"].items():
        shown = {name: own for name, own in part["systems"].items() if "p50_us" in own}
        if not shown:
            continue
        plot = f"{PLOTS}/systems-{title.replace('_', '-')}.svg"
        p50 = {name: own["p50_us"] for name, own in shown.items()}
        ours = {name for name in shown if name.startswith("lean_automl")}
        made[plot] = bars(f"{title}: one record, median, log scale", p50, ours, "us", log=True)
        keys = ("score", "p50_us", "p99_us", "batch_s", "megabytes", "load_s", "version")
        rows = [[name, *(own.get(key) for key in keys)] for name, own in shown.items()]
        parts += [f"### {title}, {part['metric']}", "", f"![One record on {title}]({plot})", "", table(names, rows)]
        failed = [f"{name}: {own['error']}" for name, own in part["systems"].items() if "error" in own]
        parts += [f"Left out: {'; '.join(failed)}.", ""] if failed else []
    return "\n".join(parts)
