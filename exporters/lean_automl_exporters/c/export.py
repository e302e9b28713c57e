"""A Program as one C header: decides what is in it, and puts it together."""

from __future__ import annotations

import re
from dataclasses import dataclass
from textwrap import indent
from typing import TYPE_CHECKING, Final

from lean_automl_runtime.errors import ConfigError
from lean_automl_runtime.ir import digest, to_bytes
from lean_automl_runtime.native.plan import Plan, build_plan
from lean_automl_runtime.native.values import DOUBLES, FLOATS, INTS, LONGS

from lean_automl_exporters.c.interface import Field, categories_text, labels_text, make_fields, struct_text
from lean_automl_exporters.c.kernel import Kernel
from lean_automl_exporters.c.lines import Writer
from lean_automl_exporters.c.names import LONGEST_NAME, RESERVED, Names
from lean_automl_exporters.c.tables import Tables

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

ROOM: Final = 16  # bytes behind the byte slots that vector loads may read


@dataclass(frozen=True, slots=True)
class COptions:
    """How a Program is written as C.

    Attributes:
        prefix: What every name in the header begins with; two models in one program take two.
    """

    prefix: str = "model"

    def __post_init__(self) -> None:
        """Check that the prefix makes good names."""
        fits = re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", self.prefix) and len(self.prefix) <= LONGEST_NAME
        if not fits or self.prefix in RESERVED:
            raise ConfigError(
                f"prefix {self.prefix!r:.60} does not make C names: take at most {LONGEST_NAME} lower-case letters, "
                "digits and single underscores, a letter first, and no keyword"
            )


def export_c(program: Program, options: COptions | None = None) -> dict[str, str]:
    """Text of each file, by name: one header, `<prefix>.h`.

    Args:
        program: What to write.
        options: How; the defaults if None.
    """
    prefix = (options or COptions()).prefix
    return {f"{prefix}.h": _Header(build_plan(*to_bytes(program)), prefix).text(digest(program))}


