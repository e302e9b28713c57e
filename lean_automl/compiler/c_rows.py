"""Rows for C programs around an exported header: stored as a file of structs, with the code that reads them.

A program has the texts of a row as they came, and looks them up in each call, as a caller of the header does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_exporters.c import COptions
from lean_automl_exporters.c.export import row_fields
from lean_automl_exporters.c.interface import Style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_exporters.c.interface import Field
    from lean_automl_runtime.ir import Program

Array = np.ndarray[Any, np.dtype[Any]]
PREFIX: Final = "model"
HEADER: Final = f"{PREFIX}.h"
ROWS: Final = "rows.bin"
NUMPY: Final = {"float": "<f4", "double": "<f8", "int64_t": "<i8", "uint32_t": "<u4"}


@dataclass(frozen=True)
class StoredRows:
    """Rows of a Program.

    Attributes:
        data: Content of `ROWS`.
        members: Of the struct of a stored row, as C.
        reads: Statements that make `row` of `raw` and `texts`.
        bytes: Of a struct.
    """

    data: bytes
    members: str
    reads: str
    bytes: int

    def fill(self, template: str) -> str:
        """A C program: READER becomes what loads the rows, READS the statements that make a row."""
        reader = READER.replace("MEMBERS", self.members).replace("SIZE", str(self.bytes))
        return template.replace("READER", reader).replace("READS", self.reads)


def stored_rows(program: Program, arrays: Sequence[Array]) -> StoredRows:
    """Rows as a C program reads them.

    Args:
        program: What is exported.
        arrays: One typed array for each column, as engines take them.
    """
    fields = row_fields(program, COptions(PREFIX))
    layout, reads = _layout(fields)
    rows, texts = _cells(fields, arrays)
    table = np.zeros(arrays[0].shape[0], dtype=_dtype(layout))
    for (name, _), values in zip(layout, rows, strict=True):
        table[name] = values
    head = np.array([table.size, len(texts)], dtype="<i8").tobytes()
    members = "".join(f"    {ctype} {name};\n" for name, ctype in layout)
    return StoredRows(head + table.tobytes() + texts, members, reads, table.dtype.itemsize)


def _layout(fields: list[Field]) -> tuple[list[tuple[str, str]], str]:
    """Members of the struct of a stored row, and the statements that make a row of it."""
    style = Style(PREFIX, integer_only=False)
    layout, reads = [], []
    for number, field in enumerate(fields):
        if field.find:
            layout += [(f"start{number}", "uint32_t"), (f"length{number}", "uint32_t")]
            value = f"{field.find}(texts + raw->start{number}, (size_t)raw->length{number})"
        else:
            layout.append((f"value{number}", style.ctype(field)))
            value = f"raw->value{number}"
        reads.append(f"        row.{field.name} = {value};\n")
    return layout, "".join(reads)


def _dtype(layout: list[tuple[str, str]]) -> np.dtype[Any]:
    """As C lays the struct out."""
    return np.dtype([(name, NUMPY[ctype]) for name, ctype in layout], align=True)


def _cells(fields: list[Field], arrays: Sequence[Array]) -> tuple[list[Array], bytes]:
    """Values of each member of the stored rows, and the texts that they point into."""
    members: list[Array] = []
    pool: dict[bytes, int] = {}
    size = 0
    for field, values in zip(fields, arrays, strict=True):
        if not field.find:
            members.append(values)
            continue
        texts = [text.encode("utf-8", "surrogatepass") for text in values]
        for text in texts:
            if text not in pool:
                pool[text] = size
                size += len(text)
        members += [np.array([pool[text] for text in texts]), np.array([len(text) for text in texts])]
    return members, b"".join(pool)


READER: Final = """\
#include "model.h"
#include <stdio.h>
#include <stdlib.h>

typedef struct {
MEMBERS} raw_row;
typedef char layout_is_as_expected[sizeof(raw_row) == SIZE ? 1 : -1];

static raw_row *rows;
static int64_t row_count;
static char *texts;

static int load_rows(void) {
    int64_t head[2];
    FILE *file = fopen("rows.bin", "rb");
    if (file == NULL || fread(head, sizeof head, 1, file) != 1) {
        return 2;
    }
    row_count = head[0];
    rows = malloc((size_t)head[0] * sizeof *rows + 64);
    texts = malloc((size_t)head[1] + 64);
    if (rows == NULL || texts == NULL || fread(rows, sizeof *rows, (size_t)head[0], file) != (size_t)head[0]
        || fread(texts, 1, (size_t)head[1], file) != (size_t)head[1]) {
        return 3;
    }
    fclose(file);
    return 0;
}
"""
