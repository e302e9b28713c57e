"""Every encoding of trees against the reference, over forms of leaves, depths and sizes."""

from dataclasses import replace

import numpy as np
import onnx_small as s
import pytest
from conformance.ragged import Shape, ragged_program
from lean_automl_exporters.hostile import hostile_rows
from lean_automl_exporters.onnx import OnnxOptions, TreeEncoding, check_parity, export_onnx, oblivious, usable_encodings
from lean_automl_runtime.errors import UnsupportedOpError
from lean_automl_runtime.ir import Program
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.reference import evaluate
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

OBLIVIOUS = (TreeEncoding.TENSOR, TreeEncoding.TREE_ENSEMBLE, TreeEncoding.TREE_ENSEMBLE_V3)
RAGGED = (TreeEncoding.TREE_ENSEMBLE, TreeEncoding.TREE_ENSEMBLE_V3)

# name: depths, targets of each tree, width
FORMS = {
    "one target": ([3] * 5, [[0]] * 5, 1),
    "depths differ": ([0, 1, 6, 3, 2], [[0]] * 5, 1),
    "no split at all": ([0, 0], [[0]] * 2, 1),
    "no tree": ([], [], 2),
    "a tree for each class": ([2] * 6, [[0], [1], [2]] * 2, 3),
    "vector leaves": ([3, 4, 2], [[0, 1, 2]] * 3, 3),
    "linear leaves": ([4, 3, 2, 4], [[0, 1, 3], [0], [0, 2], [1, 3]], 4),
    "linear leaves, all alike": ([4] * 4, [[0, 1], [0, 2], [0, 1], [0, 2]], 3),
    "deeper than a byte": ([10, 9], [[0], [0]], 1),
    "deep with strides": ([7, 7], [[0, 1, 2], [0, 2]], 3),
}


def same(program: Program, encoding: TreeEncoding, exact: bool = True) -> None:
    model = export_onnx(program, OnnxOptions(encoding))
    s.check(model)
    report = check_parity(program, model)
    assert report.skipped == 0
    if exact:
        assert report.largest_difference == 0.0
    else:
        assert report.largest_difference < 1e-6


@pytest.mark.parametrize("encoding", OBLIVIOUS)
@pytest.mark.parametrize("form", FORMS)
def test_forms_of_oblivious_trees(form: str, encoding: TreeEncoding) -> None:
    depths, targets, width = FORMS[form]
    b = s.builder(s.FLOAT_A, s.FLOAT_B)
    bins = s.two_bins(b, (5, 4))
    same(s.regressor(b, s.oblivious(b, bins, depths, targets, width)), encoding)


@pytest.mark.parametrize("form", FORMS)
def test_trees_whose_table_would_be_too_large(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oblivious, "LARGEST_TABLE", 0)
    depths, targets, width = FORMS[form]
    b = s.builder(s.FLOAT_A, s.FLOAT_B)
    bins = s.two_bins(b, (5, 0))
    same(s.regressor(b, s.oblivious(b, bins, depths, targets, width)), TreeEncoding.TENSOR)


@pytest.mark.parametrize("encoding", OBLIVIOUS)
@pytest.mark.parametrize(("dtype", "top"), [(np.int8, 127), (np.int16, 2**15 - 1), (np.int32, 2**28)])
@pytest.mark.parametrize("form", ["one target", "linear leaves", "vector leaves"])
def test_widths_of_leaves(form: str, dtype: type, top: int, encoding: TreeEncoding) -> None:
    depths, targets, width = FORMS[form]
    b = s.builder(s.FLOAT_A, s.FLOAT_B)
    bins = s.two_bins(b, (0, 4))
    program = s.regressor(b, s.oblivious(b, bins, depths, targets, width, dtype, top))
    same(program, encoding, exact=top < 2**24 or encoding is not TreeEncoding.TREE_ENSEMBLE_V3)


@pytest.mark.parametrize("nan_bins", [(0, 0), (5, 4), (2, 0), (7, 1)])
def test_bins_of_categories_in_any_order(nan_bins: tuple[int, int]) -> None:
    b = s.builder(s.FLOAT_A, s.FLOAT_B, s.TEXT_A, s.TEXT_B)
    first = b.add(o.Encode((2,), ("u", "v", "w")))
    second = b.add(o.Encode((3,), ("v", "z")))
    for tables in (([3, 0, 2, 0, 1], [0, 1, 2, 3]), ([0, 0, 1, 2, 2], [4, 2, 1, 0])):
        folded = [
            b.add(o.Lookup((code,), np.array(table, dtype=np.uint8)[:, None]))
            for code, table in zip((first, second), tables, strict=True)
        ]
        for order in ((folded[0], s.two_bins(b, nan_bins)), tuple(folded), (folded[1], folded[0])):
            bins = b.add(o.Concat(order))
            program = s.regressor(b, s.oblivious(b, bins, [3, 5], [[0]] * 2))
            for encoding in OBLIVIOUS:
                same(program, encoding)


@pytest.mark.parametrize("encoding", RAGGED)
@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32])
@pytest.mark.parametrize(("targets", "width"), [((0,), 1), ((0, 1), 2), ((0, 2), 3)])
def test_ragged_trees(targets: tuple[int, ...], width: int, dtype: type, encoding: TreeEncoding) -> None:
    b = s.builder(s.FLOAT_A, s.FLOAT_B)
    both = b.add(o.Concat((0, 1)))
    program = s.regressor(b, s.ragged(b, both, dtype, targets, width))
    same(program, encoding, exact=dtype is not np.int32 or encoding is TreeEncoding.TREE_ENSEMBLE)


