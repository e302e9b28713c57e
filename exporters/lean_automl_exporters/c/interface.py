"""What a caller of the header sees: the struct of a row, codes of categories, labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lean_automl_runtime.native.values import DOUBLES, FLOATS, INTS, LONGS

from lean_automl_exporters.c.names import LONGEST_LITERAL, Names, comment, identifier, literal

if TYPE_CHECKING:
    from lean_automl_runtime.native.plan import Column, Plan

    from lean_automl_exporters.c.tables import Tables

CTYPES: Final = {FLOATS: "float", DOUBLES: "double", LONGS: "int64_t", INTS: "int32_t"}
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


def struct_text(fields: list[Field], prefix: str) -> str:
    """The struct of a row."""
    members = [f"    {CTYPES[f.column.value.space]} {f.name}; /* {_note(f, prefix)} */\n" for f in fields]
    return f"typedef struct {{\n{''.join(members) or '    char none;'}}} {prefix}_row;\n"


def _note(field: Field, prefix: str) -> str:
    column = field.column
    missing = {FLOATS: f"{prefix}_missing()", DOUBLES: f"{prefix}_missing()", LONGS: "INT64_MIN", INTS: "0"}
    what = f"{NOTES[column.kind]}{f' of {field.find}' if field.find else ''}"
    return f"{comment(column.name)}: {what}; {missing[column.value.space]} if missing"


def categories_text(field: Field, prefix: str, tables: Tables, taken: Names) -> str:
    """Constants of a column's categories, and the function from text to code."""
    dictionary = field.column.dictionary
    assert dictionary is not None
    begin = field.constant
    constants = [f"    {taken.take(f'{begin}_MISSING')} = 0", f"    {taken.take(f'{begin}_UNSEEN')} = 1"]
    if len(dictionary.categories) <= LONGEST_ENUM:
        for code, category in enumerate(dictionary.categories, start=2):
            name = taken.take(f"{begin}_{identifier(category, str(code)).strip('_').upper()}")
            constants.append(f"    {name} = {code} /* {comment(category)} */")
    enum = "enum {\n" + ",\n".join(constants) + "\n};\n"
    bits = 16 if dictionary.slots.kind == "H" else 32
    arrays = ", ".join(tables.name(t) for t in (dictionary.texts, dictionary.starts, dictionary.slots))
    return (
        f"{enum}\n/* Code of a text of that many UTF-8 bytes. */\n"
        f"static inline int32_t {field.find}(const char *text, size_t length) {{\n"
        f"    return {prefix}_la_find{bits}(text, length, {arrays}, {dictionary.mask}u);\n}}\n"
    )


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
