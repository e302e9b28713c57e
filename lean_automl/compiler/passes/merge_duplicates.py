"""Ops that do the same on the same values become one, and ops that no output needs go."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from lean_automl_runtime.ir import ProgramBuilder

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program


@dataclass(frozen=True)
class MergeDuplicates:
    """Writes every op once, in the order in which it is first needed."""

    name: ClassVar[str] = "merge_duplicates"
    exact: ClassVar[bool] = True

    def run(self, program: Program) -> Program:
        """The changed Program."""
        builder = ProgramBuilder(program.columns)
        numbers = list(range(len(program.columns)))
        for op in program.ops:
            numbers.append(builder.add(replace(op, inputs=tuple(numbers[i] for i in op.inputs))))
        fewer = builder.build({name: numbers[i] for name, i in program.outputs.items()})
        return fewer if len(fewer.ops) < len(program.ops) else program
