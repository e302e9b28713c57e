"""Writes the parts of `program.md` that say what the code's docstrings say: `python docs/update.py`.

A test fails while the page and the docstrings differ.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from enum import StrEnum
from pathlib import Path
from typing import Final

from lean_automl_runtime.ir import columns
from lean_automl_runtime.ir import ops as o

PAGE: Final = Path(__file__).with_name("program.md")
PART: Final = re.compile(r"(<!-- from (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
ENUMS: Final[tuple[type[StrEnum], ...]] = (o.DateField, o.TextField, o.ArithmeticKind, o.Activation, o.LinkKind)


def page(text: str) -> str:
    """The page with its generated parts made anew."""
    return PART.sub(lambda match: f"{match[1]}\n{PARTS[match[2]]()}\n{match[3]}", text)


def _columns() -> str:
    """The table of column kinds."""
    return _rest_of_docstring(columns)


def _rules() -> str:
    """What holds for every op."""
    return _rest_of_docstring(o)


def _ops() -> str:
    """One section for each op, in the order of the table of ops; the shared part of the tree ops before them."""
    sections = []
    for op in o.OPS.values():
        if op is o.ObliviousTrees:
            sections.append(_section("Forest: what both tree ops share", o.Forest))
        sections.append(_section(op.__name__, op))
    return "\n".join(sections)


def _enums() -> str:
    """The words that ops are set with."""
    sections = []
    for kind in ENUMS:
        words = ", ".join(f"`{member.value}`" for member in kind)
        sections.append(f"### {kind.__name__}\n\n{_markdown(inspect.getdoc(kind) or '')}\n\n{words}\n")
    return "\n".join(sections)


PARTS: Final = {"columns": _columns, "rules": _rules, "ops": _ops, "enums": _enums}


def _section(title: str, op: type[o.Op]) -> str:
    own = [field.name for field in fields(op) if field.name != "inputs" and field.name in op.__annotations__]
    shown = f"Fields: {', '.join(f'`{name}`' for name in own)}.\n\n" if own else ""
    return f"### {title}\n\n{shown}{_markdown(inspect.getdoc(op) or '')}\n"


def _rest_of_docstring(module: object) -> str:
    """A module's docstring without its first line."""
    _, _, rest = (inspect.getdoc(module) or "").partition("\n")
    return _markdown(rest.strip()) + "\n"


def _markdown(docstring: str) -> str:
    """A docstring as Markdown: its list of attributes becomes a list."""
    text, heading, attributes = docstring.partition("Attributes:\n")
    if not heading:
        return docstring
    items = re.sub(r"^ {4}(\w+): ", r"* `\1`: ", attributes, flags=re.MULTILINE)
    return text + re.sub(r"^ {8}", "  ", items, flags=re.MULTILINE)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
