"""A small C program around an exported header: it reads rows once, and predicts all of them as often as it is told.

Two runs that differ in the number of passes differ in the work of predictions alone: start, reading and end cancel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_exporters.c import COptions, export_c
from lean_automl_exporters.c.export import row_fields
from lean_automl_exporters.c.interface import Style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_exporters.c.interface import Field
    from lean_automl_runtime.ir import Program

Array = np.ndarray[Any, np.dtype[Any]]
PREFIX: Final = "model"
SOURCE: Final = "gate.c"
ROWS: Final = "rows.bin"
NUMPY: Final = {"float": "<f4", "double": "<f8", "int64_t": "<i8", "uint32_t": "<u4"}


def driver_files(program: Program, arrays: Sequence[Array]) -> dict[str, bytes]:
    """Content of each file by name: the header, the driver, and the rows that it reads.

    Args:
        program: What is compiled.
        arrays: One typed array for each column, as engines take them.
    """
    options = COptions(PREFIX)
    fields = row_fields(program, options)
    layout, reads = _layout(fields)
    rows, texts = _cells(fields, arrays)
    members = "".join(f"    {ctype} {name};\n" for name, ctype in layout)
    table = np.zeros(arrays[0].shape[0], dtype=_dtype(layout))
    for (name, _), values in zip(layout, rows, strict=True):
        table[name] = values
    source = TEMPLATE.replace("MEMBERS", members).replace("READS", reads).replace("SIZE", str(table.dtype.itemsize))
    head = np.array([table.size, len(texts)], dtype="<i8").tobytes()
    headers = {name: text.encode() for name, text in export_c(program, options).items()}
    return {**headers, SOURCE: source.encode(), ROWS: head + table.tobytes() + texts}


def _layout(fields: list[Field]) -> tuple[list[tuple[str, str]], str]:
    """Members of the struct of a stored row, and the statements that make a row of it."""
    style = Style(PREFIX, integer_only=False)
    layout, reads = [], []
    for number, field in enumerate(fields):
        if field.find:
            layout += [(f"start{number}", "uint32_t"), (f"length{number}", "uint32_t")]
            value = f"{field.find}(texts + raw->start{number}, (size_t)raw->length{number})"
        else:
            layout.append((f"value{number}", style.ctype(field.column)))
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


# The empty statement tells the compiler that somebody reads the result and writes the rows: nothing may be left out.
TEMPLATE: Final = """\
#include "model.h"
#include <stdio.h>
#include <stdlib.h>

typedef struct {
MEMBERS} raw_row;
typedef char layout_is_as_expected[sizeof(raw_row) == SIZE ? 1 : -1];

static __attribute__((noinline)) void predict_all(const raw_row *rows, int64_t count, const char *texts) {
    int64_t number;
    for (number = 0; number < count; number++) {
        const raw_row *raw = rows + number;
        model_row row;
        model_result result;
READS        model_predict(&row, &result);
        __asm__ volatile("" : : "r"(&result), "r"(raw), "r"(texts) : "memory");
    }
}

int main(int count, char **arguments) {
    int64_t head[2];
    raw_row *rows;
    char *texts;
    FILE *file = fopen("rows.bin", "rb");
    int passes = count > 1 ? atoi(arguments[1]) : 1;
    if (file == NULL || fread(head, sizeof head, 1, file) != 1) {
        return 2;
    }
    rows = malloc((size_t)head[0] * sizeof *rows + 64);
    texts = malloc((size_t)head[1] + 64);
    if (rows == NULL || texts == NULL || fread(rows, sizeof *rows, (size_t)head[0], file) != (size_t)head[0]
        || fread(texts, 1, (size_t)head[1], file) != (size_t)head[1]) {
        return 3;
    }
    fclose(file);
    for (; passes > 0; passes--) {
        predict_all(rows, head[0], texts);
    }
    return 0;
}
"""
