"""A Program: raw columns, ops in order, named outputs. Immutable; verified when made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lean_automl_runtime.errors import VerifyError
from lean_automl_runtime.ir.columns import ALLOWED_DTYPES
from lean_automl_runtime.ir.types import ValueType, column_type, infer

if TYPE_CHECKING:
    from lean_automl_runtime.ir.columns import Column
    from lean_automl_runtime.ir.ops import Op

LABEL = "label"
PROBABILITIES = "probabilities"
PREDICTION = "prediction"


@dataclass(frozen=True, eq=False)
class Program:
    """What an artifact holds, an engine evaluates and an exporter writes.

    Value i is column i for `i < len(columns)`, else the result of op `i - len(columns)`. An op reads only values
    with smaller numbers.

    A classifier has the outputs `label` and `probabilities` (n, classes); a regressor has `prediction` (n, 1).

    Attributes:
        columns: Raw columns, in the order in which engines receive them.
        ops: Ops in order of evaluation.
        outputs: Value number of each named output.
        types: Type of every value; follows from the rest.

    Raises:
        VerifyError: If a rule of the IR is broken; the message names the op.
    """

    columns: tuple[Column, ...]
    ops: tuple[Op, ...]
    outputs: dict[str, int]
    types: tuple[ValueType, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Verify, and note the type of every value. Outputs are kept in the order of their names."""
        object.__setattr__(self, "outputs", dict(sorted(self.outputs.items())))
        object.__setattr__(self, "types", verify(self))

    @property
    def classes(self) -> tuple[str, ...] | tuple[int, ...] | tuple[bool, ...]:
        """Class labels in order of the columns of `probabilities`; empty for a regressor."""
        label = self.outputs.get(LABEL)
        return self.ops[label - len(self.columns)].classes if label is not None else ()  # type: ignore[attr-defined]


def verify(program: Program) -> tuple[ValueType, ...]:
    """Check every rule of the IR and return the type of every value.

    Raises:
        VerifyError: Names the first op, column or output at fault.
    """
    names = [column.name for column in program.columns]
    if not all(isinstance(name, str) for name in names):
        raise VerifyError("a column name is not text")
    if len(set(names)) != len(names) or not all(names):
        raise VerifyError("column names are empty or repeat")
    for column in program.columns:
        if column.dtype not in ALLOWED_DTYPES[column.kind]:
            raise VerifyError(f"column {column.name!r}: {column.kind} cannot be stored as {column.dtype}")
    types = [column_type(column) for column in program.columns]
    for op in program.ops:
        if any(not 0 <= number < len(types) for number in op.inputs):
            raise VerifyError(f"%{len(types)} {op.name}: reads a value that does not come before it")
        try:
            types.append(infer(op, [types[number] for number in op.inputs]))
        except VerifyError as error:
            raise VerifyError(f"%{len(types)} {op.name}: {error}") from None
    _verify_outputs(program, types)
    return tuple(types)


def _verify_outputs(program: Program, types: list[ValueType]) -> None:
    allowed = {LABEL: "label", PROBABILITIES: "float32", PREDICTION: "float32"}
    if not program.outputs:
        raise VerifyError("a Program needs an output")
    for name, number in program.outputs.items():
        if name not in allowed:
            raise VerifyError(f"output {name!r} is not one of {sorted(allowed)}")
        if not len(program.columns) <= number < len(types):
            raise VerifyError(f"output {name!r} names no op")
        if types[number].dtype != allowed[name]:
            raise VerifyError(f"output {name!r} is {types[number]}")


class ProgramBuilder:
    """Collects ops into a Program; an op that is already there is not added twice."""

    def __init__(self, columns: tuple[Column, ...]) -> None:
        self.columns = columns
        self._ops: list[Op] = []
        self._known: dict[object, int] = {}
        self._names = {column.name: number for number, column in enumerate(columns)}

    def column(self, name: str) -> int:
        """Value number of a raw column."""
        return self._names[name]

    def add(self, op: Op) -> int:
        """Value number of `op`."""
        from lean_automl_runtime.ir.serial import op_key

        key = op_key(op)
        if key not in self._known:
            self._ops.append(op)
            self._known[key] = len(self.columns) + len(self._ops) - 1
        return self._known[key]

    def build(self, outputs: dict[str, int]) -> Program:
        """The verified Program, without ops that no output needs."""
        return prune(self.columns, tuple(self._ops), outputs)


def prune(columns: tuple[Column, ...], ops: tuple[Op, ...], outputs: dict[str, int]) -> Program:
    """A Program with only the ops that its outputs need. Columns stay: they are the caller's interface."""
    from dataclasses import replace

    first = len(columns)
    needed = set(outputs.values())
    for number in range(first + len(ops) - 1, first - 1, -1):
        if number in needed:
            needed.update(ops[number - first].inputs)
    renumbered = {number: number for number in range(first)}
    kept: list[Op] = []
    for number, op in enumerate(ops, start=first):
        if number in needed:
            renumbered[number] = first + len(kept)
            kept.append(replace(op, inputs=tuple(renumbered[i] for i in op.inputs)))
    return Program(columns, tuple(kept), {name: renumbered[number] for name, number in outputs.items()})
