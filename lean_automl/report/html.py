"""Elements of HTML and SVG as text. What is no `Markup` is escaped, here and nowhere else."""

from __future__ import annotations

from html import escape
from typing import Final

VOID: Final = frozenset(("br", "meta", "link"))
SHUT: Final = frozenset(("circle", "line", "path", "rect", "polyline"))  # of SVG, without content
LONG: Final = 24  # characters; such a cell gets room, so that it does not become a tower


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = str | int | float | None


def text(value: object) -> Markup:
    """Escaped for content and for quoted attributes; what no page may hold becomes a visible mark."""
    if isinstance(value, Markup):
        return value
    plain = "".join(c if c.isprintable() or c in "\n\t " else "\N{REPLACEMENT CHARACTER}" for c in str(value))
    return Markup(escape(plain, quote=True))


def join(*children: Child) -> Markup:
    """One after the other; None is nothing."""
    return Markup("".join(text(child) for child in children if child is not None))


def tag(name: str, /, *children: Child, **attributes: object) -> Markup:
    """An element. A trailing underscore of an attribute is left out, others become hyphens; None is no attribute."""
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Markup(f"<{name}{shown}>")
    if name in SHUT and not children:
        return Markup(f"<{name}{shown}/>")
    return Markup(f"<{name}{shown}>{join(*children)}</{name}>")


def table(heads: list[str], rows: list[list[Child]], numbers: frozenset[int] = frozenset(), name: str = "") -> Markup:
    """A table that scrolls inside itself.

    Args:
        heads: Of the columns.
        rows: Cells; of a row, the first is its head.
        numbers: Columns that are aligned to the right.
        name: What it shows, for those who do not see it.
    """
    head = [tag("th", cell, scope="col", class_="n" if i in numbers else None) for i, cell in enumerate(heads)]
    body = [
        tag(
            "tr",
            *(
                tag("th", cell, scope="row") if i == 0 else tag("td", cell, class_=_width(cell, i in numbers))
                for i, cell in enumerate(row)
            ),
        )
        for row in rows
    ]
    whole = tag("table", tag("thead", tag("tr", *head)), tag("tbody", *body))
    return tag("div", whole, class_="scroll", tabindex="0", role="region", aria_label=name or heads[0])


def _width(cell: Child, is_number: bool) -> str | None:
    if is_number:
        return "n"
    return "long" if len(str(cell)) > LONG else None


def section(anchor: str, title: str, *children: Child, lead: str | None = None) -> Markup:
    """A part of the page."""
    head = tag("h2", title)
    return tag("section", head, tag("p", lead, class_="lead") if lead else None, *children, id=anchor)


def legend(*keys: tuple[str, str]) -> Markup:
    """What the colours mean: a class of `key`, and words."""
    return tag("p", *(tag("span", tag("i", class_=f"key {kind}"), name) for kind, name in keys), class_="legend")


def figure(caption: str, *children: Child, note: str | None = None) -> Markup:
    """Something to look at, with what it is above it."""
    said = tag("figcaption", tag("strong", caption), tag("span", note) if note else None)
    return tag("figure", said, *children)
