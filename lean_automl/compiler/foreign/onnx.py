"""Reads ONNX files as skl2onnx, onnxmltools and CatBoost make them: follows every value from the inputs on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.foreign.features import Number
from lean_automl.compiler.foreign.heads import Classes, Head, HeadKind, chosen_labels
from lean_automl.compiler.foreign.model import SourceModel
from lean_automl.compiler.foreign.onnx_features import ON_COLUMNS
from lean_automl.compiler.foreign.onnx_graph import DOUBLE, STRING, Graph, Input, Node
from lean_automl.compiler.foreign.onnx_models import MODELS
from lean_automl.compiler.foreign.onnx_tensors import ON_SCORES
from lean_automl.compiler.foreign.onnx_values import Columns, Labels, Scores, Stage, TextColumn, Value
from lean_automl.errors import UnsupportedOpError

if TYPE_CHECKING:
    from collections.abc import Callable

LIBRARY: Final = "ONNX"
MARGINS: Final = "the classifier in the file gives margins instead of probabilities, and so does the Program"


def read_onnx(
    graph: Graph, classes: Classes = (), names_for: Callable[[int], Sequence[str]] = lambda _: ()
) -> SourceModel:
    """The model of a graph.

    Args:
        graph: The graph.
        classes: Labels instead of those in the file.
        names_for: Names for so many columns, where an input is a matrix.

    Raises:
        UnsupportedOpError: A part cannot be represented; the message names it.
    """
    inputs, values = _inputs(graph, names_for)
    for node in graph.nodes:
        for name, value in zip(node.outputs, _follow(node, values, graph), strict=False):
            values[name] = value
    scores, labels = _outputs(graph, values)
    if not labels:
        return SourceModel(LIBRARY, scores, Head(HeadKind.VALUE), inputs)
    head = Head(HeadKind.PROBABILITIES, chosen_labels(classes or labels, len(labels)))
    return SourceModel(LIBRARY, scores, head, inputs, (MARGINS,) if scores.margins else ())


def input_columns(graph: Graph, names_for: Callable[[int], Sequence[str]]) -> list[tuple[Input, tuple[str, ...]]]:
    """The inputs, and the names of the columns of each."""
    total = sum(one.width or 0 for one in graph.inputs)
    given = list(names_for(total)) if any((one.width or 0) > 1 for one in graph.inputs) else []
    found = []
    for one in graph.inputs:
        if one.width is None:
            raise UnsupportedOpError(
                f"ONNX input {one.name!r} does not say how many columns it has: convert the model with their number"
            )
        own = tuple(given[: one.width])
        given = given[one.width :]
        found.append((one, own or _own_names(one, len(graph.inputs))))
    return found


def _own_names(one: Input, inputs: int) -> tuple[str, ...]:
    if one.width == 1 and inputs > 1:
        return (one.name,)
    prefix = "x" if inputs == 1 else f"{one.name}_"
    return tuple(f"{prefix}{number}" for number in range(one.width or 0))


def _inputs(graph: Graph, names_for: Callable[[int], Sequence[str]]) -> tuple[tuple[str, ...], dict[str, Value]]:
    names: list[str] = []
    values: dict[str, Value] = {}
    for one, own in input_columns(graph, names_for):
        names += own
        stages: tuple[Stage, ...] = tuple(
            TextColumn(name) if one.kind == STRING else Number(name, narrow=one.kind != DOUBLE) for name in own
        )
        values[one.name] = Columns(stages)
    return tuple(names), values


def _follow(node: Node, values: dict[str, Value], graph: Graph) -> Sequence[Value]:
    operands: list[Any] = [graph.constants.get(name, values.get(name)) for name in node.inputs if name]
    if any(operand is None for operand in operands) or not operands:
        raise node.refuse("reads a value that is not known")
    first = next((operand for operand in operands if not isinstance(operand, np.ndarray)), operands[0])
    if node.op in ("Concat", "FeatureVectorizer"):
        return (_concat(node, operands),)
    if isinstance(first, Columns) and node.op in MODELS:
        return MODELS[node.op](node, first)
    if isinstance(first, Columns) and node.op in ON_COLUMNS:
        return (ON_COLUMNS[node.op](node, first, [x if isinstance(x, np.ndarray) else None for x in operands]),)
    if node.op in ON_SCORES and not (isinstance(first, Columns) and node.op not in ("MatMul", "Gemm")):
        if isinstance(first, Labels) and node.op not in LABEL_OPS:
            raise node.refuse("of labels is not supported")
        return (ON_SCORES[node.op](node, operands),)
    supported = ", ".join(sorted({*MODELS, *ON_COLUMNS, *ON_SCORES, "Concat", "FeatureVectorizer"}))
    raise node.refuse(f"is not supported here. Supported: {supported}.")


LABEL_OPS: Final = (
    *(
        "ArrayFeatureExtractor",
        "Gather",
        "LabelEncoder",
        "Identity",
        "Reshape",
        "Flatten",
        "Squeeze",
        "Unsqueeze",
        "Cast",
    ),
)


def _concat(node: Node, operands: Sequence[Any]) -> Value:
    if node.op == "Concat" and int(node.attributes.get("axis", 1)) not in (1, -1):
        raise node.refuse("along rows is not supported")
    if all(isinstance(operand, Columns) for operand in operands):
        return Columns(tuple(stage for operand in operands for stage in operand.stages))
    if all(isinstance(operand, Scores) for operand in operands):
        width = sum(operand.width for operand in operands)
        return Scores(width, tuple(operands), lambda builder, values: builder.add(o.Concat(values)))
    raise node.refuse("of these inputs is not supported")


def _outputs(graph: Graph, values: dict[str, Value]) -> tuple[Scores, Classes]:
    """Scores, and their labels, none for a regressor."""
    found = [values[name] for name in graph.outputs if name in values]
    labels = [value for value in found if isinstance(value, Labels)]
    scores = [value for value in found if isinstance(value, Scores)]
    if labels:
        # The probabilities may be given otherwise than the label was chosen, such as after a transform.
        named = next((value for value in labels if value.classes), labels[0])
        own = [value for value in scores if value.width == len(named.classes)]
        zipped = [value.scores for value in labels if value is not named]
        return (own or zipped or [named.scores])[0], named.classes
    if len(scores) == 1 and scores[0].width == 1:
        return scores[0], ()
    what = ", ".join(f"{value.width} numbers" for value in scores) or "nothing that is known"
    raise UnsupportedOpError(
        f"the ONNX file yields {what}: expected one number for a regressor, or a label and probabilities for a "
        "classifier"
    )
