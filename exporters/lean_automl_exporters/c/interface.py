"""What a caller of the header sees: the struct of a row, codes of categories, labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from lean_automl_runtime.native.categories import Dictionary
from lean_automl_runtime.native.values import DOUBLES, FLOATS, INTS, LONGS

from lean_automl_exporters.c.lines import narrowed, padded
from lean_automl_exporters.c.names import LONGEST_LITERAL, Names, comment, identifier, literal

if TYPE_CHECKING:
    from lean_automl_runtime.native.block import Table
    from lean_automl_runtime.native.plan import Column, Plan

    from lean_automl_exporters.c.lines import Writer
    from lean_automl_exporters.c.tables import Tables

LONGEST_ENUM: Final = 256
NOTES: Final = {
    "numeric": "a number",
    "boolean": "0 or 1",
    "datetime": "seconds since 1970 in UTC",
    "categorical": "a code",
    "text": "a code",
}
INT64_MAX: Final = 2**63 - 1


@dataclass(frozen=True)
class Style:
    """How numbers are written.

    Attributes:
        prefix: Of every name.
        integer_only: Float columns are keys, integers of the same order.
    """

    prefix: str
    integer_only: bool

    def text_type(self, field: Field) -> str:
        """Type of a member that holds what is read of a whole text."""
        return f"{field.find}_t"

    def ctype(self, field: Field) -> str:
        """Type of a column's member."""
        column = field.column
        space = column.value.space
        if column.steps:
            return self.text_type(field)
        if self.integer_only and space == FLOATS:
            return "int32_t"
        return {FLOATS: "float", DOUBLES: "double", LONGS: "int64_t", INTS: "int32_t"}[space]

    def missing(self, field: Field) -> str:
        """The value that stands for none."""
        column = field.column
        if column.steps:
            return f'{field.find}("", 0)'
        space = column.value.space
        if self.integer_only and space == FLOATS:
            return f"{self.prefix.upper()}_NONE"
        number = f"{self.prefix}_missing()"
        return {FLOATS: number, DOUBLES: number, LONGS: "INT64_MIN", INTS: "0"}[space]

    def note(self, field: Field) -> str:
        """What a member holds."""
        column = field.column
        what = f"{NOTES[column.kind]}{f' of {field.find}' if field.find else ''}"
        what = f"what {field.find} reads of a text" if column.steps else what
        if self.integer_only and column.value.space == FLOATS:
            what += f", through {self.prefix}_of_float or {self.prefix}_of_int"
        return f"{comment(column.name)}: {what}; {self.missing(field)} if missing"


@dataclass(frozen=True)
class Output:
    """A member of the result.

    Attributes:
        name: Of the member.
        ctype: Of its numbers.
        source: Where they are: the first slot, as in `f[3]`.
        width: How many; 0 for one that is no array.
    """

    name: str
    ctype: str
    source: str
    width: int = 0


@dataclass(frozen=True)
class Field:
    """A raw column in C.

    Attributes:
        column: Of the plan.
        name: Of the struct's member.
        constant: What constants of its categories begin with.
        find: Name of the function from text to code; empty for a column without categories.
    """

    column: Column
    name: str
    constant: str
    find: str


def make_fields(plan: Plan, prefix: str, taken: Names) -> list[Field]:
    """Names for all columns."""
    members = Names()
    fields = []
    for number, column in enumerate(plan.columns):
        name = members.take(identifier(column.name, f"column_{number}"))
        find = taken.take(f"{prefix}_{name.strip('_')}_code") if column.dictionary is not None else ""
        fields.append(Field(column, name, f"{prefix}_{name.strip('_')}".upper(), find))
    return fields


def row_text(fields: list[Field], style: Style) -> str:
    """The struct of a row."""
    members = [f"    {style.ctype(f)} {f.name}; /* {style.note(f)} */\n" for f in fields]
    texts = "".join(_text_struct(f, style) for f in fields if f.column.steps)
    return f"{texts}typedef struct {{\n{''.join(members) or '    char none;'}}} {style.prefix}_row;\n"


def _text_struct(field: Field, style: Style) -> str:
    """The struct of what is read of a whole text: its code, if it has one, and sums and counts."""
    column = field.column
    code = "    int32_t code;\n" if column.encoded else ""
    return f"typedef struct {{\n{code}    int32_t n[{column.ints}];\n}} {style.text_type(field)};\n"


def result_text(outputs: list[Output], style: Style) -> str:
    """The struct of an answer."""
    notes = {
        "label": f"position in {style.prefix}_labels",
        "score": f"j stands for score[j] * {style.prefix}_scale[j] + {style.prefix}_bias[j]",
    }
    members = "".join(
        f"    {o.ctype} {o.name}{f'[{o.width}]' if o.width else ''};"
        f"{f' /* {notes[o.name]} */' if o.name in notes else ''}\n"
        for o in outputs
    )
    return f"typedef struct {{\n{members}}} {style.prefix}_result;\n"


