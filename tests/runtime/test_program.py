"""Text form, digest, bytes and builder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conformance.compare import assert_same
from conformance.programs import hostile_inputs, programs, random_program
from hypothesis import given, settings
from lean_automl_runtime.ir import (
    PREDICTION,
    Column,
    ColumnKind,
    Program,
    ProgramBuilder,
    digest,
    from_bytes,
    prune,
    to_bytes,
    to_text,
)
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.reference import evaluate

GOLDEN = Path(__file__).parent / "golden"


def test_text_form(classifier: Program) -> None:
    assert to_text(classifier) == (GOLDEN / "classifier.txt").read_text(encoding="utf-8")


@settings(max_examples=60, deadline=None)
@given(program=programs())
def test_every_program_has_a_text_form(program: Program) -> None:
    lines = to_text(program).splitlines()
    assert len(lines) == len(program.columns) + len(program.ops) + len(program.outputs)


def test_long_arrays_of_every_type_have_a_text_form() -> None:
    nodes = 9
    trees = o.RaggedTrees(
        (0,),
        leaves=np.zeros(2 * nodes, dtype=np.int8),
        leaf_offsets=np.arange(0, 2 * nodes + 1, 2, dtype=np.int32),
        targets=np.zeros(nodes, dtype=np.int32),
        target_offsets=np.arange(nodes + 1, dtype=np.int32),
        scale=np.ones(1, dtype=np.float32),
        bias=np.zeros(1, dtype=np.float32),
        feature=np.zeros(nodes, dtype=np.int32),
        threshold=np.zeros(nodes, dtype=np.float32),
        left=np.full(nodes, -1, dtype=np.int32),
        right=np.full(nodes, -2, dtype=np.int32),
        nan_left=np.arange(nodes) % 2 == 0,
        roots=np.arange(nodes, dtype=np.int32),
    )
    program = Program((Column("x", ColumnKind.NUMERIC, "float32"),), (trees,), {PREDICTION: 1})
    assert "nan_left=bool<9>[0..1]" in to_text(program)


def test_digest_stays_the_same(classifier: Program, regressor: Program) -> None:
    # A change here means that every artifact out there gets another digest: raise FORMAT_VERSION.
    assert digest(classifier) == "25a21cb8074d1554dbfd44382571c616c18f1daf8e9436e02d10f9c2798409e8"
    assert digest(regressor) == "fa7bddeeed30a47119550460733f134104580c4e11e6ce18d786b4bb329ac4ba"


@settings(max_examples=80, deadline=None)
@given(program=programs())
def test_bytes_are_canonical_and_lossless(program: Program) -> None:
    head, block = to_bytes(program)
    again = from_bytes(head, block)
    assert to_bytes(again) == (head, block)
    assert to_text(again) == to_text(program)
    assert (again.columns, again.outputs, again.types) == (program.columns, program.outputs, program.types)
    inputs = hostile_inputs(program, np.random.default_rng(0), 20)
    assert_same(evaluate(program, inputs), evaluate(again, inputs))


def test_digest_does_not_depend_on_byte_order_layout_or_order_of_outputs() -> None:
    columns = (Column("x", ColumnKind.NUMERIC, "float32"),)
    weight = np.arange(6, dtype=np.float32).reshape(1, 6)
    ops = [
        o.Dense((0,), w, np.zeros(6, dtype=np.float32), o.Activation.IDENTITY)
        for w in (weight, np.asfortranarray(weight), weight.astype(">f4"), np.repeat(weight, 2, axis=1)[:, ::2])
    ]
    assert len({digest(Program(columns, (op,), {PREDICTION: 1})) for op in ops}) == 1
    several = [
        Program(columns, (ops[0], o.Link((1,), o.LinkKind.SOFTMAX)), outputs)
        for outputs in ({PREDICTION: 1, "probabilities": 2}, {"probabilities": 2, PREDICTION: 1})
    ]
    assert digest(several[0]) == digest(several[1])


@pytest.mark.parametrize(
    "change",
    [
        lambda p: Program((replace(p.columns[0], name="Age"), *p.columns[1:]), p.ops, p.outputs),
        lambda p: Program(p.columns, (*p.ops[:-1], replace(p.ops[-1], classes=("no", "Yes"))), p.outputs),
        lambda p: Program(p.columns, (*p.ops[:-1], replace(p.ops[-1], threshold=0.5)), p.outputs),
        lambda p: Program(p.columns, (replace(p.ops[0], categories=("b", "größer", "日本")), *p.ops[1:]), p.outputs),
    ],
)
def test_digest_depends_on_content(change: object, classifier: Program) -> None:
    assert digest(change(classifier)) != digest(classifier)  # type: ignore[operator]


def test_builder_adds_equal_ops_once() -> None:
    builder = ProgramBuilder((Column("a", ColumnKind.CATEGORICAL, "string"), Column("b", ColumnKind.TEXT, "string")))
    first = builder.add(o.Encode((0,), ("u", "v")))
    assert builder.add(o.Encode((0,), ("u", "v"))) == first
    assert builder.add(o.Encode((1,), ("u", "v"))) != first
    assert builder.add(o.Encode((0,), ("v", "u"))) != first
    zeros = [builder.add(o.Lookup((first,), np.zeros((4, 1), dtype=d))) for d in (np.uint8, np.uint16, np.uint8)]
    assert zeros[0] == zeros[2] != zeros[1]
    minus = builder.add(o.Lookup((first,), np.full((4, 1), -0.0, dtype=np.float32)))
    assert builder.add(o.Lookup((first,), np.zeros((4, 1), dtype=np.float32))) != minus


def test_building_drops_what_no_output_needs_and_keeps_columns() -> None:
    builder = ProgramBuilder((Column("a", ColumnKind.NUMERIC, "float32"), Column("b", ColumnKind.NUMERIC, "float32")))
    builder.add(o.Impute((0,), np.float32([1])))
    kept = builder.add(o.Impute((1,), np.float32([2])))
    builder.add(o.Concat((0, kept)))
    doubled = builder.add(o.Arithmetic((kept, kept), o.ArithmeticKind.ADD))
    program = builder.build({PREDICTION: doubled})
    assert [op.name for op in program.ops] == ["Impute", "Arithmetic"]
    assert program.ops[1].inputs == (2, 2)
    assert len(program.columns) == 2
    assert program.outputs == {PREDICTION: 3}
    again = prune(program.columns, program.ops, program.outputs)
    assert digest(again) == digest(program)


def test_pruning_does_not_change_answers() -> None:
    for seed in range(20):
        program = random_program(seed)
        extra = (
            (*program.ops, o.Concat((len(program.columns) + len(program.ops) - 1,) * 2))
            if not program.classes
            else program.ops
        )
        pruned = prune(program.columns, extra, program.outputs)
        inputs = hostile_inputs(program, np.random.default_rng(seed), 20)
        assert_same(evaluate(program, inputs), evaluate(pruned, inputs))


def test_names_of_columns(classifier: Program) -> None:
    builder = ProgramBuilder(classifier.columns)
    assert builder.column("job") == 2
    with pytest.raises(KeyError):
        builder.column("jobs")


def test_classes(classifier: Program, regressor: Program) -> None:
    assert classifier.classes == ("no", "yes")
    assert regressor.classes == ()
