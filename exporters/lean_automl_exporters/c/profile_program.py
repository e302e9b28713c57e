"""A stand-alone C program that makes the profile of a device: reference kernels, rows, and the harness around them.

The harness is `profile.c`, real C with one place for what is written here: each reference Program as its header, a
function that makes a row of it, and one that answers a row, texts of categories included.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final

from lean_automl_runtime.ir import ColumnKind
from lean_automl_runtime.measure.profile import PROFILE_FORMAT
from lean_automl_runtime.measure.reference_programs import (
    FIRST_TIME,
    SECONDS_OF_RECORDS,
    UNSEEN,
    ZEROS,
    make_program,
)
from lean_automl_runtime.measure.reference_shapes import HELD_OUT_SHAPES, REFERENCE_SHAPES, Shape

from lean_automl_exporters.c.export import COptions, export_c

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import Program

LARGEST_HEADER: Final = 200_000  # characters; larger kernels say little more, and take long to compile
PLACE: Final = "/*@KERNELS@*/"
LONGEST_NUMBER: Final = 24  # of a category's text without its further letters


def export_profile(shapes: Sequence[Shape] = (*REFERENCE_SHAPES, *HELD_OUT_SHAPES)) -> str:
    """Text of the program.

    Args:
        shapes: Of the kernels; those that would take too much text, or that read free text, are left out.
    """
    parts: list[str] = []
    names: list[str] = []
    for shape in (shape for shape in shapes if not shape.texts):
        prefix = f"k{len(names)}"
        program = make_program(shape)
        header = export_c(program, COptions(prefix=prefix))[f"{prefix}.h"]
        if len(header) <= LARGEST_HEADER:
            parts += [header, _functions(prefix, program, shape)]
            names.append(shape.name)
    table = "\n".join(f'    {{"{name}", k{n}_fill, k{n}_call}},' for n, name in enumerate(names))
    kernels = (
        f"#define KERNELS {len(names)}\n#define FORMAT {PROFILE_FORMAT}\n\n"
        "static const struct {\n    const char *name;\n    void (*fill)(int row);\n    void (*call)(int row);\n"
        f"}} profile_kernels[KERNELS] = {{\n{table}\n}};\n"
    )
    harness = files(__package__).joinpath("profile.c").read_text(encoding="utf-8")
    return harness.replace(PLACE, "\n".join(parts) + kernels)


def _functions(prefix: str, program: Program, shape: Shape) -> str:
    """How a kernel's rows are made, and how one is answered."""
    fill, call, texts, numbers = [], [], 0, 0
    missing, unseen, zeros = (f"{round(share * 2**16)}u" for share in (shape.missing, UNSEEN, ZEROS))
    for column in program.columns:
        member = f"{prefix}_rows[row].{column.name}"
        if column.kind is ColumnKind.NUMERIC:
            numbers += 1
            fill.append(f"{member} = profile_number();")
            if numbers % 2 == 0:
                fill.append(f"if (profile_random() < {zeros}) {member} = 0.0f;")
            if shape.missing:
                fill.append(f"if (profile_random() < {missing}) {member} = {prefix}_missing();")
        elif column.kind is ColumnKind.DATETIME:
            ago = f"profile_random() * {SECONDS_OF_RECORDS >> 16}u"
            fill.append(f"{member} = INT64_C({FIRST_TIME}) + (int64_t)({ago});")
        else:
            where = f"{prefix}_texts[row][{texts}]"
            text = f"profile_category({where}, {shape.categories}, {shape.letters}, {missing}, {unseen})"
            fill.append(f"{prefix}_lengths[row][{texts}] = {text};")
            call.append(f"own.{column.name} = {prefix}_{column.name}_code({where}, {prefix}_lengths[row][{texts}]);")
            texts += 1
    pools = (
        f"static char {prefix}_texts[PROFILE_ROWS][{texts}][{LONGEST_NUMBER + shape.letters}];\n"
        f"static size_t {prefix}_lengths[PROFILE_ROWS][{texts}];\n"
        if texts
        else ""
    )
    lines = [f"{prefix}_row own = {prefix}_rows[row];", f"{prefix}_result result;", *call]
    lines += [f"(void){prefix}_labels;"] if program.classes else []
    answer = "probabilities" if program.classes else "prediction"
    lines += [f"{prefix}_predict(&own, &result);", f"profile_sink = result.{answer}[0];"]
    return (
        f"static {prefix}_row {prefix}_rows[PROFILE_ROWS];\n{pools}"
        f"{_c_function(f'{prefix}_fill', fill)}{_c_function(f'{prefix}_call', lines)}"
    )


def _c_function(name: str, lines: Sequence[str]) -> str:
    body = "".join(f"    {line}\n" for line in lines)
    return f"static void {name}(int row) {{\n{body}}}\n"
