"""Files that take a matrix of features: the cut of a Program, and the graph behind it."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_small as s
import pytest
from conformance.compare import assert_same
from conformance.programs import hostile_inputs, programs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lean_automl_exporters.onnx import (
    Inputs,
    OnnxOptions,
    TreeEncoding,
    export_checked,
    export_onnx,
    usable_encodings,
)
from lean_automl_exporters.ordinary import ordinary_rows
from lean_automl_exporters.split import split_program
from lean_automl_runtime.engines import ENGINES, available, make_engine
from lean_automl_runtime.engines.onnx import METADATA_TRANSFORM, OnnxEngine
from lean_automl_runtime.errors import ArtifactError, UnsupportedOpError
from lean_automl_runtime.ir import Program
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.reference import evaluate
from onnx_adult import adult_like

FEATURES = OnnxOptions(inputs=Inputs.FEATURES)
SLOW = settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))


@given(program=programs(), seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
def test_the_halves_give_the_bits_of_the_whole(program: Program, seed: int) -> None:
    split = split_program(program)
    rows = hostile_inputs(program, np.random.default_rng(seed))
    matrix = evaluate(split.transform, rows)["prediction"]
    assert matrix.shape == (rows[0].shape[0], len(split.model.columns))
    assert_same(evaluate(program, rows), evaluate(split.model, [np.ascontiguousarray(x) for x in matrix.T]))
    for engine in [name for name in ENGINES if available(name) and name != "numba"]:
        assert_same({"prediction": matrix}, make_engine(split.transform, engine).run(rows))


@given(program=programs(), seed=st.integers(0, 2**32 - 1))
@SLOW
def test_every_encoding_agrees_with_the_reference(program: Program, seed: int) -> None:
    rows = hostile_inputs(program, np.random.default_rng(seed))
    for encoding in usable_encodings(program):
        model, report = export_checked(program, [rows], OnnxOptions(encoding, Inputs.FEATURES), seed=seed)
        assert report.rows > rows[0].shape[0]
        assert len(onnx.load_from_string(model).graph.input) == 1


def test_the_graph_has_no_features_of_its_own() -> None:
    """Neither text nor look-ups are left, and trees read a bin of each column."""
    program = adult_like(trees=20)
    split = split_program(program)
    assert len(split.model.columns) == len(program.columns)
    assert [op.name for op in split.model.ops] == ["Concat", "Bin", "ObliviousTrees", "Link", "Label"]
    graph = onnx.load_from_string(export_onnx(program, FEATURES)).graph
    (port,) = graph.input
    assert port.name == "features"
    assert port.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    assert port.type.tensor_type.shape.dim[1].dim_value == len(program.columns)
    texts = [i for i in graph.initializer if i.data_type == onnx.TensorProto.STRING]
    assert all(set(i.string_data) <= {b"<=50K", b">50K"} for i in texts)


@pytest.mark.parametrize("encoding", ["tree_ensemble", "tree_ensemble_v3"])
def test_nodes_compare_features_themselves(encoding: str) -> None:
    program = adult_like(trees=20)
    model, _ = export_checked(program, [], OnnxOptions(TreeEncoding(encoding), Inputs.FEATURES))
    first = onnx.load_from_string(model).graph.node[0]
    assert first.op_type.startswith("TreeEnsemble")
    assert list(first.input) == ["features"]


def test_a_split_that_only_nan_passes() -> None:
    """Bin 7 of a column with two edges is that of NaN alone; no row has one above it."""
    b = s.builder(s.FLOAT_A)
    bins = s.single_bin(b, 0, [0.0, 1.0], nan_bin=7)
    trees = o.ObliviousTrees(
        (bins,),
        leaves=np.arange(8, dtype=np.int16),
        leaf_offsets=s.i32([0, 8]),
        targets=s.i32([0]),
        target_offsets=s.i32([0, 1]),
        scale=s.f32(1),
        bias=s.f32(0),
        split_feature=s.i32([0, 0, 0]),
        split_bin=np.array([1, 4, 7], dtype=np.uint8),
        split_offsets=s.i32([0, 3]),
    )
    program = s.regressor(b, b.add(trees))
    for encoding in usable_encodings(program):
        engine = OnnxEngine(export_checked(program, [], OnnxOptions(encoding))[0])
        found = engine.run([s.f32(0.5, 1.0, 1.5, np.inf, np.nan)])
        assert found["prediction"][:, 0].tolist() == [0, 0, 1, 1, 3]


def test_a_column_that_is_read_twice_is_there_once() -> None:
    b = s.builder(s.FLOAT_A, s.FLOAT_B)
    both = b.add(o.Concat((0, 1)))
    swapped = b.add(o.Concat((1, 0)))
    weight = np.ones((2, 1), dtype=np.float32)
    dense = b.add(o.Dense((swapped,), weight, np.zeros(1, dtype=np.float32), o.Activation.RELU))
    trees = s.ragged(b, both)
    sum_of = b.add(o.Blend((dense, trees), np.ones(2, dtype=np.float32), np.zeros(1, dtype=np.float32)))
    program = s.regressor(b, sum_of)
    assert len(split_program(program).model.columns) == 2
    export_checked(program, [], FEATURES)


def test_an_answer_that_is_a_feature() -> None:
    b = s.builder(s.DOUBLE)
    program = s.regressor(b, b.add(o.Rescale((0,), 1.0, 0.5)))
    export_checked(program, [], FEATURES)


def test_an_output_keeps_its_name_beside_a_column_of_that_name() -> None:
    column = s.Column("features", s.ColumnKind.NUMERIC, "float32")
    b = s.builder(column, s.FLOAT_B)
    program = s.regressor(b, s.ragged(b, b.add(o.Concat((0, 1)))))
    engine = OnnxEngine(export_onnx(program, FEATURES))
    assert [c.name for c in engine.columns] == ["features", s.FLOAT_B.name]
    assert list(engine.run([np.ones(3, dtype=np.float32)] * 2)) == ["prediction"]


def test_too_many_levels_for_a_bin() -> None:
    b = s.builder(s.TEXT_A, s.TEXT_B, s.FLOAT_A)
    codes = [b.add(o.Encode((i,), tuple(f"c{j}" for j in range(298)))) for i in (0, 1)]
    pair = b.add(o.Cross((codes[0], codes[1]), 300))
    weight = np.ones((1, 1), dtype=np.float32)
    dense = b.add(o.Dense((2,), weight, np.zeros(1, dtype=np.float32), o.Activation.IDENTITY))
    scored = s.single_bin(b, dense, [0.0])
    crossed = b.add(o.Cross((pair, scored), 2))
    program = s.regressor(b, b.add(o.Lookup((crossed,), np.zeros((180_000, 1), dtype=np.float32))))
    with pytest.raises(UnsupportedOpError, match="90,000 levels"):
        split_program(program)


@pytest.mark.parametrize("damage", [b"AAAA", b"!"])
def test_features_that_cannot_be_made(damage: bytes) -> None:
    proto = onnx.load_from_string(export_onnx(adult_like(trees=2), FEATURES))
    (note,) = [note for note in proto.metadata_props if note.key == METADATA_TRANSFORM]
    note.value = damage.decode()
    with pytest.raises(ArtifactError, match="the features of this ONNX file cannot be made"):
        OnnxEngine(proto.SerializeToString())


@given(program=programs(), seed=st.integers(0, 2**32 - 1))
@SLOW
def test_ordinary_rows_are_typed(program: Program, seed: int) -> None:
    rows = ordinary_rows(program, np.random.default_rng(seed), 50)
    assert [x.dtype for x in rows] == [np.dtype(object if c.dtype == "string" else c.dtype) for c in program.columns]
    assert all(x.shape == (50,) for x in rows)
    evaluate(program, rows)


def test_ordinary_rows_lie_between_all_edges() -> None:
    program = adult_like(trees=2)
    rows = ordinary_rows(program, np.random.default_rng(0), 2000)
    (edges,) = [op.edges.reshape(6, 40) for op in program.ops if isinstance(op, o.Bin)]
    for own, values in zip(edges, rows, strict=False):
        assert 0 < np.isnan(values).mean() < 0.05
        assert set(np.searchsorted(own, values[~np.isnan(values)])) == set(range(41))
    assert set(rows[7]) >= {"", "never seen", "?"}
