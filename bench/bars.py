"""Bars and whether results meet them: one line each, in words that need no other page."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

OURS = ("header", "header_sse2", "bare_loop", "lightgbm_compiled")
BARE_NS = 270  # of the bare tree loop where the bar of 500 ns for a kernel was set
KERNEL_NS = 500
Results = dict[str, Any]
SETS_WON = 3  # on which score, one row and batch are all to be as good or better


@dataclass(frozen=True)
class Bar:
    """One requirement and what was found."""

    name: str
    wanted: str
    measured: str
    met: bool


def shown(bars: Iterable[Bar]) -> str:
    """A table for people."""
    rows = [
        ("bar", "wanted", "measured", "met"),
        *((b.name, b.wanted, b.measured, "yes" if b.met else "NO") for b in bars),
    ]
    widths = [max(len(row[j]) for row in rows) for j in range(4)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def as_json(bars: Iterable[Bar]) -> list[dict[str, Any]]:
    return [asdict(bar) for bar in bars]


def at_least(name: str, least: float, value: float, more: str = "") -> Bar:
    return Bar(name, f">= {least:g}", f"{value:g}{more}", value >= least)


def at_most(name: str, most: float, value: float, more: str = "") -> Bar:
    return Bar(name, f"<= {most:.4g}", f"{value:g}{more}", value <= most)


def latency_bars(found: Results) -> Iterator[Bar]:
    """Bars of `latency.py` that its results speak of."""
    won: dict[str, bool] = {}
    for name, result in found.items():
        if name.startswith("adult, "):
            yield from _adult(result)
        elif name.startswith("rivals, "):
            against = list(_rivals(name.removeprefix("rivals, "), result))
            won[name.removeprefix("rivals, ")] = all(bar.met for bar in against)
            yield from against
        elif name.startswith("transform, "):
            yield from _transforms(result)
        elif name == "compile":
            slowest = max((own["median_s"], trees) for trees, own in result.items())
            yield at_most("gcc for an exported header, s", 2, slowest[0], f" ({slowest[1]} trees)")
    if won:
        names = ", ".join(name for name, both in won.items() if both)
        yield at_least(f"sets of {len(won)} with all that against rivals", SETS_WON, sum(won.values()), f" ({names})")


def _transforms(result: Results) -> Iterator[Bar]:
    for engine in ("native", "numba"):
        times = {form: own["scikit-learn"]["ms"] / own[engine]["ms"] for form, own in result.items() if engine in own}
        if times:
            form = min(times, key=lambda one: times[one])
            name = f"transform of 100,000 rows: times ColumnTransformer, {engine}"
            yield at_least(name, 10, round(times[form], 2), f" ({form})")


def _adult(result: Results) -> Iterator[Bar]:
    python, kernels = result["python"], result["c"]["encoded rows"]
    yield at_least("adult, 100 trees: session.run over predict_one", 5, python["session_over_predict_one"])
    yield at_most("adult, 100 trees: p99 over p50 of predict_one", 3, python["p99_over_p50"])
    yield at_most("adult, 100 trees: header in C, p50, ns", KERNEL_NS, kernels["header"]["p50_ns"])
    if "bare_loop" in kernels:  # a machine at another speed, or at other work, has another bare loop
        for name in ("header", "header_sse2"):
            ratio = round(kernels[name]["p50_ns"] / kernels["bare_loop"]["p50_ns"], 2)
            yield at_most(f"adult, 100 trees: {name} in C over the bare tree loop", KERNEL_NS / BARE_NS, ratio)


def _rivals(name: str, result: Results) -> Iterator[Bar]:
    for rows, engines in result["one_row"].items():
        others = (
            {k: v["p50_ns_over_header"] for k, v in engines.items() if k not in OURS} if rows != "mean_answers" else {}
        )
        if others:
            fastest = min(others, key=lambda engine: others[engine])
            yield at_least(f"{name}, {rows}: fastest rival over header", 1.5, others[fastest], f" ({fastest})")
    theirs = {"lightgbm": result["lightgbm"]["test"]}
    if "ydf" in result:
        theirs["ydf"] = result["ydf"]["test"]
    best = max(theirs, key=lambda rival: theirs[rival])
    ours = result["student"]["test"]
    yield Bar(f"{name}: score on the test rows", f">= {theirs[best]:.4f} ({best})", f"{ours:.4f}", ours >= theirs[best])
    batch = result["batch of 100,000"]
    rest = min((own["over_ours"], engine) for engine, own in batch.items() if not engine.startswith("native"))
    yield at_least(f"{name}, batch: fastest rival over native", 1, rest[0], f" ({rest[1]})")
