"""Writes a Program anew, op by op, and keeps account of what became of each value of the old one.

A pass says only what it makes otherwise; `adapt` writes every other op so that it means the same on the new values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from lean_automl_runtime.ir import DType, ProgramBuilder, ValueType
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.ir.types import column_type, infer

from lean_automl.compiler.passes.adapt import Form, adapt

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

    from lean_automl.compiler.passes.base import Array

GONE = -1


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """What became of a value.

    Attributes:
        number: Its number in the new Program; `GONE` if it was left out.
        columns: New position of each old column; `GONE` where it was left out.
        levels: For codes and bins, the new level of each old level of each old column; `GONE` for levels that do not
            occur. Levels that were two may have become one.
    """

    number: int
    columns: tuple[int, ...]
    levels: tuple[Array, ...] = ()


class Rewrite:
    """The new Program in the making.

    Attributes:
        old: The Program that is rewritten.
        moved: What became of each old value so far.
    """

    def __init__(self, old: Program) -> None:
        self.old = old
        self._builder = ProgramBuilder(old.columns)
        self._types = {number: column_type(column) for number, column in enumerate(old.columns)}
        self.moved = [unchanged(number, kind) for number, kind in enumerate(old.types[: len(old.columns)])]

    def add(self, op: o.Op) -> int:
        """Number of `op` in the new Program."""
        number = self._builder.add(op)
        if number not in self._types:
            self._types[number] = self._type(op)
        return number

    def type_of(self, number: int) -> ValueType:
        """Type of a new value."""
        return self._types[number]

    def forms(self, op: o.Op) -> list[Form]:
        """What became of an old op's inputs, as `adapt` takes it."""
        found = []
        for number in op.inputs:
            moved = self.moved[number]
            kind = self._types.get(moved.number, ValueType(DType.FLOAT32, 0))
            found.append(Form(moved.columns, moved.levels, kind.width, kind.levels))
        return found

    def put(self, number: int, op: o.Op, columns: Sequence[int] | None = None) -> Moved:
        """What becomes of old value `number` if `op` takes its place with the same levels.

        Args:
            number: Of the old value.
            op: The new op.
            columns: New position of each old column; the same positions if None.
        """
        kind = self.old.types[number]
        added = self.add(op)
        levels = self.type_of(added).levels
        order = tuple(range(kind.width)) if columns is None else tuple(columns)
        maps = tuple(
            np.where(np.arange(count) < levels[order[column]], np.arange(count), GONE)
            for column, count in enumerate(kind.levels)
        )
        return Moved(added, order, maps)

    def same(self, number: int, op: o.Op) -> Moved:
        """What becomes of old value `number` if its op stays as it is, on what its inputs became."""
        inputs = tuple(self.moved[i].number for i in op.inputs)
        made = adapt(replace(op, inputs=inputs), self.forms(op))
        added = self.add(made.op)
        width = self.old.types[number].width
        columns = tuple(range(width)) if made.columns is None else made.columns
        if made.levels is not None:
            return Moved(added, columns, made.levels)
        return Moved(added, columns, tuple(np.arange(count) for count in self.old.types[number].levels))

    def build(self) -> Program:
        """The verified Program, without ops that no output needs."""
        return self._builder.build({name: self.moved[i].number for name, i in self.old.outputs.items()})

    def _type(self, op: o.Op) -> ValueType:
        if isinstance(op, o.Forest | o.TableSum):  # checking every leaf is left to the whole Program
            return ValueType(DType.FLOAT32, op.scale.size)
        return infer(op, [self._types[number] for number in op.inputs])


Change = Callable[[Rewrite, int, o.Op], Moved | None]


def rewrite(program: Program, change: Change) -> Program:
    """The Program with some ops made otherwise; itself if none is.

    Args:
        program: The old one.
        change: For an old value's number and its op, what becomes of it; None to keep the op. Earlier values are in
            the rewrite's `moved`.
    """
    state = Rewrite(program)
    untouched = True
    for number, op in enumerate(program.ops, start=len(program.columns)):
        changed = change(state, number, op)
        untouched = untouched and changed is None
        state.moved.append(state.same(number, op) if changed is None else changed)
    return program if untouched else state.build()


def with_ops(program: Program, changed: Mapping[int, o.Op]) -> Program:
    """The Program with other ops for some values of the same form; itself if there are none."""
    if not changed:
        return program
    return rewrite(program, lambda state, number, _: state.same(number, changed[number]) if number in changed else None)


def unchanged(number: int, kind: ValueType) -> Moved:
    """A value that stays as it is."""
    return Moved(number, tuple(range(kind.width)), tuple(np.arange(count) for count in kind.levels))
