from __future__ import annotations

import numpy as np
import pytest
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.measure.op_counts import FEATURES, contents_of, count_op, features, walk
from lean_automl_runtime.measure.profile import shape_features
from lean_automl_runtime.measure.reference_programs import make_program, make_records
from lean_automl_runtime.measure.reference_shapes import HELD_OUT_SHAPES, REFERENCE_SHAPES, Shape, adult_like
from lean_automl_runtime.records import RecordReader
from lean_automl_runtime.reference import ReferenceEngine


def test_every_op_has_counts():
    known = set(count_op.registry)
    assert set(o.OPS.values()) <= known


def test_counts_of_an_oblivious_program():
    counts = features(make_program(adult_like(300, 6)))
    assert set(counts) == set(FEATURES)
    assert counts["calls"] == 1
    assert counts["numeric_columns"] == 6
    assert counts["string_columns"] == counts["encodings"] == 8
    assert counts["trees"] == counts["leaf_targets"] == 300
    assert counts["levels"] == 1800
    assert counts["bin_columns"] == 6
    assert counts["bin_steps"] == 6 * 6
    assert counts["exponentials"] == 1
    assert counts["classes"] == 2


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (
            Shape("oblivious", 20, 3, classes=5),
            {"wide_targets": 100, "leaf_targets": 0, "wide_trees": 20, "exponentials": 5, "classes": 5},
        ),
        (Shape("linear_leaves", 20, 3, numeric=6), {"wide_targets": 60, "dot_terms": 6, "wide_trees": 20}),
        (Shape("ragged", 20, 4), {"ragged_trees": 20, "ragged_steps": 80, "ragged_rounds": 12, "ragged_depth": 4}),
        (Shape("tables", 24), {"table_terms": 24, "wide_table_terms": 0, "table_ops": 1}),
        (Shape("tables", 24, classes=5), {"table_terms": 24, "wide_table_terms": 120, "table_ops": 1}),
        (Shape("oblivious", 9, 3, numeric=4, edges=7), {"bin_columns": 4, "bin_steps": 12}),
        (Shape("dense", 16, numeric=10), {"dense_ops": 2, "dense_macs": 176, "dense_inputs": 26}),
        (Shape("dense", 0, numeric=10), {"dense_macs": 10, "dense_inputs": 10}),
        (Shape("dense", 0, numeric=1, times=2), {"time_columns": 2, "time_texts": 2, "date_parts": 8}),
    ],
)
def test_counts_of_each_form(shape, expected):
    counts = features(make_program(shape))
    assert {name: counts[name] for name in expected} == expected


@pytest.mark.parametrize(("whole", "texts"), [(True, 0.0), (False, 1.5)])
def test_times_as_seconds_are_not_parsed(whole, texts):
    shape = Shape("dense", 0, numeric=1, times=2, missing=0.25, whole=whole)
    records = make_records(shape, rows=2_000)
    assert features(make_program(shape), contents_of(records))["time_texts"] == pytest.approx(texts, abs=0.1)


def test_walk_of_an_unbalanced_tree():
    """Root: left is a leaf, right asks again. Two of three leaves are two nodes away; the other tree is a leaf."""
    op = o.RaggedTrees(
        (0,),
        leaves=np.zeros(4, np.int16),
        leaf_offsets=np.array([0, 3, 4], np.int32),
        targets=np.zeros(2, np.int32),
        target_offsets=np.array([0, 1, 2], np.int32),
        scale=np.ones(1, np.float32),
        bias=np.zeros(1, np.float32),
        feature=np.zeros(2, np.int32),
        threshold=np.zeros(2, np.float32),
        left=np.array([~0, ~1], np.int32),
        right=np.array([1, ~2], np.int32),
        nan_left=np.zeros(2, bool),
        roots=np.array([0, ~0], np.int32),
    )
    assert walk(op) == (2, pytest.approx((1 + 2 + 2) / 3), pytest.approx((1 + 2 + 2) / 3))


