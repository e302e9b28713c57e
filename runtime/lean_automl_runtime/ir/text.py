"""A Program as text, for people: one line for each column and op."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lean_automl_runtime.ir.ops import Op
    from lean_automl_runtime.ir.program import Program

LONGEST_LIST = 6


def to_text(program: Program) -> str:
    """Text form; arrays longer than six elements show their type, shape and range."""
    lines = [f"%{i} = column {c.name!r} {c.kind} : {c.dtype}" for i, c in enumerate(program.columns)]
    for number, op in enumerate(program.ops, start=len(program.columns)):
        inputs = ", ".join(f"%{i}" for i in op.inputs)
        lines.append(f"%{number} = {op.name}({inputs}) {_attributes(op)}: {program.types[number]}")
    lines += [f"return {name} %{number}" for name, number in sorted(program.outputs.items())]
    return "\n".join(lines) + "\n"


def _attributes(op: Op) -> str:
    shown = [f"{field.name}={_value(getattr(op, field.name))}" for field in fields(op)[1:]]
    return "{" + ", ".join(shown) + "} " if shown else ""


def _value(value: object) -> str:
    if isinstance(value, np.ndarray):
        if value.size <= LONGEST_LIST:
            return f"{value.tolist()}"
        shape = "x".join(str(n) for n in value.shape)
        return f"{value.dtype}<{shape}>[{value.min():.6g}..{value.max():.6g}]"
    if isinstance(value, tuple) and len(value) > LONGEST_LIST:
        return f"({', '.join(repr(v) for v in value[:LONGEST_LIST])}, ... {len(value)})"
    return repr(value.value) if hasattr(value, "value") else repr(value)
