"""Read a table from a file or from memory into a pandas DataFrame with unique, named, text column names.

| file                     | told by                          | read with                     |
|--------------------------|----------------------------------|-------------------------------|
| Parquet                  | its first bytes                  | pyarrow                       |
| Arrow, Feather           | its first bytes                  | pyarrow                       |
| gzip of the two below    | its first bytes                  | gzip                          |
| JSON lines               | suffix .jsonl or .ndjson         | one object a line             |
| CSV and the like         | everything else that is text     | `lean_automl.data.delimited`  |
"""

from __future__ import annotations

import gzip
import io
import json
import logging
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
from pyarrow import feather, parquet

from lean_automl.data.delimited import read_delimited
from lean_automl.data.notes import Note, NoteCode
from lean_automl.data.text_files import decode, refuse_binary
from lean_automl.errors import DataError

Source = str | Path | pd.DataFrame | Mapping[str, Any] | Any
_GZIP: Final = b"\x1f\x8b"
_KNOWN_BINARY: Final = {
    b"PK\x03\x04": "a ZIP archive or spreadsheet",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet",
    b"%PDF": "a PDF",
    b"SQLite f": "a SQLite database",
    b"\x89HDF": "an HDF5 file",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a zstandard archive",
}
_log = logging.getLogger(__name__)


def read_table(source: Source) -> pd.DataFrame:
    """Read a table; findings are logged.

    Args:
        source: Path of a CSV (or gzip of it), TSV, Parquet, Arrow or JSON-lines file, a DataFrame, a mapping from names
            to columns, or a pyarrow Table (or what gives one through the Arrow C stream interface).

    Raises:
        DataError: It is not a usable table.
    """
    frame, notes = read_with_notes(source)
    for note in notes:
        _log.warning("%s", note)
    return frame


def read_with_notes(source: Source) -> tuple[pd.DataFrame, tuple[Note, ...]]:
    """Read a table like `read_table` and return the findings.

    Raises:
        DataError: It is not a usable table.
    """
    if isinstance(source, str) and not source:
        raise DataError("the path of the table is empty. Give a file.")
    if isinstance(source, str | Path):
        path = Path(source)
        frame, notes = _read_path(path)
        where = str(path)
    else:
        where, notes = "the given table", ()
        frame = _from_memory(source)
    index = frame.index
    if not isinstance(index, pd.RangeIndex):
        named = [str(name) for name in index.names if name is not None]
        if named:
            found = f"has the index {', '.join(map(repr, named))}"
            notes += (Note(NoteCode.INDEX_IGNORED, None, found, "not read; call reset_index() to make it a column"),)
        frame = frame.reset_index(drop=True)
    return _with_checked_names(frame, where), notes


def check_names(names: list[str], where: str) -> None:
    """Refuse columns without a name, and names that occur twice.

    Raises:
        DataError: There are such.
    """
    nameless = [position for position, name in enumerate(names, 1) if not name.strip()]
    if nameless:
        raise DataError(
            f"{where}: column {nameless[0]} has no name. If it is a row index (as to_csv writes it), write the file "
            "without it (index=False); otherwise name it in the first line."
        )
    if len(set(names)) < len(names):
        seen: set[str] = set()
        twice = next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise DataError(
            f"{where}: two columns are named {twice!r}. Rename one. If the first line holds values, add a line of "
            "column names."
        )


def _with_checked_names(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    if frame.columns.nlevels > 1:
        raise DataError(f"{where}: the column names have {frame.columns.nlevels} levels. Flatten them to one.")
    if not frame.shape[1]:
        raise DataError(f"{where}: there are no columns. Give a table with named columns.")
    names = ["" if pd.isna(name) else str(name) for name in frame.columns]
    check_names(names, where)
    if not len(frame):
        raise DataError(f"{where}: there are column names and no rows. Give at least one row.")
    if any(isinstance(dtype, pd.ArrowDtype) for dtype in frame.dtypes):
        frame = pa.Table.from_pandas(frame, preserve_index=False).to_pandas(ignore_metadata=True)
    if list(frame.columns) != names:
        frame = frame.set_axis(names, axis="columns")
    return frame


def _from_memory(source: Any) -> pd.DataFrame:
    if isinstance(source, pd.DataFrame):
        return source
    try:
        if isinstance(source, Mapping):
            return pd.DataFrame(dict(source))
        if isinstance(source, pa.Table) or hasattr(source, "__arrow_c_stream__"):
            return _to_pandas(pa.table(source), "the given table")
    except (ValueError, TypeError, pa.ArrowException) as error:
        raise DataError(f"the given {type(source).__name__} is not a table: {_first_line(error)}.") from error
    raise DataError(
        f"a {type(source).__name__} object is not a table. Give a path, a DataFrame, a mapping of columns or a "
        "pyarrow Table."
    )


def _to_pandas(table: Any, where: str) -> pd.DataFrame:
    check_names([str(name) for name in table.column_names], where)
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _read_path(path: Path) -> tuple[pd.DataFrame, tuple[Note, ...]]:
    content = _content(path)
    where = str(path)
    try:
        if content.startswith(b"PAR1"):
            return _to_pandas(parquet.read_table(pa.BufferReader(content)), where), ()
        if content.startswith(b"ARROW1") or content.startswith(b"FEA1"):
            return _to_pandas(feather.read_table(pa.BufferReader(content)), where), ()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{where}: the file is damaged: {_first_line(error)}. Write it again.") from error
    for magic, what in _KNOWN_BINARY.items():
        if content.startswith(magic):
            raise DataError(f"{where}: this is {what}, not a table. Save the table as CSV or Parquet.")
    refuse_binary(content, where)
    suffixes = [suffix.lower() for suffix in path.suffixes]
    text, notes = decode(content, where)
    if ".jsonl" in suffixes or ".ndjson" in suffixes:
        return _read_json_lines(text, where), notes
    frame, more = read_delimited(text, where, prefer_tab=".tsv" in suffixes)
    return frame, notes + more


def _content(path: Path) -> bytes:
    if path.is_dir():
        raise DataError(f"{path}: this is a folder, not a table. Give one file of it.")
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file. Check the path.") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DataError(f"{path}: the file cannot be read: {reason}.") from error
    if content.startswith(_GZIP):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path}: the gzip file is damaged: {error}. Write it again.") from error
    if not content.strip():
        raise DataError(f"{path}: the file is empty. Give a table with a line of column names and rows below it.")
    return content


def _read_json_lines(text: str, where: str) -> pd.DataFrame:
    records = []
    for number, line in enumerate(io.StringIO(text), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise DataError(f"{where}: line {number} is not JSON: {error}.") from error
        if not isinstance(record, dict):
            raise DataError(
                f"{where}: line {number} is not a JSON object. Write one object of names and values a line."
            )
        records.append(record)
    return pd.DataFrame.from_records(records)


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
