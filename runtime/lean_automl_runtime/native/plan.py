"""From a Program's head and array block to the flat plan that the C kernel evaluates.

Three steps, as in any small compiler: infer the type of every value, give every value its slots, lower each op to
lines. What a `Concat` joins is placed side by side at once, raw columns too, so that joining costs nothing.
"""

from lean_automl_runtime.errors import CorruptArtifactError
from lean_automl_runtime.json_text import parse_json
from lean_automl_runtime.native.block import Node, Table, require, whole
from lean_automl_runtime.native.categories import Dictionary, joined
from lean_automl_runtime.native.values import FLOAT32, FLOAT64, INT64, INTS, LABEL, STRING, Value, infer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

KINDS = ("numeric", "boolean", "categorical", "datetime", "text")
DTYPES = {
    "numeric": (FLOAT32, FLOAT64),
    "boolean": (FLOAT32,),
    "categorical": (STRING,),
    "datetime": (INT64,),
    "text": (STRING,),
}
OUTPUTS = {"label": LABEL, "probabilities": FLOAT32, "prediction": FLOAT32}


class Column:
    """A raw column of a plan.

    Attributes:
        name: As in the caller's table.
        kind: One of `KINDS`.
        value: Where it is put.
        dictionary: Of a string column.
        encoded: Whether an op reads its code.
        steps: What reads the whole text of a string column, before all lines.
        first: First of the int slots that steps write.
        ints: How many there are.
    """

    __slots__ = ("dictionary", "encoded", "first", "ints", "kind", "name", "steps", "value")

    def __init__(self, name: str, kind: str, value: Value) -> None:
        self.name = name
        self.kind = kind
        self.value = value
        self.dictionary: Dictionary | None = None
        self.encoded = False
        self.steps: list[Line] = []
        self.first = 0
        self.ints = 0


class Line:
    """One step: an opcode by name, without `LA_OP_`, and its operands in the order of lean_automl_plan.h."""

    __slots__ = ("args", "op")

    def __init__(self, op: str, args: "tuple[int | Table, ...]") -> None:
        self.op = op
        self.args = args


class Plan:
    """A Program in the form that C evaluates.

    Attributes:
        columns: Raw columns.
        lines: Steps in order.
        sizes: Numbers of float, int, byte, double and long slots.
        outputs: First slot and width of each output.
        classes: Class labels; empty without a `label` output.
    """

    def __init__(self, columns: list[Column]) -> None:
        self.columns = columns
        self.lines: list[Line] = []
        self.sizes = [0, 0, 0, 0, 0]
        self.outputs: dict[str, tuple[int, int]] = {}
        self.classes: tuple[Any, ...] = ()

    def take(self, space: int, width: int) -> int:
        """New slots."""
        slot = self.sizes[space]
        self.sizes[space] = slot + width
        require(self.sizes[space] <= 2**24, "its values take too much memory")
        return slot

    def add(self, op: str, *args: "int | Table") -> None:
        """Append a line."""
        self.lines.append(Line(op, args))


def build_plan(head: bytes, block: bytes) -> Plan:
    """The plan of a Program in the form of `ir.serial`.

    Raises:
        CorruptArtifactError: The bytes are not those of a valid Program; says which part is at fault.
    """
    try:
        described = parse_json(head)
        return _build(described, memoryview(block))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError, OverflowError) as error:
        raise CorruptArtifactError(f"the program's head cannot be read: {error!r:.200}") from error


def _build(described: "dict[str, Any]", block: "memoryview[int]") -> Plan:
    from lean_automl_runtime.native.lower import lower
    from lean_automl_runtime.native.texts import TEXT_OPS, read_texts

    columns = [_column(*item) for item in described["columns"]]
    names = [column.name for column in columns]
    require(all(names) and len(set(names)) == len(names), "column names are empty or repeat")
    nodes = [Node(item, block) for item in described["ops"]]
    values = [column.value for column in columns]
    for node in nodes:
        require(all(0 <= i < len(values) for i in node.inputs), f"{node.name} reads a value that comes later")
        values.append(infer(node, [values[i] for i in node.inputs]))
    plan = Plan(columns)
    lists = _dictionaries(plan, nodes)
    _place(plan, nodes, values)
    read_texts(plan, nodes, values[len(columns) :])
    for node, value in zip(nodes, values[len(columns) :], strict=True):
        if node.name == "Encode":
            _recode(plan, node, value, lists)
        elif node.name not in TEXT_OPS:
            lower(plan, node, [values[i] for i in node.inputs], value)
    _outputs(plan, described["outputs"], nodes, values)
    return plan


def _column(name: str, kind: str, dtype: str) -> Column:
    require(type(name) is str and dtype in DTYPES[kind], f"column {name!r:.40} of {kind!r:.40} as {dtype!r:.40}")
    return Column(name, kind, Value(dtype, 1))


def _dictionaries(plan: Plan, nodes: list[Node]) -> dict[int, list[list[str]]]:
    """Give string columns their dictionaries; the lists of categories that each column is encoded by."""
    lists: dict[int, list[list[str]]] = {}
    for node in nodes:
        if node.name == "Encode" and node.get("categories") not in lists.setdefault(node.inputs[0], []):
            lists[node.inputs[0]].append(node.get("categories"))
    for number, column in enumerate(plan.columns):
        if column.value.dtype == STRING:
            column.dictionary = Dictionary(joined(lists.get(number, [])))
            column.encoded = number in lists
    return lists


def _place(plan: Plan, nodes: list[Node], values: list[Value]) -> None:
    """Slots for every value; from the last op to the first, so that a Concat is placed before what it joins."""
    first = len(plan.columns)
    for number in range(len(values) - 1, -1, -1):
        value = values[number]
        node = nodes[number - first] if number >= first else None
        if node is not None and node.name == "Encode":
            continue
        if value.slot < 0:
            value.slot = plan.take(value.space, value.width)
        if node is not None and node.name == "Concat":
            at = value.slot
            for part in [values[i] for i in node.inputs]:
                if part.slot < 0:
                    part.space, part.slot = value.space, at
                at += part.width


def _recode(plan: Plan, node: Node, value: Value, lists: dict[int, list[list[str]]]) -> None:
    """The code of an Encode: the raw code itself where the column has one list of categories."""
    column = plan.columns[node.inputs[0]]
    value.slot = column.value.slot
    assert column.dictionary is not None
    if len(lists[node.inputs[0]]) > 1:
        value.slot = plan.take(INTS, 1)
        table = column.dictionary.recode(node.get("categories"))
        plan.add("RECODE", column.value.slot, value.slot, len(table), table)


def _outputs(plan: Plan, outputs: "dict[str, Any]", nodes: list[Node], values: list[Value]) -> None:
    require(len(outputs) > 0, "no output")
    for name, number in outputs.items():
        require(name in OUTPUTS and len(plan.columns) <= whole(number) < len(values), f"output {name!r:.40}")
        value = values[number]
        require(value.dtype == OUTPUTS[name], f"output {name!r} is {value.dtype}")
        plan.outputs[name] = (value.slot, value.width)
        if name == "label":
            plan.classes = tuple(nodes[number - len(plan.columns)].get("classes"))
