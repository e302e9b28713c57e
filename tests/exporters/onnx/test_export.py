"""What the file is: its nodes, names, versions, metadata and size."""

import json
import subprocess
import sys

import lean_automl_runtime.engines.onnx
import numpy as np
import onnx
import onnx_small as s
import pytest
from lean_automl_exporters.hostile import hostile_rows
from lean_automl_exporters.onnx import OnnxOptions, TreeEncoding, encoding_sizes, export_onnx
from lean_automl_runtime.engines.onnx import OnnxEngine
from lean_automl_runtime.errors import ExportError, MissingDependencyError
from lean_automl_runtime.ir import Column, ColumnKind, Program
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.reference import evaluate
from onnx.reference import ReferenceEvaluator
from onnx_adult import adult_like


def text_classifier(column: str = "s", category: str = "a", classes: tuple[object, ...] = ("x", "y")) -> Program:
    b = s.builder(Column(column, ColumnKind.CATEGORICAL, "string"))
    code = b.add(o.Encode((0,), (category,)))
    return s.classifier(b, b.add(o.Lookup((code,), s.f32([0], [1], [2]))), classes)


def test_nodes_of_a_program_like_adults() -> None:
    golden = """
        Concat Unsqueeze LessOrEqual Cast ReduceSum
        Concat LabelEncoder Cast Add Cast Gather
        Concat Add
        ConstantOfShape Expand Cast Div Mod Reshape Mul Cast Add Add Reshape Cast ScatterElements CumSum Cast
        Gather MatMulInteger
        Cast Add Cast Reshape GatherElements Reshape ReduceSum
        Mul Add Sigmoid ArgMax Gather
    """
    assert s.node_types(export_onnx(adult_like())) == golden.split()


def test_a_file_has_old_versions_and_raw_columns() -> None:
    proto = s.check(export_onnx(adult_like()))
    assert proto.ir_version == 8
    assert {op.domain: op.version for op in proto.opset_import} == {"": 17, "ai.onnx.ml": 3}
    assert [i.name for i in proto.graph.input][:2] == ["age", "fnlwgt"]
    for port, kind in ((proto.graph.input[0], onnx.TensorProto.FLOAT), (proto.graph.input[7], onnx.TensorProto.STRING)):
        assert port.type.tensor_type.elem_type == kind
        assert [d.dim_param or d.dim_value for d in port.type.tensor_type.shape.dim] == ["N", 1]
    label, probabilities = proto.graph.output
    assert (label.name, label.type.tensor_type.elem_type) == ("label", onnx.TensorProto.STRING)
    assert [d.dim_param or d.dim_value for d in label.type.tensor_type.shape.dim] == ["N"]
    assert [d.dim_param or d.dim_value for d in probabilities.type.tensor_type.shape.dim] == ["N", 2]


def test_only_tree_ensembles_need_a_newer_domain() -> None:
    for encoding, version in ((TreeEncoding.TREE_ENSEMBLE, 5), (TreeEncoding.TREE_ENSEMBLE_V3, 3)):
        proto = s.check(export_onnx(adult_like(trees=3), OnnxOptions(encoding)))
        assert {op.domain: op.version for op in proto.opset_import}["ai.onnx.ml"] == version
    b = s.builder(s.FLOAT_A)
    plain = s.check(export_onnx(s.classifier(b, 0, (0, 1))))
    assert [op.domain for op in plain.opset_import] == [""]


def test_shapes_are_inferred_for_every_value() -> None:
    proto = onnx.shape_inference.infer_shapes(s.check(export_onnx(adult_like(trees=5))), strict_mode=True)
    known = {info.name: len(info.type.tensor_type.shape.dim) for info in proto.graph.value_info}
    made = {name for node in proto.graph.node for name in node.output} - {"label", "probabilities"}
    assert made == set(known)


def test_metadata_says_what_the_engine_reads() -> None:
    program = text_classifier("größe", "日本", (3, 1))
    model = export_onnx(program, metadata={"auc": 0.9, "note": "ü"})
    notes = {p.key: p.value for p in onnx.load_from_string(model).metadata_props}
    assert json.loads(notes["lean_automl.columns"]) == [["größe", "categorical", "string"]]
    engine = OnnxEngine(model)
    assert engine.columns == program.columns
    assert engine.classes == (3, 1)
    assert engine.metadata == {"auc": 0.9, "note": "ü"}


@pytest.mark.parametrize("name", ["label", "probabilities", "a", "b", "c", "N", "g", "input name with / and :0"])
def test_a_column_may_have_any_name(name: str) -> None:
    program = text_classifier(name)
    model = export_onnx(program)
    proto = s.check(model)
    assert proto.graph.input[0].name == name
    rows = [np.array(["a", "", "q"], dtype=object)]
    found, expected = OnnxEngine(model).run(rows), evaluate(program, rows)
    assert found.keys() == expected.keys()
    assert found["label"].tolist() == expected["label"].tolist()


