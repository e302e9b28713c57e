"""Bytes of a plan: head, columns, lines and tables, as lean_automl_plan.h describes them."""

import struct

from lean_automl_runtime.native.block import ALIGNMENT, Table, require
from lean_automl_runtime.native.plan import KINDS, Line, Plan
from lean_automl_runtime.native.texts import STEPS

MAGIC = int.from_bytes(b"LAP1", "little")
HEAD_WORDS = 64
COLUMN_WORDS = 12
LINE_WORDS = 16
OPS = (
    *("", "RESCALE", "DATE", "RECODE", "CROSS", "LOOKUP_F", "LOOKUP_B", "LOOKUP_I", "CONSTANT", "ARITHMETIC", "IMPUTE"),
    *("CLIP", "COPY", "BIN_B", "BIN_I", "ZERO", "TREES_B", "TREES_I", "RAGGED_H", "RAGGED_I", "TABLES_B", "TABLES_I"),
    *("SCORE", "DENSE", "DOT", "BLEND", "SIGMOID", "SOFTMAX", "EXPONENTIAL", "LABEL", "ABOVE"),
)


class _Tables:
    """Tables one after the other; equal ones are stored once."""

    def __init__(self, at: int) -> None:
        self.parts: list[bytes] = []
        self.size = at
        self._known: dict[bytes, int] = {}

    def put(self, table: Table) -> int:
        """Where the table is."""
        at = self._known.get(table.data)
        if at is None:
            at = self._known[table.data] = self.size
            padded = table.data + b"\0" * (-len(table.data) % ALIGNMENT)
            self.parts.append(padded)
            self.size += len(padded)
            require(self.size < 2**31, "its tables take too much memory")
        return at


def _step(step: Line, tables: _Tables) -> bytes:
    """One step on a text."""
    args = [tables.put(arg) if isinstance(arg, Table) else arg for arg in step.args]
    return struct.pack(f"<{LINE_WORDS}i", STEPS.index(step.op), *args, *[0] * (LINE_WORDS - 1 - len(args)))


def encode(plan: Plan) -> bytes:
    """The plan as one block of bytes."""
    columns_at = 4 * HEAD_WORDS
    lines_at = columns_at + 4 * COLUMN_WORDS * len(plan.columns)
    tables = _Tables(lines_at + 4 * LINE_WORDS * len(plan.lines))
    columns: list[int] = []
    for column in plan.columns:
        d = column.dictionary
        places = (0, 0, 0, 0, 0)
        if d is not None:
            places = (len(d.categories), tables.put(d.texts), tables.put(d.starts), tables.put(d.slots), d.mask)
        steps = Table("i", b"".join([_step(step, tables) for step in column.steps]))
        texts = (len(column.steps), tables.put(steps) if column.steps else 0, column.first, column.ints)
        columns += (KINDS.index(column.kind), column.value.space, column.value.slot, *places, *texts)
    lines: list[int] = []
    numbers = {name: number for number, name in enumerate(OPS)}
    for line in plan.lines:
        args = [tables.put(arg) if isinstance(arg, Table) else arg for arg in line.args]
        lines += (numbers[line.op], *args, *[0] * (LINE_WORDS - 1 - len(args)))
    label = plan.outputs.get("label", (-1, 0))[0]
    numbers_at = (*plan.outputs.get("probabilities", (-1, 0)), *plan.outputs.get("prediction", (-1, 0)))
    head = (len(plan.columns), columns_at, len(plan.lines), lines_at, label, len(plan.classes), *numbers_at)
    words = [MAGIC, tables.size, *plan.sizes, *head]
    words += [0] * (HEAD_WORDS - len(words))
    words += columns
    words += lines
    return struct.pack(f"<{len(words)}i", *words) + b"".join(tables.parts)
