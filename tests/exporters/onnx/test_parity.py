"""The check of exported files: it finds what is wrong, and passes what only rounds."""

import numpy as np
import onnx
import onnx_small as s
import pytest
from conformance.programs import hostile_inputs, programs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lean_automl_exporters.hostile import hostile_rows
from lean_automl_exporters.onnx import (
    OnnxOptions,
    TreeEncoding,
    check_parity,
    encoding_sizes,
    export_checked,
    export_onnx,
)
from lean_automl_runtime.errors import ParityError
from lean_automl_runtime.ir import Program
from lean_automl_runtime.ir import ops as o
from onnx import numpy_helper
from onnx_adult import adult_like


def ragged_classifier() -> Program:
    b = s.builder(s.FLOAT_A, s.FLOAT_B)
    return s.classifier(b, s.ragged(b, b.add(o.Concat((0, 1)))), ("no", "yes"))


def changed(model: bytes, dtype: str, position: slice, by: int) -> bytes:
    """The file with one number of its largest constant of that dtype changed."""
    proto = onnx.load_from_string(model)
    largest = max(
        (t for t in proto.graph.initializer if numpy_helper.to_array(t).dtype == dtype), key=lambda t: len(t.raw_data)
    )
    array = numpy_helper.to_array(largest).copy()
    array.reshape(-1)[position] += by
    largest.raw_data = array.tobytes()
    return proto.SerializeToString()


def test_a_good_file_passes_on_given_and_hostile_rows() -> None:
    program = adult_like(trees=20)
    rows = hostile_inputs(program, np.random.default_rng(0), 50)
    _, report = export_checked(program, [rows, rows])
    assert report.rows > 100
    assert report.labels > 0.9 * report.rows
    assert report.numbers == 2 * report.rows
    assert 0 < report.largest_difference <= report.largest_bound < 2e-6


def test_a_wrong_leaf_is_found_and_its_row_shown() -> None:
    b = s.builder(s.FLOAT_A, s.FLOAT_B)
    program = s.regressor(b, s.oblivious(b, s.two_bins(b), [3] * 4, [[0]] * 4))
    with pytest.raises(ParityError, match=r"hostile rows; worst in row \d+, column 0 of 'prediction'.*'größe \(cm\)'"):
        check_parity(program, changed(export_onnx(program), "int16", slice(0, 8), 1))


def test_an_edge_that_is_one_ulp_off_is_found() -> None:
    b = s.builder(s.FLOAT_A)
    bins = s.single_bin(b, 0, (0.1, 0.7))
    program = s.regressor(b, b.add(o.Lookup((bins,), s.f32([0], [1], [2]))))
    proto = onnx.load_from_string(export_onnx(program))
    (edges,) = (t for t in proto.graph.initializer if 0.1 in numpy_helper.to_array(t).round(6) and len(t.raw_data) == 8)
    edges.raw_data = np.nextafter(s.f32(0.1, 0.7), np.float32(1)).tobytes()
    with pytest.raises(ParityError):
        check_parity(program, proto.SerializeToString())


def test_a_wrong_label_is_found() -> None:
    program = ragged_classifier()
    model = export_onnx(program)
    with pytest.raises(ParityError, match="'label'"):
        check_parity(program, model.replace(b"\x03yes", b"\x03YES"))  # in the classes, not in the metadata


def test_a_file_of_another_program_is_refused() -> None:
    b = s.builder(s.FLOAT_A, s.FLOAT_B)
    other = s.classifier(b, s.ragged(b, b.add(o.Concat((1, 0)))), ("no", "maybe"))
    with pytest.raises(ParityError, match="other columns or classes"):
        check_parity(other, export_onnx(ragged_classifier()))


def test_hostile_rows_lie_on_and_beside_each_threshold() -> None:
    program = ragged_classifier()
    rows = hostile_rows(program, np.random.default_rng(0))
    for column, thresholds in ((0, (0.5, -1e-45)), (1, (0.0, 3.0))):
        for threshold in np.float32(thresholds):
            for value in (threshold, np.nextafter(threshold, np.float32(9)), np.nextafter(threshold, np.float32(-9))):
                assert value in rows[column]
        assert np.isnan(rows[column]).any()


def test_hostile_rows_of_rescaled_columns_reach_their_edges() -> None:
    b = s.builder(s.DOUBLE)
    edge = np.float32(1.5)
    scaled = b.add(o.Rescale((0,), 1.7e9, 1 / 3600))
    bins = s.single_bin(b, scaled, (edge,))
    program = s.regressor(b, b.add(o.Lookup((bins,), s.f32([0], [1]))))
    (rows,) = hostile_rows(program, np.random.default_rng(0))
    reached = ((rows - 1.7e9) / 3600).astype(np.float32)
    assert {edge, np.nextafter(edge, np.float32(2)), np.nextafter(edge, np.float32(1))} <= set(reached.tolist())


def test_sums_that_round_have_a_bound() -> None:
    b = s.builder(s.FLOAT_A, s.FLOAT_B)
    bins = s.two_bins(b)
    program = s.regressor(b, s.oblivious(b, bins, [5] * 20, [[0]] * 20, dtype=np.int32, top=2**26))
    exact = check_parity(program, export_onnx(program, OnnxOptions(TreeEncoding.TREE_ENSEMBLE)))
    rounded = check_parity(program, export_onnx(program, OnnxOptions(TreeEncoding.TREE_ENSEMBLE_V3)))
    assert exact.largest_bound == 0.0
    assert 0 < rounded.largest_difference < rounded.largest_bound


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(program=programs(), seed=st.integers(0, 1000))
def test_random_programs_agree_in_every_encoding(program: Program, seed: int) -> None:
    rows = hostile_inputs(program, np.random.default_rng(seed))
    for encoding in encoding_sizes(program):
        model = export_onnx(program, OnnxOptions(encoding))
        onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
        check_parity(program, model, [rows], seed)
