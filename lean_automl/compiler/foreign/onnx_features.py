"""ONNX ops on columns: scalers, imputers, encoders, casts, and what only moves columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl.compiler.foreign.categories import number_codes
from lean_automl.compiler.foreign.features import Categories, Feature, Intervals, Levels, Number, Step, StepKind, then
from lean_automl.compiler.foreign.onnx_graph import BOOL, DOUBLE, FLOAT, INT32, INT64, Node
from lean_automl.compiler.foreign.onnx_values import Columns, Stage, TextColumn

if TYPE_CHECKING:
    from numpy.typing import NDArray

Constants = Sequence["NDArray[Any] | None"]
INTEGERS: Final = (INT32, INT64)


def numbers(node: Node, columns: Columns) -> tuple[Feature, ...]:
    """The features of columns that must be numbers."""
    found = columns.features()
    if found is None:
        raise node.refuse("reads text as numbers")
    return found


def _stepped(node: Node, columns: Columns, kinds: Sequence[tuple[StepKind, NDArray[Any]]]) -> Columns:
    own = numbers(node, columns)
    try:
        spread = [(kind, np.broadcast_to(values.reshape(-1), (len(own),))) for kind, values in kinds]
    except ValueError:
        raise node.refuse(f"has constants that do not fit {len(own)} columns") from None
    made = [then(f, *(Step(kind, float(values[j])) for kind, values in spread)) for j, f in enumerate(own)]
    return Columns(tuple(made))


def scaler(node: Node, columns: Columns, constants: Constants) -> Columns:  # noqa: ARG001
    """`(x - offset) * scale`."""
    offset, scale = node.array("offset"), node.array("scale")
    return _stepped(node, columns, [(StepKind.SUBTRACT, offset), (StepKind.MULTIPLY, scale)])


def imputer(node: Node, columns: Columns, constants: Constants) -> Columns:  # noqa: ARG001
    """A value instead of NaN."""
    # Without the attribute, zeros are replaced and NaN is not.
    if not np.isnan(node.attributes.get("replaced_value_float", 0.0)) or "imputed_value_int64s" in node.attributes:
        raise node.refuse("replaces another value than NaN, which is not supported")
    return _stepped(node, columns, [(StepKind.FILL, node.array("imputed_value_floats"))])


def arithmetic(node: Node, columns: Columns, constants: Constants) -> Columns:
    """Add, Sub, Mul or Div with a constant."""
    kinds = {
        "Add": StepKind.ADD, "Sub": StepKind.SUBTRACT, "Mul": StepKind.MULTIPLY, "Div": StepKind.DIVIDE
    }  # fmt: skip
    constant = next((value for value in constants if value is not None), None)
    if constant is None or (constants[0] is not None and node.op in ("Sub", "Div")):
        raise node.refuse("is supported of columns and a constant only, the columns first")
    return _stepped(node, columns, [(kinds[node.op], constant)])


def cast(node: Node, columns: Columns, constants: Constants) -> Columns:  # noqa: ARG001
    """To another type of number."""
    to = int(node.attributes["to"])
    if columns.features() is None:
        raise node.refuse("turns text into numbers, which is not supported")
    own = numbers(node, columns)
    if to in INTEGERS:
        return Columns(
            tuple(f if isinstance(f, Number) and f.steps[-1:] == (TRUNCATE,) else then(f, TRUNCATE) for f in own)
        )
    if to in (FLOAT, DOUBLE):
        return Columns(tuple(_as_type(feature, to) for feature in own))
    raise node.refuse("to booleans" if to == BOOL else f"to type {to}, which is not supported")


TRUNCATE: Final = Step(StepKind.TRUNCATE)


def _as_type(feature: Feature, to: int) -> Feature:
    if isinstance(feature, Number):
        if to == FLOAT and feature.narrow:
            return feature
        if not feature.steps:
            return replace(feature, narrow=to == FLOAT)
    return then(feature, Step(StepKind.FLOAT32)) if to == FLOAT else feature


def clip(node: Node, columns: Columns, constants: Constants) -> Columns:
    """Limits, as attributes or as inputs."""
    steps = []
    for position, (kind, name) in enumerate([(StepKind.LOW, "min"), (StepKind.HIGH, "max")], start=1):
        given = constants[position] if len(constants) > position else None
        limit = node.attributes.get(name) if given is None else given
        if limit is not None:
            steps.append((kind, np.asarray(limit)))
    return _stepped(node, columns, steps)


def one_hot(node: Node, columns: Columns, constants: Constants) -> Columns:  # noqa: ARG001
    """A column of 0 and 1 for each category; zeros for an unknown one."""
    texts = node.texts("cats_strings")
    known: list[Any] = texts or node.array("cats_int64s", np.int64).tolist()
    made: list[Stage] = []
    for stage in columns.stages:
        eye = np.eye(len(known))
        made += [_table(node, stage, known, eye[:, j], 0.0) for j in range(len(known))]
    return Columns(tuple(made))


def label_encoder(node: Node, columns: Columns, constants: Constants) -> Columns:  # noqa: ARG001
    """From categories to numbers."""
    keys, values, default = mapping(node)
    if isinstance(default, str):
        raise node.refuse("makes text of columns, which is not supported")
    table = np.array(values, dtype=np.float64)
    return Columns(tuple(_table(node, stage, keys, table, float(default)) for stage in columns.stages))


def mapping(node: Node) -> tuple[list[Any], list[Any], Any]:
    """Keys, values and default of a LabelEncoder."""

    def found(name: str) -> list[Any]:
        tensor = node.attributes.get(f"{name}_tensor")
        if tensor is not None:
            return [v.decode() if isinstance(v, bytes) else v for v in np.asarray(tensor).reshape(-1).tolist()]
        return node.texts(f"{name}_strings") or list(
            node.attributes.get(f"{name}_int64s") or node.attributes.get(f"{name}_floats") or []
        )

    keys, values = found("keys"), found("values")
    if not keys or len(keys) != len(values):
        raise node.refuse("has no usable table of keys and values")
    tensor = node.attributes.get("default_tensor")
    if tensor is not None:
        return keys, values, np.asarray(tensor).reshape(-1)[0]
    if isinstance(values[0], str):
        return keys, values, node.text("default_string", "_Unused")
    if "values_int64s" in node.attributes or isinstance(values[0], int):
        return keys, values, node.attributes.get("default_int64", -1)
    return keys, values, node.attributes.get("default_float", -0.0)


def _table(node: Node, stage: Stage, keys: Sequence[Any], values: NDArray[np.float64], other: float) -> Levels:
    """A value for each key, and one for everything else."""
    if isinstance(stage, TextColumn):
        if not all(isinstance(key, str) for key in keys):
            raise node.refuse(f"looks numbers up in column {stage.column!r}, which holds text")
        by_key = dict(zip(keys, values.tolist(), strict=True))
        kept = tuple(key for key in by_key if key)
        return Levels(Categories(stage.column, kept), (by_key.get("", other), other, *(by_key[key] for key in kept)))
    if any(isinstance(key, str) for key in keys):
        raise node.refuse("looks text up in a column of numbers")
    wanted = np.array(keys, dtype=np.float64)
    if isinstance(stage, Levels):
        seen = np.array(stage.values)
        made = np.full(seen.size, other)
        for key, value in zip(wanted, values, strict=True):
            made[seen == key] = value
        return Levels(stage.coding, tuple(made.tolist()))
    present = ~np.isnan(wanted)
    coding, codes = number_codes(stage, wanted[present])
    made = np.full(coding.levels, other)
    reached = codes >= 0
    made[codes[reached]] = values[present][reached]
    if not present.all():
        made[-1] = values[~present][0]
    fills = [step.value for step in stage.steps if step.kind is StepKind.FILL]
    if fills:
        made[-1] = _value_of(coding, made, fills[0])
    return Levels(coding, tuple(made.tolist()))


def _value_of(coding: Intervals, values: NDArray[np.float64], raw: float) -> float:
    return float(values[np.searchsorted(np.array(coding.edges), raw, side="left")])


def same(node: Node, columns: Columns, constants: Constants) -> Columns:
    """What only moves dimensions about, as far as rows stay rows."""
    shape = constants[1] if len(constants) > 1 else None
    if node.op == "Reshape" and shape is not None:
        sizes = np.asarray(shape).reshape(-1).tolist()
        width = len(columns.stages)
        if sizes not in ([-1, width], [0, width], [0, -1]) and not (width == 1 and sizes in ([-1], [-1, 1, 1])):
            raise node.refuse(f"to {sizes} does not keep rows of {width} columns")
    return columns


def select(node: Node, columns: Columns, constants: Constants) -> Columns:
    """Some columns: ArrayFeatureExtractor, or Gather along columns."""
    chosen = constants[1] if len(constants) > 1 else None
    if chosen is None or (node.op == "Gather" and int(node.attributes.get("axis", 0)) not in (1, -1)):
        raise node.refuse("is supported for choosing columns by constant numbers only")
    return Columns(tuple(columns.stages[int(i)] for i in np.asarray(chosen).reshape(-1)))


ON_COLUMNS: Final[dict[str, Callable[[Node, Columns, Constants], Columns]]] = {
    "Scaler": scaler,
    "Imputer": imputer,
    "Clip": clip,
    "Cast": cast,
    "OneHotEncoder": one_hot,
    "LabelEncoder": label_encoder,
    "ArrayFeatureExtractor": select,
    "Gather": select,
    **dict.fromkeys(("Add", "Sub", "Mul", "Div"), arithmetic),
    **dict.fromkeys(("Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze"), same),
}