def test_columns_without_use_stay_inputs() -> None:
    b = s.builder(s.FLOAT_A, s.TEXT_A, s.TIME)
    model = export_onnx(s.regressor(b, b.add(o.Impute((0,), s.f32(1)))))
    rows = [s.f32(np.nan, 2), np.array(["x", ""], dtype=object), np.array([0, 1])]
    assert OnnxEngine(model).run(rows)["prediction"].tolist() == [[1.0], [2.0]]


def test_one_value_may_be_two_outputs() -> None:
    b = s.builder(s.FLOAT_A)
    value = b.add(o.Impute((0,), s.f32(1)))
    model = export_onnx(b.build({"prediction": value, "probabilities": value}))
    s.check(model)
    found = OnnxEngine(model).run([s.f32(5)])
    assert found["prediction"] == found["probabilities"] == [[5.0]]


def test_no_rows_give_no_rows() -> None:
    program = adult_like(trees=4)
    found = OnnxEngine(export_onnx(program)).run(
        [np.empty(0, dtype=object if i > 5 else np.float32) for i in range(14)]
    )
    assert found["label"].shape == (0,)
    assert found["probabilities"].shape == (0, 2)


def test_the_same_program_gives_the_same_bytes() -> None:
    assert export_onnx(adult_like(trees=7)) == export_onnx(adult_like(trees=7))


@pytest.mark.parametrize(
    "program",
    [text_classifier(column="\ud800"), text_classifier(category="a\udfff"), text_classifier(classes=("\ud800", "y"))],
)
def test_text_that_onnx_cannot_hold_is_refused(program: Program) -> None:
    with pytest.raises(ExportError, match="not valid Unicode"):
        export_onnx(program)


def test_without_onnx_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingDependencyError, match="pip install"):
        export_onnx(text_classifier())


def test_importing_the_exporter_loads_neither_onnx_nor_onnxruntime() -> None:
    code = "import sys, lean_automl_exporters.onnx; print(sorted({'onnx', 'onnxruntime'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_large_tables_run_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    program = adult_like(trees=4)
    engine = OnnxEngine(export_onnx(program))
    rows = hostile_rows(program, np.random.default_rng(0))
    at_once = engine.run(rows)
    monkeypatch.setattr(lean_automl_runtime.engines.onnx, "ROWS_AT_ONCE", 7)
    in_parts = engine.run(rows)
    assert all(np.array_equal(at_once[name], in_parts[name]) for name in at_once)


@pytest.mark.parametrize("encoding", ["tensor", "tree_ensemble", "tree_ensemble_v3"])
def test_the_evaluator_of_onnx_itself_reads_the_file_alike(encoding: str) -> None:
    program = adult_like(trees=3, depth=3, classes=("a", "b", "c"))
    rows = [x[:40] for x in hostile_rows(program, np.random.default_rng(0))]
    evaluator = ReferenceEvaluator(export_onnx(program, OnnxOptions(TreeEncoding(encoding))))
    feed = {column.name: x[:, None] for column, x in zip(program.columns, rows, strict=True)}
    label, probabilities = evaluator.run(None, feed)
    expected = evaluate(program, rows)
    assert np.allclose(probabilities, expected["probabilities"], atol=1e-6)
    assert label.tolist() == expected["label"].tolist()


# --- size ---------------------------------------------------------------------------------------------------


def test_leaves_are_nearly_all_of_the_file() -> None:
    """300 trees of depth 6: 38,400 bytes of leaves, 2,100 of splits; the rest is small, and stays so."""
    assert len(export_onnx(adult_like())) < 38_400 + 2_100 + 6_500
    assert len(export_onnx(adult_like(dtype=np.int8))) < 19_200 + 2_100 + 6_500


def test_sizes_of_encodings() -> None:
    program = adult_like(trees=30)
    sizes = encoding_sizes(program)
    for encoding, size in sizes.items():
        assert len(export_onnx(program, OnnxOptions(encoding))) == size
    assert list(sizes) == ["auto", "tensor", "tree_ensemble", "tree_ensemble_v3"]
    assert 3 * sizes[TreeEncoding.TENSOR] < sizes[TreeEncoding.TREE_ENSEMBLE]
    assert 2 * sizes[TreeEncoding.TREE_ENSEMBLE] < sizes[TreeEncoding.TREE_ENSEMBLE_V3]
    assert list(encoding_sizes(text_classifier())) == ["auto"]


def test_nothing_is_stored_twice() -> None:
    proto = onnx.load_from_string(export_onnx(adult_like(classes=("a", "b", "c"))))
    contents = [(t.data_type, tuple(t.dims), t.raw_data, tuple(t.string_data)) for t in proto.graph.initializer]
    assert len(set(contents)) == len(contents)
    used = {name for node in proto.graph.node for name in node.input}
    assert {t.name for t in proto.graph.initializer} <= used
    assert not any(node.name or node.doc_string for node in proto.graph.node)
