"""What sections of the page of benchmarks are made of: the line on the machine, tables, short lines."""

from typing import Any


def machine(found: dict[str, Any]) -> str:
    """Two lines on where a file is from."""
    about = found["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items() if number)
    load = about.get("load_at_start")
    busy = "" if load is None else f", load {load:.1f} at the start"
    lines = (
        f"Machine: {about['cpu']}, {about['cores']} cores{busy}; Python {about['python']}.",
        f"Versions: {versions}.",
    )
    return "\n".join(wrapped(line) for line in lines) + "\n"


def head(title: str, *paragraphs: str) -> str:
    """The heading of a section and what it says of how its figures were made."""
    return "\n\n".join([f"## {title}", *map(wrapped, paragraphs)]) + "\n"


def table(names: list[str], rows: list[list[Any]]) -> str:
    """A table; the first column is text."""
    lines = [names, ["---", *["---:"] * (len(names) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(cell, line)) + " |" for line in lines) + "\n"


def verdicts(found: dict[str, Any]) -> str:
    """The bars of a file, in words, if it has some."""
    bars = found.get("bars")
    if not isinstance(bars, list) or not bars:
        return ""
    rows = [[bar["name"], bar["wanted"], bar["measured"], "yes" if bar["met"] else "**no**"] for bar in bars]
    return table(["bar", "wanted", "measured", "met"], rows)


def cell(value: Any) -> str:
    """A value as tables show it."""
    if isinstance(value, float):
        return f"{value:,.5g}"
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def wrapped(text: str, width: int = 115) -> str:
    """A paragraph of short lines."""
    lines, now = [], ""
    for word in text.split():
        if now and len(now) + 1 + len(word) > width:
            lines.append(now)
            now = ""
        now = f"{now} {word}".strip()
    return "\n".join([*lines, now])
