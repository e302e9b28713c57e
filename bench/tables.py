"""Writes `docs/benchmarks.md`, its plots and the README's table from `results/*.json`: `python bench/tables.py`.

A test fails while they differ. A result file that is not there has no section; one that no pattern of `SECTIONS` names
is shown by `section_general.py`. What is to be said better needs a function and a line in `SECTIONS`.
"""

import json
import re
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import sections_scores as scores
import sections_speed as speed
from page_parts import table
from section_general import general

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGE = "benchmarks.md"
HEAD = """\
# Benchmarks

Made by `bench/tables.py` from the files in `bench/results/`; no figure is typed by hand.
[How they are run](../bench/README.md) has the commands and the rules. Each section names the machine of its file. The
machines were shared and busy: compare figures within a section, not with those of another machine.
"""
Section = Callable[[dict[str, Any], dict[str, str]], str]
SECTIONS: dict[str, Section] = {  # by pattern of the file's stem, in the order of the page
    "latency": speed.one_row,
    "systems": speed.systems,
    "cold_start": speed.cold_start,
    "scaling": speed.scaling,
    "limits": speed.limits,
    "wall_time": speed.wall_time,
    "throughput": speed.throughput,
    "cost_model": speed.cost_model,
    "sizes": speed.sizes,
    "newcomer": speed.newcomer,
    "gate_noise": speed.gate,
    "quality-*": scores.quality,
    "rivals-*": scores.rivals,
    "features": scores.features,
    "categories": scores.categories,
    "more_rows": scores.more_rows,
    "networks": scores.networks,
    "weights": scores.weights,
    "text": scores.text,
    "distill": scores.distill,
    "bagging": scores.bagging,
}
README_PART = re.compile(r"(<!-- from bench/results/latency.json -->\n).*?(<!-- end -->)", re.DOTALL)
README_ENGINES = {
    "header": "lean_automl",
    "lightgbm_fast": "LightGBM",
    "tl2cgen_quantized_engine": "TL2cgen, quantised",
    "onnxruntime": "onnxruntime, C++",
    "ydf_standalone": "YDF, C++",
}


def pages(results: Path = RESULTS) -> dict[str, str]:
    """Text of every file, by its path in `docs`."""
    made: dict[str, str] = {}
    parts, left = [HEAD], sorted(results.glob("*.json"))
    for pattern, section in SECTIONS.items():
        for path in [path for path in left if fnmatch(path.stem, pattern)]:
            parts.append(section(json.loads(path.read_text(encoding="utf-8")), made))
            left.remove(path)
    parts += [general(path.stem, json.loads(path.read_text(encoding="utf-8"))) for path in left]
    made[PAGE] = re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).rstrip() + "\n"
    return made


def readme(text: str, results: Path = RESULTS) -> str:
    """The README with its table made anew."""
    found = json.loads((results / "latency.json").read_text(encoding="utf-8"))
    return README_PART.sub(lambda match: f"{match[1]}\n{_readme_table(found)}\n{match[2]}", text)


def _readme_table(found: dict[str, Any]) -> str:
    """Median time of one row and the test score of each system."""
    sets = {title.removeprefix("rivals, "): part for title, part in found.items() if title.startswith("rivals, ")}
    rows = []
    for engine, shown in README_ENGINES.items():
        timed = [part["one_row"][speed.TEXTS].get(engine) for part in sets.values()]
        rows.append([shown, *("" if one is None else f"{one['p50_ns'] / 1_000:.2f}" for one in timed)])
    for system in ("ours", "LightGBM", "YDF"):
        own = [speed.scores_of(part).get(system) for part in sets.values()]
        shown = "lean_automl" if system == "ours" else system
        rows.append([f"test score, {shown}", *("" if one is None else f"{one:.4f}" for one in own)])
    return table(["median of one row, us", *sets], rows)


if __name__ == "__main__":
    for name, text in pages().items():
        (DOCS / name).parent.mkdir(exist_ok=True)
        (DOCS / name).write_text(text, encoding="utf-8")
    README.write_text(readme(README.read_text(encoding="utf-8")), encoding="utf-8")
