"""Bars on a logarithmic or linear scale, as an SVG file that follows the reader's light or dark scheme."""

from html import escape
from math import log10

STYLE = (
    ".back{fill:#fff}text{font:13px system-ui,sans-serif;fill:#333}"
    ".bar{fill:#8aa4af}.ours{fill:#00897b}.value{font-size:12px}"
    "@media(prefers-color-scheme:dark){.back{fill:#1e2129}text{fill:#ddd}.bar{fill:#5f7a86}.ours{fill:#26a69a}}"
)
WIDTH, LEFT, ROW, TOP = 520, 225, 24, 34


def bars(title: str, values: dict[str, float], ours: set[str], unit: str, log: bool = False) -> str:
    """One bar for each value, in the order given; those of `ours` in another colour."""
    low = 10 ** int(log10(min(values.values())) - 1) if log else 0.0
    high = max(values.values())

    def share(value: float) -> float:
        return (log10(value / low) / log10(high / low)) if log else value / high

    drawn = [f'<text x="0" y="16">{escape(title)}</text>']
    for number, (name, value) in enumerate(values.items()):
        y = TOP + number * ROW
        length = round(share(value) * (WIDTH - LEFT - 90), 1)
        kind = "bar ours" if name in ours else "bar"
        drawn += [
            f'<text x="{LEFT - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>',
            f'<rect class="{kind}" x="{LEFT}" y="{y + 3}" width="{length}" height="15" rx="2"/>',
            f'<text class="value" x="{LEFT + length + 6}" y="{y + 15}">{value:,.4g} {escape(unit)}</text>',
        ]
    height = TOP + len(values) * ROW + 4
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
    return (
        f'{head}aria-label="{escape(title)}"><style>{STYLE}</style><rect class="back" width="100%" height="100%"/>'
        + "\n".join(drawn)
        + "</svg>\n"
    )
