"""A Program as one C header: decides what is in it, and puts it together."""

from __future__ import annotations

import re
from dataclasses import dataclass
from textwrap import indent
from typing import TYPE_CHECKING, Final

from lean_automl_runtime.errors import ConfigError
from lean_automl_runtime.ir import digest, to_bytes
from lean_automl_runtime.native.plan import Plan, build_plan
from lean_automl_runtime.native.values import FLOATS, INTS

from lean_automl_exporters.c.binned import with_bins
from lean_automl_exporters.c.few_bytes import in_few_bytes
from lean_automl_exporters.c.integer import without_floats
from lean_automl_exporters.c.interface import (
    Field,
    Output,
    Style,
    categories_text,
    example_text,
    find_tables,
    labels_text,
    make_fields,
    result_text,
    row_text,
    texts_text,
)
from lean_automl_exporters.c.kernel import Kernel
from lean_automl_exporters.c.lines import Writer
from lean_automl_exporters.c.names import LONGEST_NAME, RESERVED, Names
from lean_automl_exporters.c.tables import Tables, number

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

OWN_NAMES: Final = (
    *("row", "result", "predict", "missing", "labels", "classes", "main", "h"),
    *("none", "of_float", "of_int", "scale", "bias"),
)
ROOM: Final = 16  # bytes behind the byte slots that vector loads may read


