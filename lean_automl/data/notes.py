"""Notes: what was found in a table and what was done about it, so that nothing is dropped or changed silently."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class NoteCode(StrEnum):
    """What a note is about, for programs; the note's text is for people."""

    ENCODING = "encoding"
    DECIMAL_COMMA = "decimal_comma"
    INDEX_IGNORED = "index_ignored"
    ALL_MISSING = "all_missing"
    CONSTANT = "constant"
    ID_LIKE = "id_like"
    REPEATED_ID = "repeated_id"
    NESTED = "nested"
    MIXED_TYPES = "mixed_types"
    UNREADABLE_VALUES = "unreadable_values"
    LEADING_ZEROS = "leading_zeros"
    FORMATTED_NUMBERS = "formatted_numbers"
    HIGH_CARDINALITY = "high_cardinality"
    DOUBLE_PRECISION = "double_precision"
    DATE_ORDER = "date_order"
    LEAKY = "leaky"
    MISSING_TARGET = "missing_target"
    RARE_CLASS = "rare_class"
    MISSING_TIME = "missing_time"
    ZERO_WEIGHT = "zero_weight"
    MISSING_GROUP = "missing_group"
    UNKNOWN_LABEL = "unknown_label"
    TASK = "task"


@dataclass(frozen=True, slots=True)
class Note:
    """One finding.

    Attributes:
        code: What it is about.
        column: Name of the column; None for the whole table.
        found: What was found.
        done: What was done about it, or what the caller may do.
    """

    code: NoteCode
    column: str | None
    found: str
    done: str

    def __str__(self) -> str:
        place = "table" if self.column is None else f"column {self.column!r}"
        return f"{place}: {self.found}; {self.done}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ' Did you mean ...?' with the nearest known name, or else ' Known: ...' with the first few."""
    names = list(known)
    by_lower = {known_name.lower().strip(): known_name for known_name in reversed(names)}
    near = difflib.get_close_matches(name.lower().strip(), by_lower, n=1)
    if near:
        return f" Did you mean {by_lower[near[0]]!r}?"
    shown = ", ".join(repr(known_name) for known_name in names[:8])
    return f" Known: {shown}{', ...' if len(names) > 8 else ''}."


def shown(value: object) -> str:
    """Write a value of a table for a message: text in quotes, others plain, at most 40 characters."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else text[:37] + "..."


def count_of(count: int, noun: str) -> str:
    """Write a count with its noun: '1 row', '2,000 rows'."""
    ending = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}{ending}"
