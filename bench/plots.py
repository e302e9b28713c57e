"""Bars and lines, as SVG files that follow the reader's light or dark scheme."""

from collections.abc import Callable
from html import escape
from math import ceil, floor, log10

STYLE = (
    ".back{fill:#fff}text{font:13px system-ui,sans-serif;fill:#333}"
    ".bar{fill:#8aa4af}.ours{fill:#00897b}.value{font-size:12px}"
    ".grid{stroke:#8884}.line{fill:none;stroke-width:2;stroke:#8aa4af}.line0{stroke:#00897b}.line2{stroke:#b26a00}"
    ".line3{stroke:#7e57c2}.dot0{fill:#00897b}.dot1{fill:#8aa4af}.dot2{fill:#b26a00}.dot3{fill:#7e57c2}"
    "@media(prefers-color-scheme:dark){.back{fill:#1e2129}text{fill:#ddd}.bar{fill:#5f7a86}.ours{fill:#26a69a}}"
)
WIDTH, LEFT, ROW, TOP = 520, 225, 24, 34
LETTER = 7.3  # pixels of one, about
AREA = (90, 34, 490, 230)  # left, top, right and bottom of the lines


def bars(title: str, values: dict[str, float], ours: set[str], unit: str, log: bool = False) -> str:
    """One bar for each value, in the order given; those of `ours` in another colour."""
    low = 10 ** int(log10(min(values.values())) - 1) if log else 0.0
    high = max(values.values())
    left = max(LEFT, LETTER * max(map(len, values)) + 8)

    def share(value: float) -> float:
        return (log10(value / low) / log10(high / low)) if log else value / high

    drawn = [f'<text x="0" y="16">{escape(title)}</text>']
    for number, (name, value) in enumerate(values.items()):
        y = TOP + number * ROW
        length = round(share(value) * (WIDTH - left - 90), 1)
        kind = "bar ours" if name in ours else "bar"
        drawn += [
            f'<text x="{left - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>',
            f'<rect class="{kind}" x="{left}" y="{y + 3}" width="{length}" height="15" rx="2"/>',
            f'<text class="value" x="{left + length + 6}" y="{y + 15}">{value:,.4g} {escape(unit)}</text>',
        ]
    return _svg(title, TOP + len(values) * ROW + 4, drawn)


def lines(title: str, series: dict[str, list[tuple[float, float]]], unit: str) -> str:
    """Lines through points (x, y), both axes logarithmic; the first series in the project's colour."""
    points = [point for own in series.values() for point in own]
    across, up = _scale([x for x, _ in points], AREA[0], AREA[2]), _scale([y for _, y in points], AREA[3], AREA[1])
    unit = escape(unit)
    drawn = [f'<text x="0" y="16">{escape(title)}</text>']
    for x in sorted({x for x, _ in points}):
        drawn.append(f'<text class="value" x="{across(x)}" y="{AREA[3] + 18}" text-anchor="middle">{_short(x)}</text>')
    for y in _ticks([y for _, y in points]):
        drawn += [
            f'<path class="grid" d="M{AREA[0]} {up(y)}H{AREA[2]}"/>',
            f'<text class="value" x="{AREA[0] - 8}" y="{up(y) + 4}" text-anchor="end">{_short(y)} {unit}</text>',
        ]
    for number, (name, own) in enumerate(series.items()):
        path = "M" + "L".join(f"{across(x)} {up(y)}" for x, y in own)
        y = AREA[3] + 40 + number * 18
        drawn += [
            f'<path class="line line{number % 4}" d="{path}"/>',
            *(f'<circle class="dot{number % 4}" cx="{across(x)}" cy="{up(y)}" r="3"/>' for x, y in own),
            f'<path class="line line{number % 4}" d="M{AREA[0]} {y - 4}h20"/>',
            f'<text class="value" x="{AREA[0] + 28}" y="{y}">{escape(name)}</text>',
        ]
    return _svg(title, AREA[3] + 44 + len(series) * 18, drawn)


def _scale(values: list[float], begin: float, end: float) -> Callable[[float], float]:
    """From a value to a place between two, by its logarithm."""
    low, high = log10(min(values)), log10(max(values))
    return lambda value: round(begin + (end - begin) * ((log10(value) - low) / (high - low) if high > low else 0.5), 1)


def _ticks(values: list[float]) -> list[float]:
    """Powers of ten in the range, or its ends where there is none."""
    powers = [10.0**k for k in range(ceil(log10(min(values))), floor(log10(max(values))) + 1)]
    return powers or [min(values), max(values)]


def _short(value: float) -> str:
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:.3g}"


def _svg(title: str, height: float, drawn: list[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
    return (
        f'{head}aria-label="{escape(title)}"><style>{STYLE}</style><rect class="back" width="100%" height="100%"/>'
        + "\n".join(drawn)
        + "</svg>\n"
    )
