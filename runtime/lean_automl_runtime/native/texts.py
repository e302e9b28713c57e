"""Ops that read whole texts: steps of a column, done where its text is at hand, and lines that score their integers."""

import struct

from lean_automl_runtime.native.block import Node, Table
from lean_automl_runtime.native.categories import Dictionary
from lean_automl_runtime.native.values import INTS, TEXT_FIELDS, Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lean_automl_runtime.native.plan import Column, Plan

TEXT_OPS = ("TextCount", "TokenScore")
STEPS = ("", "COUNT", "TOKENS")  # in the order of lean_automl_plan.h


def read_texts(plan: "Plan", nodes: list[Node], values: list[Value]) -> None:
    """Give columns their steps, the slots of a column side by side, and add the lines that read those."""
    own = [(node, value) for node, value in zip(nodes, values, strict=True) if node.name in TEXT_OPS]
    for number, column in enumerate(plan.columns):
        here = [(node, value) for node, value in own if node.inputs[0] == number]
        column.ints = sum([value.width for _, value in here])
        column.first = plan.take(INTS, column.ints)
        at = 0
        for node, value in here:
            scale, bias = _add_step(column, node, value.width, at)
            plan.add("SCORE", column.first + at, value.width, scale, bias, value.slot)
            at += value.width


def _add_step(column: "Column", node: Node, width: int, at: int) -> tuple[Table, Table]:
    """Scale and bias of what the step sums up."""
    from lean_automl_runtime.native.plan import Line

    if node.name == "TextCount":
        column.steps.append(Line("COUNT", (TEXT_FIELDS.index(node.get("field")), at)))
        return Table("f", struct.pack("<f", 1.0)), Table("f", struct.pack("<f", 0.0))
    tokens = node.get("tokens")
    words = Dictionary(tuple(tokens))
    weights = node.array("weights", "bh", (len(tokens), width))
    kind = {"b": 1, "h": 2}[weights.kind]
    places = (words.texts, words.starts, words.slots, words.mask)
    column.steps.append(Line("TOKENS", (len(tokens), *places, weights, kind, width, node.get("limit"), at)))
    return node.vector("scale", "f", width), node.vector("bias", "f", width)
