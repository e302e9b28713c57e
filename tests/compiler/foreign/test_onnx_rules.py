"""ONNX files of few nodes, for rules that no converter's file shows."""

from __future__ import annotations

import onnx
import pytest
from foreign_probes import worst_difference
from onnx import TensorProto, helper

from lean_automl.compiler.foreign import compile_model
from lean_automl.errors import UnsupportedOpError

TREES = 1e-6


def stump(weights: list[float], ids: list[int], post: str, base: list[float] | None = None) -> onnx.ModelProto:
    """A TreeEnsembleClassifier of one node, with these weights of its two leaves."""
    node = helper.make_node(
        "TreeEnsembleClassifier",
        ["X"],
        ["L", "Y"],
        domain="ai.onnx.ml",
        nodes_treeids=[0, 0, 0],
        nodes_nodeids=[0, 1, 2],
        nodes_featureids=[0, 0, 0],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"],
        nodes_values=[0.0, 0.0, 0.0],
        nodes_truenodeids=[1, 0, 0],
        nodes_falsenodeids=[2, 0, 0],
        class_treeids=[0] * len(ids),
        class_nodeids=[1 + i * 2 // len(ids) for i in range(len(ids))],
        class_ids=ids,
        class_weights=weights,
        classlabels_int64s=[0, 1],
        post_transform=post,
        **({} if base is None else {"base_values": base}),
    )
    x = helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 1])
    outputs = [helper.make_tensor_value_info("L", TensorProto.INT64, [None])]
    outputs.append(helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None, 2]))
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(helper.make_graph([node], "g", [x], outputs), opset_imports=opsets, ir_version=9)


@pytest.mark.parametrize("base", [None, [0.3]])
@pytest.mark.parametrize(("weights", "post"), [([0.2, 0.9], "NONE"), ([-0.2, 0.9], "NONE"), ([-0.2, 0.9], "LOGISTIC")])
def test_one_score_for_two_classes(weights: list[float], post: str, base: list[float] | None) -> None:
    assert worst_difference(stump(weights, [0, 0], post, base)) < TREES


@pytest.mark.parametrize(
    ("weights", "ids", "post", "named"),
    [
        ([0.2, 0.9], [0, 0], "LOGISTIC", "contradicts its probabilities"),
        ([0.2, -0.9], [1, 1], "LOGISTIC", "leaves without a weight"),
        ([0.2, 0.3, 0.8, 0.7], [0, 1, 0, 1], "NONE", "not opposite"),
        ([0.2, 0.9], [0, 0], "PROBIT", "PROBIT"),
    ],
)
def test_rules_that_only_onnxruntime_knows_are_refused(
    weights: list[float], ids: list[int], post: str, named: str
) -> None:
    with pytest.raises(UnsupportedOpError, match=named):
        compile_model(stump(weights, ids, post))


def test_an_imputer_that_does_not_say_what_it_replaces_is_refused() -> None:
    """onnxruntime then replaces zeros."""
    nodes = [
        helper.make_node("Imputer", ["X"], ["S"], domain="ai.onnx.ml", imputed_value_floats=[5.0]),
        helper.make_node("LinearRegressor", ["S"], ["Y"], domain="ai.onnx.ml", coefficients=[1.0], intercepts=[0.0]),
    ]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in "XY")
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(helper.make_graph(nodes, "g", [x], [y]), opset_imports=opsets, ir_version=9)
    with pytest.raises(UnsupportedOpError, match="replaces another value than NaN"):
        compile_model(model)