def example_text(fields: list[Field], outputs: list[Output], classes: tuple[Any, ...], style: Style) -> str:
    """A program that prints the answer for a row of which nothing is known."""
    prefix = style.prefix
    lines = [f"    {prefix}_row row;\n    {prefix}_result result;\n"]
    lines += ["    int j;\n"] if any(o.width for o in outputs) else []
    lines += [f"    row.{f.name} = {style.missing(f)};\n" for f in fields]
    lines += [] if fields else ["    row.none = 0;\n"]
    lines.append(f"    {prefix}_predict(&row, &result);\n")
    for output in outputs:
        if output.name == "label":
            whole = "int64_t" in labels_text(classes, prefix)
            shown = f'"%ld\\n", (long){prefix}_labels' if whole else f'"%s\\n", {prefix}_labels'
            lines.append(f"    printf({shown}[result.label]);\n")
        else:
            form = '"%.9g\\n", (double)' if output.ctype == "float" else '"%ld\\n", (long)'
            lines.append(
                f"    for (j = 0; j < {output.width}; j++) {{\n        printf({form}result.{output.name}[j]);\n    }}\n"
            )
    return (
        f"#ifdef {prefix.upper()}_MAIN\n#include <stdio.h>\n\n/* The answer for a row of which nothing is known. */\n"
        f"int main(void) {{\n{''.join(lines)}    return 0;\n}}\n#endif\n"
    )


def texts_text(field: Field, writer: Writer, tables: Tables, taken: Names) -> str:
    """The function from a text to all that is read of it, for a column whose texts are read from end to end."""
    prefix = writer.prefix
    steps = "".join(f"    {writer.text_step(step)}\n" for step in field.column.steps)
    code, own = "", ""
    if field.column.encoded:
        code = categories_text(replace(field, find=f"{field.find}_only"), prefix, tables, taken)
        own = f"    read.code = {field.find}_only(text, length);\n"
    return (
        f"{code}/* What the model reads of a text of that many UTF-8 bytes. */\n"
        f"static inline {field.find}_t {field.find}(const char *text, size_t length) {{\n"
        f"    {field.find}_t read;\n{steps}{own}    return read;\n}}\n"
    )


def categories_text(field: Field, prefix: str, tables: Tables, taken: Names) -> str:
    """Constants of a column's categories, and the function from text to code."""
    assert field.column.dictionary is not None
    dictionary = Dictionary(field.column.dictionary.categories, dense=True)
    begin = field.constant
    constants = [f"    {taken.take(f'{begin}_MISSING')} = 0", f"    {taken.take(f'{begin}_UNSEEN')} = 1"]
    if len(dictionary.categories) <= LONGEST_ENUM:
        for code, category in enumerate(dictionary.categories, start=2):
            name = taken.take(f"{begin}_{identifier(category, str(code)).strip('_').upper()}")
            constants.append(f"    {name} = {code} /* {comment(category)} */")
    enum = "enum {\n" + ",\n".join(constants) + "\n};\n"
    find, starts, slots = find_tables(dictionary)
    arrays = ", ".join(tables.name(t) for t in (padded(dictionary.texts), starts, slots))
    return (
        f"{enum}\n/* Code of a text of that many UTF-8 bytes. */\n"
        f"static inline int32_t {field.find}(const char *text, size_t length) {{\n"
        f"    return {prefix}_la_{find}(text, length, {arrays}, {dictionary.mask}u);\n}}\n"
    )


def find_tables(dictionary: Dictionary) -> tuple[str, Table, Table]:
    """As `narrowed`."""
    return narrowed(dictionary.starts, dictionary.slots)


def labels_text(classes: tuple[Any, ...], prefix: str) -> str:
    """The class labels, in order of the probabilities."""
    n = len(classes)
    what = f"#define {prefix.upper()}_CLASSES {n}\n"
    if type(classes[0]) is int and all(-INT64_MAX <= c <= INT64_MAX for c in classes):
        numbers = ", ".join(f"INT64_C({c})" if c >= 0 else f"-INT64_C({-c})" for c in classes)
        return f"{what}static const int64_t {prefix}_labels[{n}] = {{{numbers}}};\n"
    texts = [str(c) for c in classes]
    long = {j: text for j, text in enumerate(texts) if len(text.encode("utf-8", "surrogatepass")) > LONGEST_LITERAL}
    arrays = "".join(f"static const char {prefix}_label_{j}[] = {literal(text)};\n" for j, text in long.items())
    cells = ",\n    ".join(f"{prefix}_label_{j}" if j in long else literal(text) for j, text in enumerate(texts))
    return f"{arrays}{what}static const char *const {prefix}_labels[{n}] = {{\n    {cells}}};\n"
