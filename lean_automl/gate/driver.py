"""A small C program around an exported header: it reads rows once, and predicts all of them as often as it is told.

Two runs that differ in the number of passes differ in the work of predictions alone: start, reading and end cancel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_exporters.c import COptions, export_c

from lean_automl.compiler.c_rows import HEADER, PREFIX, ROWS, stored_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import Program

Array = np.ndarray[Any, np.dtype[Any]]
SOURCE: Final = "gate.c"


def driver_files(program: Program, arrays: Sequence[Array]) -> dict[str, bytes]:
    """Content of each file by name: the header, the driver, and the rows that it reads.

    Args:
        program: What is compiled.
        arrays: One typed array for each column, as engines take them.
    """
    rows = stored_rows(program, arrays)
    header = export_c(program, COptions(PREFIX))[HEADER].encode()
    return {HEADER: header, SOURCE: rows.fill(TEMPLATE).encode(), ROWS: rows.data}


# The empty statement tells the compiler that somebody reads the result and writes the rows: nothing may be left out.
TEMPLATE: Final = """\
READER
static __attribute__((noinline)) void predict_all(void) {
    int64_t number;
    for (number = 0; number < row_count; number++) {
        const raw_row *raw = rows + number;
        model_row row;
        model_result result;
READS        model_predict(&row, &result);
        __asm__ volatile("" : : "r"(&result), "r"(raw), "r"(texts) : "memory");
    }
}

int main(int count, char **arguments) {
    int passes = count > 1 ? atoi(arguments[1]) : 1;
    int failed = load_rows();
    if (failed) {
        return failed;
    }
    for (; passes > 0; passes--) {
        predict_all();
    }
    return 0;
}
"""
