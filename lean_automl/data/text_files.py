"""From the bytes of a text file to text."""

from __future__ import annotations

import codecs
from typing import Final

from lean_automl.data.notes import Note, NoteCode
from lean_automl.errors import DataError

_BOMS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS: Final = bytes(set(range(32)) - set(b"\t\n\r\f\v\x1a\x1b")) + b"\x7f"
_LOOK_AT: Final = 1 << 16
_MAX_CONTROL_SHARE: Final = 0.005


def decode(content: bytes, where: str) -> tuple[str, tuple[Note, ...]]:
    """Decode text: by its byte-order mark, else as UTF-8, else as Windows-1252, else as Latin-1, with a note.

    Raises:
        DataError: The byte-order mark promises what the content does not hold.
    """
    encoding = _encoding_by_mark(content) or "utf-8"
    try:
        return content.decode(encoding), ()
    except UnicodeError as error:
        if encoding != "utf-8":
            raise DataError(f"{where}: the file is not the {encoding} text that it begins as: {error}.") from error
        first = getattr(error, "start", 0)
    line = content.count(b"\n", 0, first) + 1
    try:
        text, used = content.decode("cp1252"), "Windows-1252"
    except UnicodeError:
        text, used = content.decode("latin-1"), "Latin-1"
    found = f"is not UTF-8 text (first in line {line})"
    return text, (Note(NoteCode.ENCODING, None, found, f"read as {used}; save it as UTF-8 if letters look wrong"),)


def refuse_binary(content: bytes, where: str) -> None:
    """Refuse what is not text.

    Raises:
        DataError: The content has bytes that text does not have.
    """
    if _encoding_by_mark(content) in ("utf-16", "utf-32"):
        return
    head = content[:_LOOK_AT]
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if b"\0" in head or controls > _MAX_CONTROL_SHARE * len(head):
        raise DataError(
            f"{where}: this is not a table: it holds bytes that text does not have. Give a CSV or Parquet file."
        )


def _encoding_by_mark(content: bytes) -> str | None:
    return next((name for mark, name in _BOMS if content.startswith(mark)), None)
