"""Runs exported headers: one executable holds several models, each under its prefix, and reads rows from a file."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from c_compilers import STRICT, Compiler
from conformance.compare import assert_same
from conformance.programs import hostile_inputs
from lean_automl_exporters.c import COptions, export_c
from lean_automl_exporters.c.interface import Field, make_fields
from lean_automl_exporters.c.names import Names
from lean_automl_runtime.ir import LABEL, PREDICTION, PROBABILITIES, Program, to_bytes
from lean_automl_runtime.native.plan import build_plan
from lean_automl_runtime.reference import evaluate

Array = np.ndarray[Any, np.dtype[Any]]

MAIN = """
#include <stdio.h>
#include <stdlib.h>
%s
static void get(void *to, size_t size) {
    if (size > 0 && fread(to, size, 1, stdin) != 1) {
        exit(2);
    }
}

static char text[1 << 20];

%s
int main(int count, char **arguments) {
    int model = count > 1 ? atoi(arguments[1]) : 0;
    int32_t rows, row;
    (void)text;
    get(&rows, sizeof rows);
    for (row = 0; row < rows; row++) {
        switch (model) {
%s
            default: return 3;
        }
    }
    return 0;
}
"""


def check_bits(
    programs: Sequence[Program], folder: Path, compiler: Compiler, flags: Sequence[str], *, few_bytes: bool = False
) -> None:
    """Compare what headers predict for hostile rows with the reference, to the bit."""
    compiled = Compiled(programs, folder, compiler, flags, few_bytes=few_bytes)
    for number, program in enumerate(programs):
        inputs = hostile_inputs(program, np.random.default_rng(number))
        assert_same(evaluate(program, inputs), compiled.run(number, inputs))


class Compiled:
    """Several Programs in one executable."""

    def __init__(
        self,
        programs: Sequence[Program],
        folder: Path,
        compiler: Compiler,
        flags: Sequence[str] = ("-O1",),
        integer_only: bool = False,
        few_bytes: bool = False,
    ) -> None:
        self._programs = programs
        self._integer_only = integer_only
        self._runner = compiler.runner
        self._binary = folder / "models"
        prefixes = [f"m{number}" for number in range(len(programs))]
        for prefix, program in zip(prefixes, programs, strict=True):
            for name, content in export_c(program, COptions(prefix, integer_only, few_bytes)).items():
                (folder / name).write_text(content)
        includes = "".join(f'#include "{prefix}.h"\n' for prefix in prefixes)
        both = zip(prefixes, programs, strict=True)
        functions = "".join(_reader(prefix, program, integer_only) for prefix, program in both)
        cases = "".join(f"            case {n}: run_{prefix}(); break;\n" for n, prefix in enumerate(prefixes))
        source = folder / "models.c"
        source.write_text(MAIN % (includes, functions, cases))
        compiler.build(source, self._binary, compiler.standards[0], *STRICT, *flags)

    def run(self, number: int, inputs: Sequence[Array]) -> dict[str, Array]:
        """As `Engine.run`, for one of the Programs."""
        program = self._programs[number]
        rows = inputs[0].shape[0]
        command = [*self._runner, str(self._binary), str(number)]
        done = subprocess.run(command, input=_rows(program, inputs), capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()[:4000]
        cells = np.frombuffer(done.stdout, dtype=np.int32).reshape(rows, -1)
        outputs: dict[str, Array] = {}
        at = 0
        if LABEL in program.outputs:
            classes = np.array(program.classes, dtype=object if isinstance(program.classes[0], str) else None)
            outputs[LABEL] = classes[cells[:, 0]]
            at = 1
        if self._integer_only:
            return outputs | {"score": cells[:, at:]}
        for name in (PROBABILITIES, PREDICTION):
            if name in program.outputs:
                width = program.types[program.outputs[name]].width
                outputs[name] = np.ascontiguousarray(cells[:, at : at + width]).view(np.float32)
                at += width
        return outputs


def _fields(prefix: str, program: Program) -> list[Field]:
    return make_fields(build_plan(*to_bytes(program)), prefix, Names())


def _reader(prefix: str, program: Program, integer_only: bool) -> str:
    """Reads a row, predicts, writes the answer."""
    reads = ""
    for field in _fields(prefix, program):
        if field.find:
            reads += "    get(&length, sizeof length);\n    get(text, (size_t)length);\n"
            reads += f"    row.{field.name} = {field.find}(text, (size_t)length);\n"
        elif integer_only and field.column.value.dtype == "float32":
            reads += f"    get(&number, sizeof number);\n    row.{field.name} = {prefix}_of_float(number);\n"
        else:
            reads += f"    get(&row.{field.name}, sizeof row.{field.name});\n"
    writes = "".join(
        f"    fwrite(&result.{name}, sizeof result.{name}, 1, stdout);\n"
        for name in ((LABEL, "score") if integer_only else (LABEL, PROBABILITIES, PREDICTION))
        if name in program.outputs or name == "score"
    )
    number = "    float number;\n" if "&number" in reads else ""
    length = "    int32_t length;\n" if "&length" in reads else ""
    return (
        f"static void run_{prefix}(void) {{\n    {prefix}_row row;\n    {prefix}_result result;\n"
        f"{length}{number}{reads}    {prefix}_predict(&row, &result);\n{writes}}}\n\n"
    )


def _rows(program: Program, inputs: Sequence[Array]) -> bytes:
    letters = {"float32": "<f", "float64": "<d", "int64": "<q"}
    columns = []
    for column, values in zip(program.columns, inputs, strict=True):
        if column.dtype == "string":
            texts = [text.encode("utf-8", "surrogatepass") for text in values]
            columns.append([struct.pack("<i", len(text)) + text for text in texts])
        else:
            columns.append([struct.pack(letters[column.dtype], value) for value in values.tolist()])
    rows = b"".join(cell for row in zip(*columns, strict=True) for cell in row)
    return struct.pack("<i", inputs[0].shape[0]) + rows
