"""From ops to lines of a plan, one function for each op. The operands of a line are listed in lean_automl_plan.h."""

import struct

from lean_automl_runtime.native.block import Node, Table, require
from lean_automl_runtime.native.forests import lower_oblivious, lower_ragged, lower_tables
from lean_automl_runtime.native.values import ARITHMETIC, BYTES, DATE_PARTS, FLOATS, INTS, Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lean_automl_runtime.native.plan import Plan


def lower(plan: "Plan", node: Node, inputs: list[Value], out: Value) -> None:
    """Append what an op stands for; inputs and output have their slots."""
    _LOWER[node.name](plan, node, inputs, out)


def _rescale(plan: "Plan", node: Node, inputs: list[Value], out: Value) -> None:
    numbers = Table("d", struct.pack("<2d", node.number("shift"), node.number("scale")))
    plan.add("RESCALE", inputs[0].slot, out.slot, numbers)


def _date_part(plan: "Plan", node: Node, inputs: list[Value], out: Value) -> None:
    plan.add("DATE", inputs[0].slot, out.slot, DATE_PARTS.index(node.get("part")))


def _cross(plan: "Plan", node: Node, inputs: list[Value], out: Value) -> None:
    a, b = inputs
    plan.add("CROSS", a.space, a.slot, b.space, b.slot, node.get("stride"), out.slot)


def _lookup(plan: "Plan", node: Node, inputs: list[Value], out: Value) -> None:
    x = inputs[0]
    table = node.array("table", "fBH", (x.levels[0], out.width))
    op, kind = {FLOATS: ("LOOKUP_F", "f"), BYTES: ("LOOKUP_B", "B"), INTS: ("LOOKUP_I", "H")}[out.space]
    if kind != table.kind:
        table = Table.of(kind, table.numbers())
    plan.add(op, x.space, x.slot, x.levels[0], out.width, table, out.slot)


def _arithmetic(plan: "Plan", node: Node, inputs: list[Value], out: Value) -> None:
    a, b = inputs
    plan.add("ARITHMETIC", ARITHMETIC.index(node.get("kind")), a.slot, b.slot, out.width, out.slot)


def _with_constant(plan: "Plan", node: Node, inputs: list[Value], out: Value) -> None:
    constant = plan.take(FLOATS, out.width)
    plan.add("CONSTANT", node.vector("constant", "f", out.width), out.width, constant)
    a, b = (constant, inputs[0].slot) if node.get("constant_first") else (inputs[0].slot, constant)
    plan.add("ARITHMETIC", ARITHMETIC.index(node.get("kind")), a, b, out.width, out.slot)


def _impute(plan: "Plan", node: Node, inputs: list[Value], out: Value) -> None:
    plan.add("IMPUTE", inputs[0].slot, out.width, node.vector("fill", "f", out.width), out.slot)


def _clip(plan: "Plan", node: Node, inputs: list[Value], out: Value) -> None:
    low, high = node.vector("low", "f", out.width), node.vector("high", "f", out.width)
    plan.add("CLIP", inputs[0].slot, out.width, low, high, out.slot)


def _concat(plan: "Plan", node: Node, inputs: list[Value], out: Value) -> None:  # noqa: ARG001
    at = out.slot
    for part in inputs:
        if (part.space, part.slot) != (out.space, at):
            plan.add("COPY", part.space, part.slot, part.width, out.space, at)
        at += part.width


def _bin(plan: "Plan", node: Node, inputs: list[Value], out: Value) -> None:
    edges, offsets = node.vector("edges", "f"), node.vector("offsets", "i")
    missing = node.vector("nan_bin", "i")
    op = "BIN_B" if out.space == BYTES else "BIN_I"
    plan.add(op, inputs[0].slot, out.width, edges, offsets, missing, out.slot)


def _dense(plan: "Plan", node: Node, inputs: list[Value], out: Value) -> None:
    x = inputs[0]
    weight, bias = node.array("weight", "f", (x.width, out.width)), node.vector("bias", "f", out.width)
    plan.add("DENSE", x.slot, x.width, weight, bias, out.width, int(node.get("activation") == "relu"), out.slot)


def _dot(plan: "Plan", node: Node, inputs: list[Value], out: Value) -> None:  # noqa: ARG001
    plan.add("DOT", inputs[0].slot, inputs[1].slot, inputs[1].width, out.slot)


def _blend(plan: "Plan", node: Node, inputs: list[Value], out: Value) -> None:
    weights, bias = node.vector("weights", "f", len(inputs)), node.vector("bias", "f", out.width)
    for member, x in enumerate(inputs):
        weight = Table("f", weights.data[4 * member : 4 * member + 4])
        plan.add("BLEND", out.slot if member else -1, bias, x.slot, weight, out.width, out.slot)


def _link(plan: "Plan", node: Node, inputs: list[Value], out: Value) -> None:
    kind = node.get("kind")
    if kind == "sigmoid":
        plan.add("SIGMOID", inputs[0].slot, out.slot)
    else:
        plan.add("SOFTMAX" if kind == "softmax" else "EXPONENTIAL", inputs[0].slot, out.width, out.slot)


def _label(plan: "Plan", node: Node, inputs: list[Value], out: Value) -> None:
    threshold = node.get("threshold")
    if threshold is None:
        plan.add("LABEL", inputs[0].slot, inputs[0].width, out.slot)
        return
    require(type(threshold) in (int, float), "threshold is not a number")
    try:
        raw = struct.pack("<f", threshold)
    except OverflowError:
        raw = struct.pack("<f", float("inf") if threshold > 0 else float("-inf"))
    plan.add("ABOVE", inputs[0].slot, Table("f", raw), out.slot)


_LOWER: "dict[str, Callable[[Plan, Node, list[Value], Value], None]]" = {
    "Rescale": _rescale,
    "DatePart": _date_part,
    "Cross": _cross,
    "Lookup": _lookup,
    "Arithmetic": _arithmetic,
    "WithConstant": _with_constant,
    "Impute": _impute,
    "Clip": _clip,
    "Concat": _concat,
    "Bin": _bin,
    "ObliviousTrees": lower_oblivious,
    "RaggedTrees": lower_ragged,
    "TableSum": lower_tables,
    "Dense": _dense,
    "Dot": _dot,
    "Blend": _blend,
    "Link": _link,
    "Label": _label,
}
