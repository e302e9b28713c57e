"""Types of values without numpy: the rules of `ir.types` that a head and a few small arrays decide.

What needs a look at every element (edges ascend, features exist, sums stay in int32) is checked in C, on the plan.
"""

import itertools

from lean_automl_runtime.native.block import Node, require

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

STRING, INT64, FLOAT64, FLOAT32, CODE, BIN, LABEL = "string", "int64", "float64", "float32", "code", "bin", "label"
FLOATS, INTS, BYTES, DOUBLES, LONGS = range(5)  # kinds of slots, as in lean_automl_plan.h
CODE_FIRST = 2
MAX_LEVELS = 2**24
MAX_WIDTH = 2**20
BYTE_LEVELS = 256
DATE_PARTS = ("year", "month", "day", "weekday", "day_of_year", "hour", "minute", "second", "days", "seconds_of_day")
TEXT_FIELDS = ("length", "words", "digits", "capitals")
LONGEST_TOKEN = 64  # UTF-8 bytes
INT32_MAX = 2**31 - 1
ARITHMETIC = (
    *("add", "subtract", "multiply", "divide", "floor_divide"),
    *("minimum", "maximum", "less", "less_equal", "equal"),
)


class Value:
    """A column or the result of an op, and the slots where it lies.

    Attributes:
        dtype: Element type.
        width: Number of columns.
        levels: For codes and bins, how many values each column can take.
        space: Kind of its slots.
        slot: First of its slots; -1 until it is placed.
    """

    __slots__ = ("dtype", "levels", "slot", "space", "width")

    def __init__(self, dtype: str, width: int, levels: tuple[int, ...] = ()) -> None:
        require(width <= MAX_WIDTH, f"a value of width {width}")
        self.dtype = dtype
        self.width = width
        self.levels = levels
        self.slot = -1
        if dtype == BIN:
            self.space = BYTES if max(levels, default=0) <= BYTE_LEVELS else INTS
        else:
            self.space = {FLOAT32: FLOATS, FLOAT64: DOUBLES, INT64: LONGS}.get(dtype, INTS)


def infer(node: Node, inputs: list[Value]) -> Value:
    """The value of an op; `CorruptArtifactError` where the op is not valid for its inputs."""
    require(node.name in _INFER, f"unknown op {node.name!r:.40}: written by a newer version?")
    return _INFER[node.name](node, inputs)


def _one(node: Node, inputs: list[Value], dtypes: tuple[str, ...], width: int | None = None) -> Value:
    require(len(inputs) == 1, f"{node.name} takes one input")
    _check(node, inputs[0], dtypes, width)
    return inputs[0]


def _check(node: Node, value: Value, dtypes: tuple[str, ...], width: int | None = None) -> None:
    fits = value.dtype in dtypes and width in (None, value.width)
    require(fits, f"{node.name} cannot read {value.dtype}[{value.width}]")


def _rescale(node: Node, inputs: list[Value]) -> Value:
    _one(node, inputs, (FLOAT64,), 1)
    node.number("shift")
    require(node.number("scale") > 0, "scale is not positive")
    return Value(FLOAT32, 1)


def _date_part(node: Node, inputs: list[Value]) -> Value:
    _one(node, inputs, (INT64,), 1)
    require(node.get("part") in DATE_PARTS, f"{node.get('part')!r} is not a date field")
    return Value(FLOAT32, 1)


def _encode(node: Node, inputs: list[Value]) -> Value:
    _one(node, inputs, (STRING,), 1)
    categories = node.get("categories")
    require(type(categories) is list and all(type(c) is str and c for c in categories), "a category is no text")
    require(len(set(categories)) == len(categories), "categories repeat")
    return Value(CODE, 1, (len(categories) + CODE_FIRST,))


def _text_count(node: Node, inputs: list[Value]) -> Value:
    _one(node, inputs, (STRING,), 1)
    require(node.get("field") in TEXT_FIELDS, f"{node.get('field')!r} is not a text field")
    return Value(FLOAT32, 1)


def _token_score(node: Node, inputs: list[Value]) -> Value:
    _one(node, inputs, (STRING,), 1)
    tokens, limit = node.get("tokens"), node.get("limit")
    require(type(tokens) is list and all(type(t) is str and t for t in tokens), "a token is no text")
    short = all(len(t.encode("utf-8", "surrogatepass")) <= LONGEST_TOKEN for t in tokens)
    require(short and len(set(tokens)) == len(tokens) <= 2**16 - CODE_FIRST, "tokens repeat, or are too long or many")
    require(type(limit) is int and 0 < limit <= INT32_MAX, "limit is not a number of words")
    width = len(node.vector("scale", "f"))
    require(width > 0, "TokenScore writes no column")
    return Value(FLOAT32, width)


def _cross(node: Node, inputs: list[Value]) -> Value:
    require(len(inputs) == 2, "Cross takes two inputs")
    for value in inputs:
        _check(node, value, (CODE, BIN), 1)
    stride = inputs[1].levels[0]
    levels = inputs[0].levels[0] * stride
    require(node.get("stride") == stride and levels <= MAX_LEVELS, "Cross has the wrong stride or too many levels")
    return Value(CODE, 1, (levels,))


