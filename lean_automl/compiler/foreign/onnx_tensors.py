"""ONNX ops on scores: layers, activations, and what turns scores into probabilities and labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.foreign.heads import class_labels, dense, exponential
from lean_automl.compiler.foreign.linear import Activation, LinearModel, activate
from lean_automl.compiler.foreign.onnx_features import mapping, numbers
from lean_automl.compiler.foreign.onnx_graph import Node
from lean_automl.compiler.foreign.onnx_models import each_sigmoid, relabelled, softmax
from lean_automl.compiler.foreign.onnx_values import Columns, Labels, Scores, affine, mapped, scores_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

Operand = "Columns | Scores | NDArray[Any]"


def product(node: Node, x: Columns | Scores, weight: NDArray[Any], bias: NDArray[Any] | None) -> Scores:
    """`x @ weight + bias`."""
    own = weight.astype(np.float64)
    if own.ndim != 2:
        raise node.refuse("is supported with a constant matrix only")
    add = np.zeros(own.shape[1]) if bias is None else np.broadcast_to(bias.reshape(-1), (own.shape[1],)).astype(float)
    width = x.width if isinstance(x, Scores) else len(x.stages)
    if width != own.shape[0]:
        raise node.refuse(f"multiplies {width} columns with a matrix of {own.shape[0]} rows")
    if isinstance(x, Columns):
        return scores_of(LinearModel(numbers(node, x), own, add), own.shape[1])
    return mapped(x, lambda builder, value: dense(builder, value, own, add), own.shape[1])


def matmul(node: Node, operands: Sequence[Any]) -> Scores:
    """MatMul with a constant on the right."""
    if not isinstance(operands[1], np.ndarray) or isinstance(operands[0], np.ndarray):
        raise node.refuse("is supported with a constant matrix on the right only")
    matrix = operands[1].reshape(-1, 1) if operands[1].ndim == 1 else operands[1]
    return product(node, operands[0], matrix, None)


def gemm(node: Node, operands: Sequence[Any]) -> Scores:
    """`alpha * x @ weight + beta * bias`."""
    if node.attributes.get("transA", 0) or not isinstance(operands[1], np.ndarray):
        raise node.refuse("is supported with a constant matrix on the right only")
    weight = operands[1].T if node.attributes.get("transB", 0) else operands[1]
    bias = operands[2] if len(operands) > 2 else None
    alpha, beta = float(node.attributes.get("alpha", 1.0)), float(node.attributes.get("beta", 1.0))
    return product(node, operands[0], weight * alpha, None if bias is None else bias * beta)


def arithmetic(node: Node, operands: Sequence[Any]) -> Scores:
    """Add, Sub, Mul or Div of scores with a constant or with other scores."""
    a, b = operands
    if isinstance(a, Scores) and isinstance(b, Scores):
        kinds = {
            "Add": o.ArithmeticKind.ADD, "Sub": o.ArithmeticKind.SUBTRACT,
            "Mul": o.ArithmeticKind.MULTIPLY, "Div": o.ArithmeticKind.DIVIDE,
        }  # fmt: skip
        if a.width != b.width:
            raise node.refuse(f"of {a.width} and {b.width} columns is not supported")
        kind = kinds[node.op]
        return Scores(a.width, (a, b), lambda builder, values: builder.add(o.Arithmetic(values, kind)))
    first = isinstance(a, Scores)
    scores, constant = (a, b) if first else (b, a)
    if not isinstance(scores, Scores) or not isinstance(constant, np.ndarray):
        raise node.refuse("is supported of scores and constants only")
    own = constant.reshape(-1).astype(np.float64)
    if own.size not in (1, scores.width):
        raise node.refuse(f"of {scores.width} columns and {own.size} numbers is not supported")
    if node.op in ("Add", "Sub"):
        sign = -1.0 if node.op == "Sub" else 1.0
        return affine(scores, 1.0, sign * own) if first else affine(scores, sign, own)
    if node.op == "Div" and not first:
        raise node.refuse("of a constant by scores is not supported")
    factor = 1.0 / own if node.op == "Div" else own
    if np.unique(factor).size == 1:
        return affine(scores, float(factor[0]), np.zeros(1))
    return product(node, scores, np.diag(factor), None)


def activation(node: Node, operands: Sequence[Any]) -> Scores:
    """Relu, Sigmoid, Tanh, Softmax or Exp."""
    scores: Scores = operands[0]
    if node.op == "Sigmoid":
        return each_sigmoid(scores)
    if node.op == "Softmax":
        if int(node.attributes.get("axis", -1)) not in (1, -1):
            raise node.refuse("along rows is not supported")
        return softmax(scores)
    if node.op == "Exp":
        if scores.width != 1:
            raise node.refuse(f"of {scores.width} columns is not supported")
        return mapped(scores, exponential)
    kind = Activation.RELU if node.op == "Relu" else Activation.TANH
    return mapped(scores, lambda builder, x: activate(builder, x, scores.width, kind))


def normalizer(node: Node, operands: Sequence[Any]) -> Scores:
    """Divided by the sum of absolute values; a distribution stays as it is."""
    scores: Scores = operands[0]
    if node.text("norm", "MAX") != "L1" or not scores.sums_to_one:
        raise node.refuse("is supported after a softmax only")
    return scores


def same(node: Node, operands: Sequence[Any]) -> Scores | Labels:
    """What only moves dimensions about, or changes the type of labels."""
    value = operands[0]
    if isinstance(value, Scores) and node.op == "Reshape" and len(operands) > 1:
        sizes = np.asarray(operands[1]).reshape(-1).tolist()
        if sizes not in ([-1, value.width], [0, value.width], [0, -1]) and not (value.width == 1 and sizes == [-1]):
            raise node.refuse(f"to {sizes} does not keep rows of {value.width} scores")
    if isinstance(value, Scores) and node.op == "Cast" and int(node.attributes["to"]) not in (1, 11):
        raise node.refuse("of scores to another type than floats is not supported")
    result: Scores | Labels = value
    return result


def argmax(node: Node, operands: Sequence[Any]) -> Labels:
    """The position of the greatest score."""
    if int(node.attributes.get("axis", 0)) not in (1, -1) or node.attributes.get("select_last_index", 0):
        raise node.refuse("is supported along columns only, the first of equals")
    scores: Scores = operands[0]
    return Labels(scores, tuple(range(scores.width)))


def pick(node: Node, operands: Sequence[Any]) -> Labels | Scores:
    """The label of a position, or some columns of scores."""
    if isinstance(operands[1], Labels) and isinstance(operands[0], np.ndarray):
        names = [v.decode() if isinstance(v, bytes) else v for v in operands[0].reshape(-1).tolist()]
        chosen = [names[int(position)] for position in operands[1].classes]
        return relabelled(node, operands[1], class_labels(chosen, f"node {node.name!r}"))
    if isinstance(operands[0], Scores) and isinstance(operands[1], np.ndarray):
        scores, wanted = operands[0], operands[1].reshape(-1).astype(int)
        if node.op == "Gather" and int(node.attributes.get("axis", 0)) not in (1, -1):
            raise node.refuse("of rows is not supported")
        return product(node, scores, np.eye(scores.width)[:, wanted], None)
    raise node.refuse("of these inputs is not supported")


def label_encoder(node: Node, operands: Sequence[Any]) -> Labels:
    """Other names for labels."""
    labels = operands[0]
    if not isinstance(labels, Labels):
        raise node.refuse("is supported of columns and labels only")
    keys, values, _ = mapping(node)
    by_key = dict(zip(keys, values, strict=True))
    if any(label not in by_key for label in labels.classes):
        raise node.refuse("does not name every class")
    return relabelled(node, labels, class_labels([by_key[c] for c in labels.classes], f"node {node.name!r}"))


def zip_map(node: Node, operands: Sequence[Any]) -> Scores | Labels:
    """Probabilities by label: the labels are kept, the mapping is dropped."""
    scores: Scores = operands[0]
    names = node.attributes.get("classlabels_int64s") or node.texts("classlabels_strings")
    return relabelled(node, Labels(scores), class_labels(names, f"node {node.name!r}"))


ON_SCORES: Final[dict[str, Callable[[Node, Sequence[Any]], Scores | Labels]]] = {
    "MatMul": matmul,
    "Gemm": gemm,
    "Normalizer": normalizer,
    "ArgMax": argmax,
    "ArrayFeatureExtractor": pick,
    "Gather": pick,
    "LabelEncoder": label_encoder,
    "ZipMap": zip_map,
    **dict.fromkeys(("Add", "Sub", "Mul", "Div"), arithmetic),
    **dict.fromkeys(("Relu", "Sigmoid", "Tanh", "Softmax", "Exp"), activation),
    **dict.fromkeys(("Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Cast"), same),
}
