"""Every rule of the IR refuses what breaks it: one case a rule, changed from an op that is valid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from lean_automl_runtime.errors import InternalError, VerifyError
from lean_automl_runtime.ir import Column, ColumnKind, Program
from lean_automl_runtime.ir import ops as o

COLUMNS = (
    Column("x", ColumnKind.NUMERIC, "float32"),
    Column("y", ColumnKind.NUMERIC, "float32"),
    Column("d", ColumnKind.NUMERIC, "float64"),
    Column("s", ColumnKind.CATEGORICAL, "string"),
    Column("t", ColumnKind.DATETIME, "int64"),
)
X, Y, D, S, T = range(5)


def f32(*values: float) -> Any:
    return np.array(values, dtype=np.float32)


def i32(*values: int) -> Any:
    return np.array(values, dtype=np.int32)


PRELUDE = (
    o.Encode((S,), ("a", "b")),
    o.Concat((X, Y)),
    o.Bin((6,), f32(0, 1, 5), i32(0, 2, 3), i32(0, 3)),
    o.Lookup((5,), np.array([[0], [1], [2], [2]], dtype=np.uint8)),
)
CODE, XY, BINS, BIN = 5, 6, 7, 8  # levels: 4; -; 3 and 4; 3

FOREST = {
    "leaves": np.array([1, -2, 3, 4, 5, 6], dtype=np.int8),
    "leaf_offsets": i32(0, 2, 6),
    "targets": i32(1, 0, 1),
    "target_offsets": i32(0, 1, 3),
    "scale": f32(1, 1),
    "bias": f32(0, 0),
}
VALID: dict[str, o.Op] = {
    "Rescale": o.Rescale((D,), 0.5, 2.0),
    "DatePart": o.DatePart((T,), o.DateField.HOUR),
    "Encode": o.Encode((S,), ("a", "b")),
    "TextCount": o.TextCount((S,), o.TextField.WORDS),
    "TokenScore": o.TokenScore((S,), ("a", "a b"), np.int8([[1, 2], [3, 4]]), f32(1, 1), f32(0, 0), 9),
    "Cross": o.Cross((CODE, BIN), 3),
    "Lookup": o.Lookup((CODE,), np.zeros((4, 2), dtype=np.float32)),
    "Arithmetic": o.Arithmetic((X, Y), o.ArithmeticKind.ADD),
    "WithConstant": o.WithConstant((XY,), o.ArithmeticKind.DIVIDE, f32(2.5, 1), True),
    "Impute": o.Impute((XY,), f32(1, 2)),
    "Clip": o.Clip((XY,), f32(0, 0), f32(1, 0)),
    "Concat": o.Concat((X, XY)),
    "Bin": o.Bin((XY,), f32(0, 1, 5), i32(0, 2, 3), i32(0, 3)),
    "ObliviousTrees": o.ObliviousTrees(
        (BINS,),
        **FOREST,
        split_feature=i32(0, 1),
        split_bin=np.array([1, 2], dtype=np.uint8),
        split_offsets=i32(0, 1, 2),
    ),
    "RaggedTrees": o.RaggedTrees(
        (XY,),
        **(FOREST | {"leaves": np.array([1, -2, 3, 4, 5, 6, 7, 8], dtype=np.int16), "leaf_offsets": i32(0, 2, 8)}),
        feature=i32(0, 1, 0),
        threshold=f32(0.5, 1.5, 2.5),
        left=i32(~0, 2, ~0),
        right=i32(~1, ~2, ~1),
        nan_left=np.array([True, False, True]),
        roots=i32(0, 1),
    ),
    "TableSum": o.TableSum(
        (BINS,),
        terms=i32(0, -1, 1, 0).reshape(2, 2),
        strides=i32(1, 3),
        offsets=i32(0, 3, 15),
        values=np.ones((15, 2), dtype=np.int16),
        scale=f32(1, 1),
        bias=f32(0, 0),
    ),
    "Dense": o.Dense((XY,), np.zeros((2, 3), dtype=np.float32), f32(0, 0, 0), o.Activation.RELU),
    "Dot": o.Dot((XY, X)),
    "Blend": o.Blend((XY, XY), f32(0.5, 0.5), f32(0, 0)),
    "Link": o.Link((XY,), o.LinkKind.SOFTMAX),
    "Label": o.Label((XY,), ("a", "b"), 0.5),
}
SINGLE_LEAF = {
    "leaves": np.array([1], dtype=np.int8),
    "leaf_offsets": i32(0, 1),
    "targets": i32(0),
    "target_offsets": i32(0, 1),
    "scale": f32(1),
    "bias": f32(0),
    "feature": i32(),
    "threshold": f32(),
    "left": i32(),
    "right": i32(),
    "nan_left": np.array([], dtype=np.bool_),
}
TOO_MUCH = np.array([2**31 - 1, 1, 3, 4, 5, 6], dtype=np.int32)

CASES: list[tuple[str, dict[str, Any], str]] = [
    ("Rescale", {"inputs": (X,)}, "takes float64, got float32"),
    ("Rescale", {"inputs": (D, D)}, "takes one input, got 2"),
    ("Rescale", {"scale": 0.0}, "not usable"),
    ("Rescale", {"scale": -1.0}, "not usable"),
    ("Rescale", {"scale": float("nan")}, "not usable"),
    ("Rescale", {"shift": float("inf")}, "not usable"),
    ("DatePart", {"inputs": (D,)}, "takes int64"),
    ("DatePart", {"part": "century"}, "not a date field"),
    ("Encode", {"inputs": (X,)}, "takes string"),
    ("Encode", {"categories": ("a", "")}, "empty or not a string"),
    ("Encode", {"categories": ("a", 1)}, "empty or not a string"),
    ("Encode", {"categories": ("a", "a")}, "repeat"),
    ("TextCount", {"inputs": (X,)}, "takes string"),
    ("TextCount", {"field": "vowels"}, "not a text field"),
    ("TokenScore", {"inputs": (X,)}, "takes string"),
    ("TokenScore", {"tokens": ("a", "B")}, "not one or two small words"),
    ("TokenScore", {"tokens": ("a", "b  c")}, "not one or two small words"),
    ("TokenScore", {"tokens": ("a", "b c d")}, "not one or two small words"),
    ("TokenScore", {"tokens": ("a", "x" * 65)}, "not one or two small words"),
    ("TokenScore", {"tokens": ("a", "")}, "not one or two small words"),
    ("TokenScore", {"tokens": ("a", "a")}, "repeat"),
    ("TokenScore", {"tokens": ("a",)}, "shape"),
    ("TokenScore", {"weights": np.int32([[1, 2], [3, 4]])}, "dtype"),
    ("TokenScore", {"bias": f32(0)}, "shape"),
    ("TokenScore", {"scale": f32(), "bias": f32(), "weights": np.zeros((2, 0), np.int8)}, "writes no column"),
    ("TokenScore", {"limit": 0}, "limit is 0"),
    ("TokenScore", {"limit": 2**29}, "can leave int32"),
    ("Cross", {"inputs": (CODE,)}, "takes two inputs, got 1"),
    ("Cross", {"inputs": (CODE, X)}, "takes code or bin, got float32"),
    ("Cross", {"inputs": (CODE, BINS)}, "takes width 1"),
    ("Cross", {"stride": 4}, "stride is 4, not 3"),
    ("Lookup", {"inputs": (X,)}, "takes code or bin"),
    ("Lookup", {"inputs": (BINS,)}, "takes width 1"),
    ("Lookup", {"table": f32(0, 0, 0, 0)}, "not a matrix"),
    ("Lookup", {"table": np.zeros((4, 0), dtype=np.float32)}, "not a matrix"),
    ("Lookup", {"table": np.zeros((3, 1), dtype=np.float32)}, "shape"),
    ("Lookup", {"table": np.zeros((4, 1))}, "dtype float64"),
    ("Arithmetic", {"inputs": (X,)}, "takes two inputs"),
    ("Arithmetic", {"inputs": (X, XY)}, "takes width 1"),
    ("Arithmetic", {"inputs": (CODE, CODE)}, "takes float32"),
    ("Arithmetic", {"kind": "power"}, "not an arithmetic kind"),
    ("WithConstant", {"inputs": (X, Y)}, "takes one input"),
    ("WithConstant", {"inputs": (CODE,)}, "takes float32"),
    ("WithConstant", {"kind": "power"}, "not an arithmetic kind"),
    ("WithConstant", {"constant": f32(1)}, "shape"),
    ("WithConstant", {"constant": np.zeros(2)}, "dtype"),
    ("WithConstant", {"constant": f32(1, np.inf)}, "not finite"),
    ("WithConstant", {"constant": f32(np.nan, 1)}, "not finite"),
    ("WithConstant", {"constant_first": 1}, "neither true nor false"),
    ("Impute", {"inputs": (BINS,)}, "takes float32"),
    ("Impute", {"fill": f32(1)}, "shape"),
    ("Impute", {"fill": np.zeros(2)}, "dtype"),
    ("Clip", {"inputs": (D,)}, "takes float32"),
    ("Clip", {"low": f32(0)}, "shape"),
    ("Clip", {"high": f32(0)}, "shape"),
    ("Clip", {"low": f32(0, 1)}, "low is above high"),
    ("Clip", {"high": f32(1, np.nan)}, "or NaN"),
    ("Concat", {"inputs": ()}, "at least one input"),
    ("Concat", {"inputs": (X, BIN)}, "takes float32, got bin"),
    ("Concat", {"inputs": (CODE, CODE)}, "cannot join code"),
    ("Bin", {"inputs": (BINS,)}, "takes float32"),
    ("Bin", {"edges": np.zeros(3)}, "dtype"),
    ("Bin", {"edges": f32(0, 1, np.nan)}, "an edge is NaN"),
    ("Bin", {"edges": f32(1, 1, 5)}, "edges of column 0 do not ascend"),
    ("Bin", {"offsets": i32(0, 3)}, "shape"),
    ("Bin", {"offsets": i32(1, 2, 3)}, "do not span"),
    ("Bin", {"offsets": i32(0, 2, 2)}, "do not span"),
    ("Bin", {"edges": f32(0), "offsets": i32(0, 2, 1)}, "offsets descend"),
    ("Bin", {"offsets": np.array([0, 2, 3])}, "dtype int64"),
    ("Bin", {"nan_bin": i32(0)}, "shape"),
    ("Bin", {"nan_bin": i32(0, -1)}, "nan_bin of column 1 is negative"),
    ("Bin", {"nan_bin": i32(0, 2**16)}, "more than 65,536 bins"),
    ("ObliviousTrees", {"inputs": (XY,)}, "takes bin"),
    ("ObliviousTrees", {"leaves": np.zeros(6, dtype=np.int64)}, "dtype int64"),
    ("ObliviousTrees", {"leaves": np.zeros((6, 1), dtype=np.int8)}, "shape"),
    ("ObliviousTrees", {"leaf_offsets": i32(0, 2, 5)}, "do not span"),
    ("ObliviousTrees", {"leaf_offsets": i32(0, 3, 6)}, "too few or too many leaves"),
    ("ObliviousTrees", {"target_offsets": i32(0, 3, 3)}, "a tree has no target"),
    ("ObliviousTrees", {"target_offsets": i32(0, 3)}, "shape"),
    ("ObliviousTrees", {"targets": i32(1, 0, 2)}, "target is out of range"),
    ("ObliviousTrees", {"targets": i32(-1, 0, 1)}, "target is out of range"),
    ("ObliviousTrees", {"targets": i32(1, 1, 0)}, "targets of a tree do not ascend"),
    ("ObliviousTrees", {"targets": np.array([1, 0, 1])}, "dtype int64"),
    ("ObliviousTrees", {"scale": f32(), "bias": f32()}, "writes no column"),
    ("ObliviousTrees", {"bias": f32(0)}, "shape"),
    ("ObliviousTrees", {"scale": np.zeros(2)}, "dtype float64"),
    ("ObliviousTrees", {"leaves": TOO_MUCH}, "sum of leaves can leave int32"),
    ("ObliviousTrees", {"split_feature": i32(0, 2)}, "a split reads no column"),
    ("ObliviousTrees", {"split_feature": i32(0, -1)}, "a split reads no column"),
    ("ObliviousTrees", {"split_feature": np.array([0, 1])}, "dtype int64"),
    ("ObliviousTrees", {"split_bin": i32(1, 2)}, "dtype int32"),
    ("ObliviousTrees", {"split_bin": np.array([1], dtype=np.uint8)}, "shape"),
    ("ObliviousTrees", {"split_offsets": i32(0, 1)}, "do not span"),
    ("ObliviousTrees", {"split_offsets": i32()}, "offsets are empty"),
    (
        "ObliviousTrees",
        {"split_feature": i32(*[0] * 17), "split_bin": np.zeros(17, np.uint8), "split_offsets": i32(0, 17, 17)},
        "deeper than 16",
    ),
    ("RaggedTrees", {"inputs": (BINS,)}, "takes float32"),
    ("RaggedTrees", {"feature": i32(0, 1, 2)}, "a node reads no column"),
    ("RaggedTrees", {"threshold": f32(0, 1)}, "shape"),
    ("RaggedTrees", {"threshold": f32(0, 1, np.nan)}, "a threshold is NaN"),
    ("RaggedTrees", {"nan_left": i32(1, 0, 1)}, "dtype int32"),
    ("RaggedTrees", {"left": i32(~0, 1, ~0)}, "a child precedes its node"),
    ("RaggedTrees", {"left": i32(~0, 3, ~0)}, "a child precedes its node"),
    ("RaggedTrees", {"left": i32(~0, ~0, ~0)}, "not reached exactly once"),
    ("RaggedTrees", {"right": i32(~1, 2, ~1)}, "not reached exactly once"),
    ("RaggedTrees", {"roots": i32(0, 3)}, "a root is not a node"),
    ("RaggedTrees", {"roots": i32(1, 0)}, "roots do not ascend"),
    ("RaggedTrees", {"left": i32(2, ~0, ~0)}, "a tree reaches into another one"),
    ("RaggedTrees", {"right": i32(~1, ~3, ~1)}, "a leaf number is out of range"),
    ("RaggedTrees", SINGLE_LEAF | {"roots": i32(~1)}, "a tree of one leaf names another leaf"),
    ("RaggedTrees", {"leaf_offsets": i32(0, 4, 8)}, "too few or too many leaves"),
    ("TableSum", {"inputs": (XY,)}, "takes bin"),
    ("TableSum", {"terms": i32(0, -1)}, "shape"),
    ("TableSum", {"terms": i32(2, -1, 1, 0).reshape(2, 2)}, "a term reads no column"),
    ("TableSum", {"terms": i32(-1, -1, 1, 0).reshape(2, 2)}, "a term reads no column"),
    ("TableSum", {"terms": i32(0, -2, 1, 0).reshape(2, 2)}, "a term reads no column"),
    ("TableSum", {"strides": i32(1, 4)}, "stride of term 1 is 4, not 3"),
    ("TableSum", {"strides": i32(2, 3)}, "stride of term 0 is 2, not 1"),
    ("TableSum", {"offsets": i32(0, 4, 15)}, "table of term 0 has 4 rows"),
    ("TableSum", {"offsets": i32(0, 3, 14)}, "do not span"),
    ("TableSum", {"values": np.ones((15, 1), dtype=np.int16)}, "shape"),
    ("TableSum", {"values": np.ones((15, 2), dtype=np.uint8)}, "dtype uint8"),
    ("TableSum", {"values": np.int32(5)}, "not a matrix"),
    ("TableSum", {"values": np.full((15, 2), 2**30, dtype=np.int32)}, "sum of tables can leave int32"),
    ("TableSum", {"values": np.full((15, 2), -(2**31), dtype=np.int32)}, "sum of tables can leave int32"),
    ("TableSum", {"scale": f32(1)}, "shape"),
    ("TableSum", {"bias": f32(1)}, "shape"),
    ("Dense", {"inputs": (BINS,)}, "takes float32"),
    ("Dense", {"weight": f32(1, 2)}, "not a matrix"),
    ("Dense", {"weight": np.zeros((3, 3), dtype=np.float32)}, "shape"),
    ("Dense", {"weight": np.zeros((2, 3))}, "dtype"),
    ("Dense", {"bias": f32(0)}, "shape"),
    ("Dense", {"activation": "tanh"}, "not an activation"),
    ("Dot", {"inputs": (XY,)}, "takes two inputs"),
    ("Dot", {"inputs": (XY, XY)}, "takes width 3"),
    ("Dot", {"inputs": (BINS, X)}, "takes float32"),
    ("Dot", {"inputs": (XY, BIN)}, "takes float32"),
    ("Blend", {"inputs": ()}, "at least one input"),
    ("Blend", {"inputs": (XY, X)}, "takes width 2"),
    ("Blend", {"weights": f32(1)}, "shape"),
    ("Blend", {"bias": f32(1)}, "shape"),
    ("Link", {"inputs": (BINS,)}, "takes float32"),
    ("Link", {"kind": "probit"}, "not a link"),
    ("Link", {"kind": o.LinkKind.SIGMOID}, "sigmoid takes width 1"),
    ("Label", {"classes": ("a", "b", "c"), "threshold": None}, "takes width 3"),
    ("Label", {"classes": ("a", 1)}, "not of one type"),
    ("Label", {"classes": (0.5, 1.5)}, "not strings, integers or booleans"),
    ("Label", {"classes": ("a", "a")}, "classes repeat"),
    ("Label", {"classes": (0, 2**63)}, "int64"),
    ("Label", {"threshold": float("nan")}, "threshold is not usable"),
    ("Label", {"threshold": "0.5"}, "threshold is not usable"),
]


def _program(op: o.Op) -> Program:
    """The op after the prelude, and something that can be an output."""
    value = len(COLUMNS) + len(PRELUDE) + 1
    ops = (*PRELUDE, op, o.Concat((X,)))
    return Program(COLUMNS, ops, {"prediction": value})


@pytest.mark.parametrize("name", o.OPS)
def test_the_op_that_cases_start_from_is_valid(name: str) -> None:
    _program(VALID[name])


@pytest.mark.parametrize(("name", "changes", "problem"), CASES)
def test_a_malformed_op_is_refused(name: str, changes: dict[str, Any], problem: str) -> None:
    op = replace(VALID[name], **changes)
    with pytest.raises(VerifyError, match=problem) as caught:
        _program(op)
    assert f"%{len(COLUMNS) + len(PRELUDE)} {name}: " in str(caught.value)


def test_every_op_has_a_case() -> None:
    assert {name for name, _, _ in CASES} == set(o.OPS)


def test_a_threshold_takes_two_classes() -> None:
    three = o.Concat((X, Y, X))
    label = o.Label((5,), ("a", "b", "c"), 0.5)
    with pytest.raises(VerifyError, match="a threshold takes two classes"):
        Program(COLUMNS, (three, label), {"label": 6})


def test_crosses_stay_within_the_limit_of_levels() -> None:
    many = o.Encode((S,), tuple(f"c{i}" for i in range(4095)))
    with pytest.raises(VerifyError, match="16785409 levels are more than"):
        Program(COLUMNS, (many, o.Cross((5, 5), 4097)), {"prediction": 6})


def test_values_stay_within_the_limit_of_columns() -> None:
    doubling = tuple(o.Concat((number, number)) for number in (X, *range(5, 30)))
    with pytest.raises(VerifyError, match="columns are more than"):
        Program(COLUMNS, doubling, {"prediction": 5})


def test_an_op_from_elsewhere_is_refused() -> None:
    class Foreign(o.Op):
        pass

    with pytest.raises(VerifyError, match="not an op of the IR"):
        _program(Foreign((X,)))


@pytest.mark.parametrize("inputs", [(9,), (10,), (-1,)])
def test_an_op_reads_what_comes_before_it(inputs: tuple[int, ...]) -> None:
    with pytest.raises(VerifyError, match="reads a value that does not come before it"):
        _program(o.Concat(inputs))


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ((Column("", ColumnKind.NUMERIC, "float32"),), "empty or repeat"),
        ((COLUMNS[0], COLUMNS[0]), "empty or repeat"),
        ((Column(5, ColumnKind.NUMERIC, "float32"),), "not text"),  # type: ignore[arg-type]
        ((Column("a", ColumnKind.NUMERIC, "string"),), "numeric cannot be stored as string"),
        ((Column("a", ColumnKind.BOOLEAN, "float64"),), "boolean cannot be stored as float64"),
        ((Column("a", ColumnKind.DATETIME, "float64"),), "datetime cannot be stored as float64"),
    ],
)
def test_malformed_columns_are_refused(columns: tuple[Column, ...], problem: str) -> None:
    with pytest.raises(VerifyError, match=problem):
        Program(columns, (o.Concat((0,)),), {"prediction": len(columns)})


@pytest.mark.parametrize(
    ("outputs", "problem"),
    [
        ({}, "needs an output"),
        ({"score": 6}, "output 'score' is not one of"),
        ({"prediction": X}, "output 'prediction' names no op"),
        ({"prediction": 99}, "output 'prediction' names no op"),
        ({"prediction": BINS}, r"output 'prediction' is bin\[2\]"),
        ({"label": XY}, r"output 'label' is float32\[2\]"),
    ],
)
def test_malformed_outputs_are_refused(outputs: dict[str, int], problem: str) -> None:
    with pytest.raises(VerifyError, match=problem):
        Program(COLUMNS, PRELUDE, outputs)


def test_a_broken_program_is_our_bug() -> None:
    assert issubclass(VerifyError, InternalError)


@pytest.mark.parametrize("make", [lambda a: a, lambda a: a[::2], np.asfortranarray])
def test_arrays_of_an_op_cannot_be_changed(make: Callable[[Any], Any]) -> None:
    source = np.zeros((8, 2), dtype=np.float32)
    op = o.Lookup((CODE,), make(source))
    source[:] = 7
    assert not op.table.any()
    assert op.table.flags.c_contiguous
    with pytest.raises(ValueError, match="read-only"):
        op.table[0, 0] = 1