def test_trees_that_are_walked_together_wait_for_the_deepest_path():
    shape = Shape("uneven", 40, 4)
    counts = features(make_program(shape))
    assert counts["ragged_steps"] / 8 < counts["ragged_rounds"] < 5 * counts["ragged_depth"]
    (op,) = (op for op in make_program(shape).ops if isinstance(op, o.RaggedTrees))
    rng, depths = np.random.default_rng(0), np.zeros((40, 4000))
    paths = [_depths_of_leaves(op, root) for root in op.roots]
    for tree, own in enumerate(paths):
        depths[tree] = rng.choice(own, 4000)
    assert counts["ragged_rounds"] == pytest.approx(depths.reshape(5, 8, -1).max(axis=1).sum(axis=0).mean(), rel=0.02)


def _depths_of_leaves(op, node, depth=0):
    if node < 0:
        return [depth]
    return [*_depths_of_leaves(op, op.left[node], depth + 1), *_depths_of_leaves(op, op.right[node], depth + 1)]


def test_rows_walk_a_little_less_than_counts_say_in_uneven_trees():
    """As in trees that were fitted, whose deepest leaves have the fewest rows."""
    shape = Shape("uneven", 80, 5, numeric=16)
    program, records = make_program(shape), make_records(shape, rows=200)
    (op,) = (op for op in program.ops if isinstance(op, o.RaggedTrees))
    values = np.array([[np.nan if row[f"n{i}"] is None else row[f"n{i}"] for i in range(16)] for row in records])
    at, visited = np.tile(op.roots, (len(values), 1)), 0
    while (walking := at >= 0).any():
        row, _ = walking.nonzero()
        node = at[walking]
        x = values[row, op.feature[node]]
        goes_left = np.where(np.isnan(x), op.nan_left[node], x <= op.threshold[node])
        at[walking] = np.where(goes_left, op.left[node], op.right[node])
        visited += node.size
    assert 0.7 < visited / len(values) / walk(op)[1] < 1.0


def test_names_say_what_is_unusual():
    assert Shape("oblivious", 30, 4).name == "oblivious 30 x 4, columns 8/0/0"
    assert Shape("tables", 16, classes=5, edges=7).name == "tables 16, columns 8/0/0, 5 classes, 7 edges"
    assert Shape("dense", 0, missing=0.5, letters=7).name == "dense 0, columns 8/0/0, 50 % missing, 7 letters"


def test_what_records_hold_is_counted():
    shape = Shape("oblivious", 10, 2, numeric=3, categorical=2, missing=0.4, letters=30)
    program, records = make_program(shape), make_records(shape)
    held, usual = features(program, contents_of(records)), features(program)
    assert held["missing_values"] == pytest.approx(5 * 0.4, abs=0.2)
    assert held["text_bytes"] == pytest.approx(2 * 0.6 * (len("category 10") + 30), rel=0.1)
    assert usual["missing_values"] == 0
    changed = {"missing_values", "objects", "text_bytes", "encodings", "encode_steps"}
    assert {name for name in held if held[name] != usual[name]} == changed
    assert held["encodings"] == pytest.approx(0.6 * usual["encodings"], rel=0.1)
    assert held["objects"] == pytest.approx(5 * 0.6, abs=0.2)
    assert contents_of([]) == {}


def test_reference_programs_are_valid_and_always_the_same():
    names = [shape.name for shape in (*REFERENCE_SHAPES, *HELD_OUT_SHAPES)]
    assert len(set(names)) == len(names)
    from lean_automl_runtime.ir import digest

    shape = REFERENCE_SHAPES[-1]
    assert digest(make_program(shape)) == digest(make_program(shape)) != digest(make_program(shape, seed=1))
    assert make_records(shape, rows=3) == make_records(shape, rows=3)


@pytest.mark.parametrize("shape", [*REFERENCE_SHAPES, *HELD_OUT_SHAPES], ids=lambda shape: shape.name)
def test_reference_programs_answer_their_records(shape):
    program = make_program(shape)
    outputs = ReferenceEngine(program).run(RecordReader(program.columns).table(make_records(shape, rows=20)))
    answers = outputs["prediction" if shape.classes == 1 else "probabilities"]
    assert answers.shape == (20, shape.classes)
    assert np.isfinite(answers).all()


def test_every_feature_is_moved_by_at_least_three_reference_programs():
    matrix = np.array([list(shape_features(shape).values()) for shape in REFERENCE_SHAPES])
    moved = (matrix > 0).sum(axis=0)
    assert moved.min() >= 3, dict(zip(FEATURES, moved, strict=True))