@pytest.mark.parametrize("targets", [(0,), (0, 1), (1, 2)])
def test_equal_leaves_are_written_once(targets: tuple[int, ...]) -> None:
    """Whatever trees they are in; the root of a stump whose leaves are equal has two all the same."""
    b = s.builder(s.FLOAT_A, s.FLOAT_B)
    number = b.add(o.Concat((0, 1)))
    trees = b.build({"prediction": s.ragged(b, number, np.int8, targets, 3)}).ops[-1]
    assert isinstance(trees, o.RaggedTrees)
    kinds = replace(trees, leaves=np.resize(np.array([7, -7, 0], dtype=np.int8), trees.leaves.size))
    alike = replace(trees, leaves=np.full_like(trees.leaves, 5))
    for op in (kinds, alike):
        program = b.build({"prediction": b.add(op)})
        same(program, TreeEncoding.TREE_ENSEMBLE)
        model = s.check(export_onnx(program))
        (node,) = [node for node in model.graph.node if node.op_type == "TreeEnsemble"]
        found = {attribute.name: attribute for attribute in node.attribute}
        leaves = list(zip(found["leaf_targetids"].ints, numpy_helper.to_array(found["leaf_weights"].t), strict=True))
        distinct = len(set(leaves))
        assert len(leaves) <= distinct + 2 * len(targets)  # roots of single leaves and of stumps
        evaluator = ReferenceEvaluator(model)
        for row in np.array([[0.5, 3.0], [0.6, 2.0], [-1.0, np.nan], [np.nan, 4.0]], dtype=np.float32):
            inputs = {name: row[i].reshape(1, 1) for i, name in enumerate(evaluator.input_names)}
            answer = evaluate(program, [row[i : i + 1] for i in range(2)])["prediction"]
            np.testing.assert_allclose(evaluator.run(None, inputs)[0], answer, rtol=1e-6)


FORESTS = {
    "one output": Shape(),
    "three outputs": Shape(outputs=3),
    "int16 leaves": Shape(leaf="int16", shared=True),
    "int32 leaves": Shape(leaf="int32"),
    "one tree": Shape(trees=1, leaves=40),
    "stumps and single leaves": Shape(trees=20, leaves=2),
}


@pytest.mark.parametrize("form", FORESTS)
def test_ragged_trees_are_walked(form: str) -> None:
    program = ragged_program(FORESTS[form])
    same(program, TreeEncoding.TENSOR)
    model = s.check(export_onnx(program, OnnxOptions(TreeEncoding.TENSOR)))
    assert not [node for node in model.graph.node if node.op_type.startswith("TreeEnsemble")]


def test_the_evaluator_of_onnx_itself_walks_ragged_trees() -> None:
    """Row by row: it gathers from at most 64 numbers."""
    program = ragged_program(Shape(trees=3, leaves=4, thresholds=2))
    rows = [x[:12] for x in hostile_rows(program, np.random.default_rng(0))]
    evaluator = ReferenceEvaluator(export_onnx(program, OnnxOptions(TreeEncoding.TENSOR)))
    expected = evaluate(program, rows)["prediction"]
    for row in range(12):
        feed = {column.name: x[row : row + 1, None] for column, x in zip(program.columns, rows, strict=True)}
        np.testing.assert_allclose(evaluator.run(None, feed)[0], expected[row : row + 1], rtol=1e-6)


def test_compact_takes_the_smaller_form_of_each_op() -> None:
    for shape in (Shape(trees=2, leaves=4), Shape(trees=100)):
        program = ragged_program(shape)
        same(program, TreeEncoding.COMPACT)
        names = ("compact", "tensor", "tree_ensemble")
        compact, *others = (len(export_onnx(program, OnnxOptions(TreeEncoding(name)))) for name in names)
        assert compact == min(others)
    assert 3 * compact < 2 * others[1]
    b = s.builder(s.FLOAT_A, s.FLOAT_B)
    vectors = s.regressor(b, s.ragged(b, b.add(o.Concat((0, 1))), np.int8, (0, 1), 2))
    same(vectors, TreeEncoding.COMPACT)
    assert TreeEncoding.TENSOR not in usable_encodings(vectors)
    assert TreeEncoding.TENSOR in usable_encodings(program)


def test_tensor_refuses_vectors_as_leaves_by_name() -> None:
    b = s.builder(s.FLOAT_A, s.FLOAT_B)
    program = s.regressor(b, s.ragged(b, b.add(o.Concat((0, 1))), np.int8, (0, 1), 2))
    with pytest.raises(UnsupportedOpError, match=r"RaggedTrees.*'tree_ensemble'"):
        export_onnx(program, OnnxOptions(TreeEncoding.TENSOR))


def test_auto_takes_each_op_its_form() -> None:
    b = s.builder(s.FLOAT_A, s.FLOAT_B)
    both = b.add(o.Concat((0, 1)))
    members = (s.oblivious(b, s.two_bins(b), [2, 2], [[0]] * 2), s.ragged(b, both))
    types = s.node_types(export_onnx(s.regressor(b, b.add(o.Blend(members, s.f32(0.5, 0.5), s.f32(0))))))
    assert types.count("TreeEnsemble") == 1
    assert types.count("MatMulInteger") == 1
