"""Constant tables as C arrays."""

from __future__ import annotations

import math
import struct
from typing import Final

from lean_automl_runtime.native.block import Table

CTYPES: Final = {
    "f": "float",
    "d": "double",
    "b": "int8_t",
    "h": "int16_t",
    "i": "int32_t",
    "B": "uint8_t",
    "H": "uint16_t",
    "I": "uint32_t",
    "q": "int64_t",
}
LINE: Final = 110
INT32_MIN: Final = -(2**31)
# A compiler takes as long for a constant of one byte as for one of eight, so long tables are written as words.
PACKED: Final = 2**16  # numbers from which on a table is long
BIG_ENDIAN_CHECK: Final = (
    "#if defined(__BYTE_ORDER__) && defined(__ORDER_BIG_ENDIAN__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__\n"
    '#error "the long tables of this header are written for little-endian machines"\n'
    "#endif\n"
)


class Tables:
    """Arrays of a header, named as they are asked for; equal ones once."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._names: dict[tuple[str, bytes], str] = {}
        self._texts: list[str] = []
        self._packed = False
        self.bytes = 0

    def name(self, table: Table) -> str:
        """Expression for the array that holds a table."""
        key = (table.kind, table.data)
        if key not in self._names:
            name = f"{self._prefix}_t{len(self._names)}"
            packed = len(table) >= PACKED and table.kind in "bBhHiI"
            if packed and not self._packed:
                self._texts.append(BIG_ENDIAN_CHECK)
            self._packed |= packed
            self._names[key] = f"{name}.numbers" if packed else name
            self._texts.append(_words(name, table) if packed else _array(name, table))
            self.bytes += len(table.data)
        return self._names[key]

    def text(self) -> str:
        """All arrays."""
        return "".join(self._texts)


def number(value: float, kind: str) -> str:
    """A C constant that is exactly this number."""
    if kind not in "fd":
        if kind == "q":
            return f"INT64_C({value})" if value >= 0 else f"-INT64_C({-value})"
        return f"(-{2**31 - 1} - 1)" if value == INT32_MIN else str(value)
    if math.isnan(value):
        return "NAN"
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    text = f"{value:.9g}" if kind == "f" else f"{value:.17g}"
    text = text if any(c in text for c in ".e") else f"{text}.0"
    return f"{text}f" if kind == "f" else text


def scalar(table: Table) -> str:
    """The constant of a table of one number."""
    return number(table.numbers()[0], table.kind)


def doubles(table: Table) -> list[str]:
    """Constants of a table of doubles."""
    return [number(value, "d") for value in struct.unpack(f"<{len(table)}d", table.data)]


def _array(name: str, table: Table) -> str:
    cells = [number(value, table.kind) for value in table.numbers().tolist()] or ["0"]
    return f"static const {CTYPES[table.kind]} {name}[{len(cells)}] = {{\n    {_lines(cells)}}};\n"


def _words(name: str, table: Table) -> str:
    """Words whose bytes are the numbers of a table."""
    data = table.data + b"\0" * (-len(table.data) % 8)
    cells = [f"{word:#x}" for word in memoryview(data).cast("Q")]
    union = f"union {{\n    uint64_t words[{len(cells)}];\n    {CTYPES[table.kind]} numbers[{len(table)}];\n}}"
    return f"static const {union} {name} = {{{{\n    {_lines(cells)}}}}};\n"


def _lines(cells: list[str]) -> str:
    lines, line = [], ""
    for cell in cells:
        if len(line) + len(cell) > LINE:
            lines.append(line.rstrip())
            line = ""
        line += f"{cell}, "
    lines.append(line.rstrip(", "))
    return "\n    ".join(lines)