class _Header:
    """One header in the making."""

    def __init__(self, plan: Plan, prefix: str) -> None:
        self._plan = plan
        self._prefix = prefix
        self._tables = Tables(prefix)
        own = ("row", "result", "predict", "missing", "labels", "classes", "main", "h")
        taken = {f"{prefix}_{name}" for name in own} | {f"{prefix}_{name}".upper() for name in own}
        self._kernel = Kernel()
        self._names = Names(taken | self._kernel.names(prefix))
        self._fields = make_fields(plan, prefix, self._names)
        raw = {(f.column.value.space, f.column.value.slot): f"row->{f.name}" for f in self._fields}
        self._writer = Writer(prefix, self._tables, raw)

    def text(self, program_digest: str) -> str:
        prefix = self._prefix
        categories = [categories_text(f, prefix, self._tables, self._names) for f in self._fields if f.find]
        predict = self._predict()
        dictionaries = [f.column.dictionary for f in self._fields if f.column.dictionary is not None]
        finds = {"find16" if d.slots.kind == "H" else "find32" for d in dictionaries}
        kernel = self._kernel.text(self._writer.parts | finds, prefix)
        tables = self._tables.text()
        parts = [
            self._head(program_digest),
            "#include <math.h>\n" if re.search(r"\b(NAN|INFINITY)\b", tables + predict) else "",
            kernel,
            f"/* Tables: {self._tables.bytes} bytes. */\n{tables}",
            struct_text(self._fields, prefix),
            *categories,
            labels_text(self._plan.classes, prefix) if self._plan.classes else "",
            self._result(),
            _MISSING.replace("PREFIX", prefix),
            predict,
            self._example(),
            f"#endif /* {prefix.upper()}_H */\n",
        ]
        return "\n".join(part for part in parts if part)

    def _head(self, program_digest: str) -> str:
        prefix = self._prefix
        return _HEAD.format(prefix=prefix, upper=prefix.upper(), digest=program_digest)

    def _result(self) -> str:
        members = []
        if "label" in self._plan.outputs:
            members.append(f"    int32_t label; /* position in {self._prefix}_labels */\n")
        for name in ("probabilities", "prediction"):
            if name in self._plan.outputs:
                members.append(f"    float {name}[{self._plan.outputs[name][1]}];\n")
        return f"typedef struct {{\n{''.join(members)}}} {self._prefix}_result;\n"

    def _predict(self) -> str:
        prefix, plan = self._prefix, self._plan
        statements = [self._load(field) for field in self._fields]
        statements += [self._writer.statement(line) for line in plan.lines]
        if "label" in plan.outputs:
            statements.append(f"result->label = i[{plan.outputs['label'][0]}];")
        for name in ("probabilities", "prediction"):
            if name in plan.outputs:
                slot, width = plan.outputs[name]
                statements.append(f"memcpy(result->{name}, f + {slot}, {width} * sizeof f[0]);")
        body = "\n".join(s for s in statements if s)
        floats, ints, small = plan.sizes[:3]
        slots = [
            f"float f[{floats}];" if floats else "",
            f"int32_t i[{ints}];" if ints else "",
            f"uint8_t b[{small + ROOM}]; /* {ROOM} more, which vectors may read */" if small else "",
            "int32_t j;" if "(j = 0;" in body else "",
            "(void)row;" if "row->" not in body else "",
            *(f"(void){name};" for name in "fib" if _is_never_read(name, body)),
        ]
        text = "\n".join([*(s for s in slots if s), body])
        stack = 4 * (floats + ints) + small + ROOM
        return (
            f"/* The answer for one row, in {stack} bytes of stack and no other memory. */\n"
            f"static inline void {prefix}_predict(const {prefix}_row *row, {prefix}_result *result) {{\n"
            f"{indent(text, '    ')}\n}}\n"
        )

    def _load(self, field: Field) -> str:
        """From a member to its slot; members of float64 and int64 are read where they are needed."""
        value, member = field.column.value, f"row->{field.name}"
        if value.space == FLOATS:
            return f"f[{value.slot}] = {member};"
        if value.space == INTS:
            assert field.column.dictionary is not None
            levels = len(field.column.dictionary.categories) + 2
            return f"i[{value.slot}] = (uint32_t){member} < {levels}u ? {member} : 1;"
        return ""

    def _example(self) -> str:
        prefix = self._prefix
        missing = {FLOATS: f"{prefix}_missing()", DOUBLES: f"{prefix}_missing()", LONGS: "INT64_MIN", INTS: "0"}
        lines = [f"    row.{f.name} = {missing[f.column.value.space]};\n" for f in self._fields]
        prints = []
        if "label" in self._plan.outputs:
            whole = type(self._plan.classes[0]) is int and "int64_t" in labels_text(self._plan.classes, prefix)
            shown = f'"%ld\\n", (long){prefix}_labels' if whole else f'"%s\\n", {prefix}_labels'
            prints.append(f"    printf({shown}[result.label]);\n")
        for name in ("probabilities", "prediction"):
            if name in self._plan.outputs:
                width = self._plan.outputs[name][1]
                prints.append(
                    f"    for (j = 0; j < {width}; j++) {{\n"
                    f'        printf("%.9g\\n", (double)result.{name}[j]);\n    }}\n'
                )
        uses_j = "    int j;\n" if any("for (j" in p for p in prints) else ""
        return (
            f"#ifdef {prefix.upper()}_MAIN\n#include <stdio.h>\n\n"
            "/* The answer for a row of which nothing is known. */\n"
            f"int main(void) {{\n    {prefix}_row row;\n    {prefix}_result result;\n{uses_j}{''.join(lines)}"
            f"    {prefix}_predict(&row, &result);\n{''.join(prints)}    return 0;\n}}\n#endif\n"
        )


def _is_never_read(slots: str, body: str) -> bool:
    """Whether slots are only assigned to, which compilers warn of."""
    used = len(re.findall(rf"\b{slots}\b", body))
    return used > 0 and used == len(re.findall(rf"^ *{slots}\[[^]]*\] = ", body, re.MULTILINE))


_HEAD: Final = """\
/* {prefix}.h: a model, written by lean_automl. C99 and C++; needs no library.
 *
 *     {prefix}_row row;          fill in every member
 *     {prefix}_result result;
 *     {prefix}_predict(&row, &result);
 *
 * Include it in one source file, and compile with -ffp-contract=off: results are then the same bits on every machine.
 * Nothing is allocated, and there is no state: threads may call it at the same time. -D{upper}_MAIN adds an example.
 *
 * Program {digest}
 */
#ifndef {upper}_H
#define {upper}_H
"""
_MISSING: Final = """\
/* The float that stands for a missing number. */
static inline float PREFIX_missing(void) {
    const uint32_t bits = UINT32_C(0x7FC00000);
    float missing;
    memcpy(&missing, &bits, sizeof missing);
    return missing;
}
"""