@dataclass(frozen=True, slots=True)
class COptions:
    """How a Program is written as C.

    Attributes:
        prefix: What every name in the header begins with; two models in one program take two.
        integer_only: For cores without floats: numbers are compared as integers, scores are sums of integers, and
            there are no probabilities. Only Programs of trees and tables, without arithmetic on floats.
        few_bytes: The fewest bytes of code and tables rather than the least time.
    """

    prefix: str = "model"
    integer_only: bool = False
    few_bytes: bool = False

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

    Raises:
        UnsupportedOpError: `integer_only` was asked for, and the Program computes with floats.
    """
    own = options or COptions()
    return {f"{own.prefix}.h": _Header(_plan(program, own), own).text(digest(program))}


def row_fields(program: Program, options: COptions | None = None) -> list[Field]:
    """Members of the row's struct in the order of the Program's columns, named as `export_c` names them."""
    own = options or COptions()
    return _Header(_plan(program, own), own).fields


def _plan(program: Program, options: COptions) -> Plan:
    plan = with_bins(build_plan(*to_bytes(program)))
    return in_few_bytes(plan) if options.few_bytes else plan


class _Header:
    """One header in the making."""

    def __init__(self, plan: Plan, options: COptions) -> None:
        prefix = options.prefix
        self._plan = plan
        self._style = Style(prefix, options.integer_only)
        self._few_bytes = options.few_bytes
        self._integers = without_floats(plan) if options.integer_only else None
        self._tables = Tables(prefix)
        self._kernel = Kernel()
        taken = {f"{prefix}_{name}" for name in OWN_NAMES} | {f"{prefix}_{name}".upper() for name in OWN_NAMES}
        self._names = Names(taken | self._kernel.names(prefix))
        self.fields = make_fields(plan, prefix, self._names)
        raw = {(f.column.value.space, f.column.value.slot): f"row->{f.name}" for f in self.fields}
        self._writer = Writer(prefix, self._tables, raw)
        self._outputs = self._find_outputs()

    def text(self, program_digest: str) -> str:
        style, prefix = self._style, self._style.prefix
        categories = [
            texts_text(f, self._writer, self._tables, self._names)
            if f.column.steps
            else categories_text(f, prefix, self._tables, self._names)
            for f in self.fields
            if f.find
        ]
        predict = self._predict()
        numbers = _NUMBERS_OF_KEYS if style.integer_only else _MISSING
        columns = [f.column for f in self.fields if f.column.encoded or not f.column.steps]
        dictionaries = [column.dictionary for column in columns if column.dictionary is not None]
        parts = {find_tables(d)[0] for d in dictionaries}
        parts |= {"key_of_int"} if style.integer_only else set()
        kernel = self._kernel.text(self._writer.parts | parts, prefix)
        tables = self._tables.text()
        pieces = [
            _HEAD.replace("UPPER", prefix.upper()).replace("PREFIX", prefix).replace("DIGEST", program_digest),
            "#include <math.h>\n" if re.search(r"\b(NAN|INFINITY)\b", tables + predict) else "",
            f"#define {prefix.upper()}_LA_SMALL 1\n" if self._few_bytes else "",
            kernel,
            f"/* Tables: {self._tables.bytes} bytes. */\n{tables}",
            numbers.replace("UPPER", prefix.upper()).replace("PREFIX", prefix),
            row_text(self.fields, style),
            *categories,
            labels_text(self._plan.classes, prefix) if self._plan.classes else "",
            self._units(),
            result_text(self._outputs, style),
            predict,
            example_text(self.fields, self._outputs, self._plan.classes, style),
            f"#endif /* {prefix.upper()}_H */\n",
        ]
        return "\n".join(piece for piece in pieces if piece)

    def _find_outputs(self) -> list[Output]:
        found = [Output("label", "int32_t", f"i[{self._plan.outputs['label'][0]}]")] if self._plan.classes else []
        if self._integers is not None:
            return [*found, Output("score", "int32_t", f"i[{self._integers.sums}]", len(self._integers.scale))]
        for name in ("probabilities", "prediction"):
            if name in self._plan.outputs:
                slot, width = self._plan.outputs[name]
                found.append(Output(name, "float", f"f[{slot}]", width))
        return found

    def _units(self) -> str:
        """What a sum of integers stands for."""
        if self._integers is None:
            return ""
        prefix, n = self._style.prefix, len(self._integers.scale)
        return "".join(
            f"static const float {prefix}_{name}[{n}] = {{{', '.join(number(x, 'f') for x in values)}}};\n"
            for name, values in (("scale", self._integers.scale), ("bias", self._integers.bias))
        )

    def _predict(self) -> str:
        prefix, plan = self._style.prefix, self._plan
        lines = plan.lines if self._integers is None else self._integers.lines
        statements = [self._load(field) for field in self.fields]
        statements += [self._writer.statement(line) for line in lines]
        for output in self._outputs:
            if output.width:
                size = f"{output.width} * sizeof {output.source}"
                statements.append(f"memcpy(result->{output.name}, &{output.source}, {size});")
            else:
                statements.append(f"result->{output.name} = {output.source};")
        body = "\n".join(s for s in statements if s)
        floats, ints, small = plan.sizes[:3]
        slots = [
            f"{'float' if self._integers is None else 'int32_t'} f[{floats}];" if floats else "",
            f"int32_t i[{ints}];" if ints else "",
            f"uint8_t b[{small + ROOM}]; /* {ROOM} more, which vectors may read */" if small else "",
            "int32_t j;" if "(j = 0;" in body else "",
            "(void)row;" if "row->" not in body else "",
            *(
                f"(void){name};"
                for name, size in zip("fib", plan.sizes, strict=False)
                if size and _is_unread(name, body)
            ),
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
            levels, column = len(field.column.dictionary.categories) + 2, field.column
            if column.steps:
                read = f"memcpy(i + {column.first}, {member}.n, sizeof {member}.n);"
                code = f"i[{value.slot}] = (uint32_t){member}.code < {levels}u ? {member}.code : 1;\n"
                return f"{code if column.encoded else ''}{read}"
            return f"i[{value.slot}] = (uint32_t){member} < {levels}u ? {member} : 1;"
        return ""


def _is_unread(slots: str, body: str) -> bool:
    """Whether slots are at most assigned to, which compilers warn of."""
    used = len(re.findall(rf"\b{slots}\b", body))
    return used == len(re.findall(rf"^ *{slots}\[[^]]*\] = ", body, re.MULTILINE))


_HEAD: Final = """\
/* PREFIX.h: a model, written by lean_automl. C99 and C++; needs no library.
 *
 *     PREFIX_row row;          fill in every member
 *     PREFIX_result result;
 *     PREFIX_predict(&row, &result);
 *
 * Include it in one source file, and compile with -ffp-contract=off: results are then the same bits on every machine.
 * Nothing is allocated, and there is no state: threads may call it at the same time. -DUPPER_MAIN adds an example.
 *
 * Program DIGEST
 */
#ifndef UPPER_H
#define UPPER_H
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
_NUMBERS_OF_KEYS: Final = """\
/* Numbers are compared as integers, which no core needs floats for. */
#define UPPER_NONE INT32_MIN /* a missing number */
static inline int32_t PREFIX_of_float(float number) { return PREFIX_la_key(number); }
static inline int32_t PREFIX_of_int(int64_t number) { return PREFIX_la_key_of_int(number); }
"""