def _lookup(node: Node, inputs: list[Value]) -> Value:
    value = _one(node, inputs, (CODE, BIN), 1)
    shape = node.shape("table")
    require(len(shape) == 2 and shape[1] > 0, "table is not a matrix")
    width = shape[1]
    table = node.array("table", "fBH", (value.levels[0], width))
    if table.kind == "f":
        return Value(FLOAT32, width)
    numbers = table.data if table.kind == "B" else table.numbers()
    return Value(BIN, width, tuple([max(numbers[j::width]) + 1 for j in range(width)]))


def _arithmetic(node: Node, inputs: list[Value]) -> Value:
    require(len(inputs) == 2 and node.get("kind") in ARITHMETIC, "Arithmetic is not valid")
    for value in inputs:
        _check(node, value, (FLOAT32,), inputs[0].width)
    return Value(FLOAT32, inputs[0].width)


def _with_constant(node: Node, inputs: list[Value]) -> Value:
    require(node.get("kind") in ARITHMETIC and type(node.get("constant_first")) is bool, "WithConstant is not valid")
    value = _same(node, inputs)
    numbers = node.vector("constant", "f", value.width).numbers()
    require(all(number - number == 0 for number in numbers), "constant is not finite")
    return value


def _same(node: Node, inputs: list[Value]) -> Value:
    return Value(FLOAT32, _one(node, inputs, (FLOAT32,)).width)


def _concat(node: Node, inputs: list[Value]) -> Value:
    require(len(inputs) > 0 and inputs[0].dtype in (FLOAT32, BIN), "Concat cannot join its inputs")
    for value in inputs:
        _check(node, value, (inputs[0].dtype,))
    levels = tuple([level for value in inputs for level in value.levels])
    return Value(inputs[0].dtype, sum([value.width for value in inputs]), levels)


def _bin(node: Node, inputs: list[Value]) -> Value:
    value = _one(node, inputs, (FLOAT32,))
    edges = node.vector("edges", "f")
    offsets = node.offsets("offsets", len(edges), value.width)
    missing = node.vector("nan_bin", "i", value.width).numbers().tolist()
    require(min(missing, default=0) >= 0, "nan_bin is negative")
    counts = [stop - start for start, stop in itertools.pairwise(offsets)]
    levels = tuple([max(pair) + 1 for pair in zip(counts, missing, strict=True)])
    require(max(levels, default=1) <= 2**16, "a column has more than 65,536 bins")
    return Value(BIN, value.width, levels)


def _scores(dtype: str) -> "Callable[[Node, list[Value]], Value]":
    def infer_scores(node: Node, inputs: list[Value]) -> Value:
        _one(node, inputs, (dtype,))
        width = len(node.vector("scale", "f"))
        require(width > 0, f"{node.name} writes no column")
        return Value(FLOAT32, width)

    return infer_scores


def _dense(node: Node, inputs: list[Value]) -> Value:
    _one(node, inputs, (FLOAT32,))
    shape = node.shape("weight")
    require(len(shape) == 2 and shape[1] > 0, "weight is not a matrix")
    require(node.get("activation") in ("identity", "relu"), "activation is unknown")
    return Value(FLOAT32, shape[1])


def _dot(node: Node, inputs: list[Value]) -> Value:
    require(len(inputs) == 2, "Dot takes two inputs")
    _check(node, inputs[0], (FLOAT32,), inputs[1].width + 1)
    _check(node, inputs[1], (FLOAT32,))
    return Value(FLOAT32, 1)


def _blend(node: Node, inputs: list[Value]) -> Value:
    require(len(inputs) > 0, "Blend takes at least one input")
    for value in inputs:
        _check(node, value, (FLOAT32,), inputs[0].width)
    return Value(FLOAT32, inputs[0].width)


def _link(node: Node, inputs: list[Value]) -> Value:
    kind = node.get("kind")
    require(kind in ("sigmoid", "softmax", "exponential"), f"{kind!r:.40} is not a link")
    value = _one(node, inputs, (FLOAT32,), 1 if kind == "sigmoid" else None)
    return Value(FLOAT32, 2 if kind == "sigmoid" else value.width)


def _label(node: Node, inputs: list[Value]) -> Value:
    classes = node.get("classes")
    require(type(classes) is list and len(classes) > 0, "Label has no classes")
    kind = type(classes[0])
    require(kind in (str, int, bool) and all(type(c) is kind for c in classes), "classes are not of one type")
    require(len(set(classes)) == len(classes), "classes repeat")
    require(node.get("threshold") is None or len(classes) == 2, "a threshold takes two classes")
    _one(node, inputs, (FLOAT32,), len(classes))
    return Value(LABEL, 1)


_INFER: "dict[str, Callable[[Node, list[Value]], Value]]" = {
    "Rescale": _rescale,
    "DatePart": _date_part,
    "Encode": _encode,
    "TextCount": _text_count,
    "TokenScore": _token_score,
    "Cross": _cross,
    "Lookup": _lookup,
    "Arithmetic": _arithmetic,
    "WithConstant": _with_constant,
    "Impute": _same,
    "Clip": _same,
    "Concat": _concat,
    "Bin": _bin,
    "ObliviousTrees": _scores(BIN),
    "RaggedTrees": _scores(FLOAT32),
    "TableSum": _scores(BIN),
    "Dense": _dense,
    "Dot": _dot,
    "Blend": _blend,
    "Link": _link,
    "Label": _label,
}
