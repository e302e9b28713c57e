"""Constant tables as C arrays."""

from __future__ import annotations

import math
import re
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
# A compiler takes as long for a constant of one byte as for one of eight, and far less for a text of any length.
PACKED: Final = 2**16  # numbers from which on a table is a text whose bytes are its numbers
TEXT_LINE: Final = 64  # bytes a line
LONG_TABLES: Final = (
    "#if defined(__BYTE_ORDER__) && defined(__ORDER_BIG_ENDIAN__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__\n"
    '#error "the long tables of this header are written for little-endian machines"\n'
    "#endif\n"
    "#if defined(__GNUC__)\n"
    '#pragma GCC diagnostic ignored "-Woverlength-strings"\n'
    "#endif\n"
)
# Octal, since the digits of a hexadecimal escape have no end; "?" might begin a trigraph.
ESCAPED: Final = [chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in range(256)]
LEADING_ZEROS: Final = re.compile(r"\\0(?:0([0-7])|([1-7][0-7]))(?![0-9])")


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
                self._texts.append(LONG_TABLES)
            self._packed |= packed
            self._names[key] = f"{name}.numbers" if packed else name
            self._texts.append(_text(name, table) if packed else _array(name, table))
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


def _text(name: str, table: Table) -> str:
    """A text whose bytes are the numbers of a table, and the zero that ends it: C++ wants room for that."""
    lines = (table.data[begin : begin + TEXT_LINE] for begin in range(0, len(table.data), TEXT_LINE))
    cells = "\n".join(f'    "{_escaped(line)}"' for line in lines)
    union = f"union {{\n    char text[{len(table.data) + 1}];\n    {CTYPES[table.kind]} numbers[{len(table)}];\n}}"
    return f"static const {union} {name} = {{\n{cells}}};\n"


def _escaped(data: bytes) -> str:
    text = "".join(map(ESCAPED.__getitem__, data))
    return LEADING_ZEROS.sub(lambda found: "\\" + (found[1] or found[2]), text)


def _lines(cells: list[str]) -> str:
    lines, line = [], ""
    for cell in cells:
        if len(line) + len(cell) > LINE:
            lines.append(line.rstrip())
            line = ""
        line += f"{cell}, "
    lines.append(line.rstrip(", "))
    return "\n    ".join(lines)
