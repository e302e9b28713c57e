"""Files, functions and parameter lists stay small.

What is over a cap stands in `ratchet.json` with its size: it may shrink, never grow, and leaves the list once it is
under the cap. A new entry needs a reason in the commit that adds it.
"""

from __future__ import annotations

import json

import pytest
from quality.project import ROOT, functions, name_of, sources

CAPS = {
    "lines of a file": 400,
    "lines of a header": 800,  # of C, which a user takes as a whole
    "lines of a function": 60,
    "parameters of a function": 7,
}
RATCHET: dict[str, dict[str, int]] = json.loads((ROOT / "tests" / "quality" / "ratchet.json").read_text())


def measured() -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {what: {} for what in CAPS}
    for path in sources(".py", ".c", ".h"):
        name = name_of(path)
        lines = "lines of a header" if path.suffix == ".h" else "lines of a file"
        found[lines][name] = len(path.read_text(encoding="utf-8").splitlines())
        if path.suffix != ".py":
            continue
        for node in functions(path):
            where = f"{name}:{node.name}"
            own = node.args
            count = len(own.posonlyargs) + len(own.args) + len(own.kwonlyargs)
            count += (own.vararg is not None) + (own.kwarg is not None)
            for what, size in (
                ("lines of a function", (node.end_lineno or node.lineno) - node.lineno + 1),
                ("parameters of a function", count),
            ):
                found[what][where] = max(size, found[what].get(where, 0))
    return found


@pytest.mark.parametrize("what", CAPS)
def test_nothing_is_too_long(what: str) -> None:
    allowed = RATCHET[what]
    over = [
        f"{name}: {size} {what}, at most {allowed.get(name, CAPS[what])}"
        for name, size in measured()[what].items()
        if size > allowed.get(name, CAPS[what])
    ]
    assert not over, "\n".join(over)


@pytest.mark.parametrize("what", CAPS)
def test_the_ratchet_has_no_entry_that_is_not_needed(what: str) -> None:
    sizes = measured()[what]
    idle = [name for name in RATCHET[what] if sizes.get(name, 0) <= CAPS[what]]
    assert not idle, f"take these out of ratchet.json, they are under the cap of {CAPS[what]}: {idle}"
