"""The estimators in `skl2onnx.to_onnx`: the graph of the compiled model, put into the graph of a pipeline.

The model takes its columns from the inputs of its step, in the order of `fit`. A matrix has one column a feature, so a
step after transformers is always numeric; texts and times need an input of their own for each column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl.errors import ExportError, MissingDependencyError
from lean_automl.sklearn.inputs import names_of_features

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Column

OPSET: Final = 17  # of the nodes that the exporter writes; later ones read them the same way
ALIAS: Final = "LeanAutoML"
KEPT_TYPES: Final = {"string": "text", "int64": "whole seconds"}  # columns whose values no cast may make


def register_skl2onnx() -> None:
    """Make `LeanClassifier` and `LeanRegressor` known to skl2onnx; call it once before `skl2onnx.to_onnx`.

    Raises:
        MissingDependencyError: skl2onnx is not installed.
    """
    try:
        from skl2onnx import update_registered_converter
    except ImportError as error:
        raise MissingDependencyError("skl2onnx is not installed: pip install 'lean-automl[skl2onnx]'") from error
    from lean_automl.sklearn.estimators import LeanClassifier, LeanRegressor

    options = {"zipmap": [True, False, "columns"], "output_class_labels": [False, True], "nocl": [True, False]}
    update_registered_converter(LeanClassifier, f"{ALIAS}Classifier", _classifier_types, _convert, options=options)
    update_registered_converter(LeanRegressor, f"{ALIAS}Regressor", _regressor_types, _convert)


def _classifier_types(operator: Any) -> None:
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType

    rows = operator.inputs[0].get_first_dimension()
    labels = operator.raw_operator.classes_
    kind = StringTensorType if labels.dtype.kind in "OUS" else Int64TensorType
    operator.outputs[0].set_type(kind([rows]))
    operator.outputs[1].set_type(FloatTensorType([rows, len(labels)]))


def _regressor_types(operator: Any) -> None:
    from skl2onnx.common.data_types import FloatTensorType

    numbers = len(operator.raw_operator.quantiles or ()) or 1
    operator.outputs[0].set_type(FloatTensorType([operator.inputs[0].get_first_dimension(), numbers]))


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Put the model's graph into the container, its names made unique there."""
    import onnx

    if container.target_opset_onnx < OPSET:
        raise ExportError(f"target_opset {container.target_opset_onnx} is too old. Give {OPSET} or later.")
    estimator = operator.raw_operator
    model = onnx.load_from_string(estimator._served.export("onnx"))
    names: dict[str, str] = {"": ""}
    for column in estimator._served.columns:
        names[column.name] = _column_of(column, estimator, scope, operator, container)
    outputs = [output.name for output in model.graph.output]
    if len(outputs) > 1:
        outputs = sorted(outputs, key=lambda name: not name.startswith("label"))
    ends = dict(zip(outputs, (output.full_name for output in operator.outputs), strict=True))

    def renamed(name: str) -> str:
        if name not in names:
            names[name] = scope.get_unique_variable_name(f"lean_{name}")
        return names[name]

    for tensor in model.graph.initializer:
        tensor.name = renamed(tensor.name)
        container.initializers.append(tensor)
    for node in model.graph.node:
        node.input[:] = [renamed(name) for name in node.input]
        node.output[:] = [renamed(name) for name in node.output]
        node.name = scope.get_unique_operator_name(f"lean_{node.op_type}")
        container.nodes.append(node)
    for opset in model.opset_import:
        container.node_domain_version_pair_sets.add((opset.domain, opset.version))
    for output in model.graph.output:
        end = ends[output.name]
        if output.type.tensor_type.elem_type == onnx.TensorProto.BOOL:
            _add(container, scope, "Cast", ([renamed(output.name)], end), to=onnx.TensorProto.INT64)
        else:
            _add(container, scope, "Identity", ([renamed(output.name)], end))


def _column_of(column: Column, estimator: Any, scope: Any, operator: Any, container: Any) -> str:
    """Name of a tensor (n, 1) that holds a column, as the model's graph takes it."""
    import onnx

    source, position = _source(column.name, estimator, operator)
    types = {"float32": onnx.TensorProto.FLOAT, "float64": onnx.TensorProto.DOUBLE}
    types |= {"string": onnx.TensorProto.STRING, "int64": onnx.TensorProto.INT64}
    wanted = types[column.dtype]
    found = source.type.to_onnx_type().tensor_type.elem_type
    if column.dtype in KEPT_TYPES and found != wanted:
        raise ExportError(
            f"column {column.name!r} holds {KEPT_TYPES[column.dtype]}, and the graph has it as "
            f"{type(source.type).__name__}. Convert the estimator alone, with an input of its own for each column."
        )
    number = scope.get_unique_variable_name("lean_position")
    container.initializers.append(onnx.numpy_helper.from_array(np.array([position], dtype=np.int64), number))
    taken = scope.get_unique_variable_name("lean_column")
    _add(container, scope, "Gather", ([source.full_name, number], taken), axis=1)
    if found == wanted:
        return str(taken)
    cast = scope.get_unique_variable_name("lean_column")
    _add(container, scope, "Cast", ([taken], cast), to=wanted)
    return str(cast)


def _source(name: str, estimator: Any, operator: Any) -> tuple[Any, int]:
    """The input that has a column, and the column's place in it."""
    position = names_of_features(estimator).index(name)
    for source in operator.inputs:
        width = source.type.shape[1] if len(source.type.shape) > 1 else 1
        if width is None:
            width = estimator.n_features_in_ if len(operator.inputs) == 1 else 1
        if position < width:
            return source, position
        position -= width
    raise ExportError(f"the inputs of the graph have no column {name!r}: give all {estimator.n_features_in_} columns.")


def _add(container: Any, scope: Any, op: str, ends: tuple[list[str], str], **attributes: Any) -> None:
    """A node of the main domain."""
    import onnx

    name = scope.get_unique_operator_name(f"lean_{op}")
    container.nodes.append(onnx.helper.make_node(op, ends[0], [ends[1]], name=name, **attributes))
