"""The parts of the kernel headers that a Program needs, under the names of one model."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Final

NAMES: Final = ("kernel", "texts", "dates", "kernel_small", "arithmetic", "links")
HEADERS: Final = tuple(f"lean_automl_{name}.h" for name in NAMES)
_PART: Final = re.compile(r"/\* @part (\w+)(?: needs ([\w ]+?))?( \*/\n|\n)(.*?)/\* @end \*/\n", re.DOTALL)


class Kernel:
    """The kernel header and what it includes, cut into their parts."""

    def __init__(self) -> None:
        folder = files("lean_automl_runtime.native")
        text = "".join(folder.joinpath(header).read_text("utf-8") for header in HEADERS)
        self._parts: dict[str, tuple[tuple[str, ...], str]] = {}
        for match in _PART.finditer(text):
            name, needs, end, body = match.groups()
            # The first comment of a part begins on the line of its name.
            described = body if end == " */\n" else "/*" + body.lstrip().removeprefix("*")
            self._parts[name] = (tuple((needs or "").split()), described)

    def text(self, wanted: set[str], prefix: str) -> str:
        """The wanted parts and all that they need, in the order of the headers.

        Args:
            wanted: Names of parts.
            prefix: Put before every name, so that several models can be in one program.
        """
        needed: set[str] = set()
        waiting = list(wanted | {"core"})
        while waiting:
            name = waiting.pop()
            if name not in needed:
                needed.add(name)
                waiting += self._parts[name][0]
        return _renamed("\n".join(text for name, (_, text) in self._parts.items() if name in needed), prefix)

    def names(self, prefix: str) -> set[str]:
        """All names that the kernel may define."""
        text = "".join(text for _, text in self._parts.values())
        return set(re.findall(rf"\b(?:{prefix}_la|{prefix.upper()}_LA)_\w+", _renamed(text, prefix)))


def _renamed(text: str, prefix: str) -> str:
    """Text with the names of the kernel under a model's prefix."""
    text = re.sub(r" +\\\n", r" \\\n", text)  # the columns of continued lines move
    text = re.sub(r"\bla_", f"{prefix}_la_", text)
    return re.sub(r"\bLA_", f"{prefix.upper()}_LA_", text)
