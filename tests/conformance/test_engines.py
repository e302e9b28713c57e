"""Every engine that runs Programs gives what the reference gives. Another engine is one word in `ENGINES`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np
import pytest
from conformance.compare import assert_same, exposed
from conformance.hostile import RUNTIME_ONLY_TEXT, RUNTIME_ONLY_TIMES
from conformance.programs import hostile_inputs, programs, random_program
from conformance.tolerance import ULPS
from hypothesis import given, settings
from hypothesis import strategies as st
from lean_automl_runtime.engines import Engine, RowEngine, available, make_engine
from lean_automl_runtime.ir import LABEL, PREDICTION, PROBABILITIES, Column, ColumnKind, Program, ProgramBuilder
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.reference import evaluate

Array = np.ndarray[Any, np.dtype[Any]]
Make = Callable[[Program], Engine]

INSTALLED: Final = [name for name in ("native", "numba") if available(name)]
ENGINES: Final[dict[str, Make]] = {name: partial(make_engine, name=name) for name in INSTALLED}
BLOCK = 512  # rows: an engine may split batches here, so sizes around it are tried


@pytest.fixture(params=ENGINES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(name: str) -> Make:
    return ENGINES[name]


def rows_of(inputs: list[Array]) -> list[list[Any]]:
    """As `RowEngine.run_one` takes them."""
    return [list(row) for row in zip(*[x.tolist() for x in inputs], strict=True)]


@pytest.mark.parametrize("name", ENGINES)
@settings(max_examples=150, deadline=None)
@given(program=programs(), seed=st.integers(0, 2**16))
def test_outputs_agree_on_hostile_rows(name: str, program: Program, seed: int) -> None:
    inputs = hostile_inputs(program, np.random.default_rng(seed))
    found = ENGINES[name](program).run(inputs)
    assert_same(evaluate(program, inputs), found, max(ULPS[name].values()))


@pytest.mark.parametrize("seed", range(40))
def test_every_value_inside_agrees(name: str, make: Make, seed: int) -> None:
    program = random_program(seed)
    inputs = hostile_inputs(program, np.random.default_rng(seed))
    tolerance = ULPS[name]
    for op, inner in exposed(program):
        after_link = any(isinstance(earlier, o.Link) for earlier in inner.ops[:-1])
        if not (after_link and tolerance["Link"]):
            assert_same(evaluate(inner, inputs), make(inner).run(inputs), tolerance[op])


def test_every_op_is_among_the_values_inside() -> None:
    seen = {op for seed in range(40) for op, _ in exposed(random_program(seed))}
    assert seen == set(o.OPS) - {"Label"}


@pytest.mark.parametrize("rows", [0, 1, 2, 7, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5])
def test_batches_of_any_size(make: Make, rows: int) -> None:
    for seed in (1, 2, 3, 4):
        program = random_program(seed)
        inputs = hostile_inputs(program, np.random.default_rng(seed), rows)
        assert_same(evaluate(program, inputs), make(program).run(inputs))


@pytest.mark.parametrize("seed", range(25))
def test_one_row_equals_the_row_of_a_batch(make: Make, seed: int) -> None:
    program = random_program(seed)
    engine = make(program)
    inputs = hostile_inputs(program, np.random.default_rng(seed), 60)
    batch = engine.run(inputs)
    for row in range(3):
        assert_same({k: v[row : row + 1] for k, v in batch.items()}, engine.run([x[row : row + 1] for x in inputs]))
    if isinstance(engine, RowEngine):
        for row, values in enumerate(rows_of(inputs)):
            answer, probabilities = engine.run_one(values)
            if program.classes:
                assert answer == batch[LABEL][row]
                assert type(answer) is type(program.classes[0])
                assert probabilities == tuple(batch[PROBABILITIES][row].tolist())
            else:
                assert probabilities == ()
                np.testing.assert_equal(answer, float(batch[PREDICTION][row, 0]))


def test_text_that_onnx_cannot_hold(make: Make) -> None:
    builder = ProgramBuilder((Column("word", ColumnKind.TEXT, "string"),))
    code = builder.add(o.Encode((0,), RUNTIME_ONLY_TEXT[::2]))
    table = np.arange(2 + len(RUNTIME_ONLY_TEXT[::2]), dtype=np.float32)[:, None]
    program = builder.build({PREDICTION: builder.add(o.Lookup((code,), table))})
    inputs = [np.array([*RUNTIME_ONLY_TEXT, "", "a", "a\0\0"], dtype=object)]
    assert_same(evaluate(program, inputs), make(program).run(inputs))


def test_rows_of_tables_with_one_number(make: Make) -> None:
    """As those of one-hot codes; -0.0 and NaN are numbers too."""
    table = np.zeros((7, 5), dtype=np.float32)
    table[[0, 2, 3, 4, 5], [1, 0, 4, 2, 3]] = [1.0, 1.0, -0.0, np.nan, -2.5]
    builder = ProgramBuilder(
        (Column("word", ColumnKind.CATEGORICAL, "string"), Column("x", ColumnKind.NUMERIC, "float32"))
    )
    code = builder.add(o.Encode((0,), ("a", "b", "c", "d", "e")))
    number = builder.add(o.Impute((1,), np.zeros(1, dtype=np.float32)))
    parts = (builder.add(o.Lookup((code,), table)), number, builder.add(o.Lookup((code,), table[::-1])))
    program = builder.build({PREDICTION: builder.add(o.Concat(parts))})
    words = np.array(["a", "", "b", "c", "unseen", "d", "e", "a"] * 90, dtype=object)
    inputs = [words, np.linspace(-1, 1, words.size, dtype=np.float32)]
    engine, expected = make(program), evaluate(program, inputs)
    assert_same(expected, engine.run(inputs))
    for row, values in enumerate(rows_of(inputs)[:20] if isinstance(engine, RowEngine) else ()):
        np.testing.assert_equal(engine.run_one(values)[0], tuple(expected[PREDICTION][row].tolist()))


@pytest.mark.parametrize("part", o.DateField)
def test_times_of_the_whole_int64(make: Make, part: o.DateField) -> None:
    builder = ProgramBuilder((Column("at", ColumnKind.DATETIME, "int64"),))
    program = builder.build({PREDICTION: builder.add(o.DatePart((0,), part))})
    anywhere = np.random.default_rng(0).integers(-(2**63), 2**63 - 1, 500)
    inputs = [np.concatenate([np.array(RUNTIME_ONLY_TIMES), anywhere])]
    assert_same(evaluate(program, inputs), make(program).run(inputs))


@pytest.mark.parametrize("kind", o.LinkKind)
def test_links_and_labels_of_scores_that_are_not_finite(make: Make, kind: o.LinkKind) -> None:
    odd = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 88.1, -87.3, 200.0, -200.0, 1e-45], dtype=np.float32)
    grid = np.stack(np.meshgrid(odd, odd, odd), axis=-1).reshape(-1, 3)
    width = 1 if kind is o.LinkKind.SIGMOID else 3
    columns = tuple(Column(f"x{j}", ColumnKind.NUMERIC, "float32") for j in range(width))
    builder = ProgramBuilder(columns)
    scores = builder.add(o.Concat(tuple(range(width))))
    linked = builder.add(o.Link((scores,), kind))
    label = builder.add(o.Label((linked,), ("a", "b", "c")[: max(2, width)], None))
    program = builder.build({LABEL: label, PROBABILITIES: linked})
    inputs = [grid[:, j].copy() for j in range(width)]
    assert_same(evaluate(program, inputs), make(program).run(inputs))


@pytest.mark.parametrize("threshold", [None, 0.5])
def test_labels_of_probabilities_that_are_not_numbers(make: Make, threshold: float | None) -> None:
    odd = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 0.5, 1.0], dtype=np.float32)
    width = 3 if threshold is None else 2
    grid = np.stack(np.meshgrid(*[odd] * width), axis=-1).reshape(-1, width)
    builder = ProgramBuilder(tuple(Column(f"x{j}", ColumnKind.NUMERIC, "float32") for j in range(width)))
    scores = builder.add(o.Concat(tuple(range(width))))
    program = builder.build({LABEL: builder.add(o.Label((scores,), (3, 1, 2)[:width], threshold))})
    inputs = [grid[:, j].copy() for j in range(width)]
    assert_same(evaluate(program, inputs), make(program).run(inputs))


def test_the_largest_bins_and_the_deepest_trees(make: Make) -> None:
    rng = np.random.default_rng(0)
    builder = ProgramBuilder((Column("x", ColumnKind.NUMERIC, "float32"), Column("y", ColumnKind.NUMERIC, "float32")))
    both = builder.add(o.Concat((0, 1)))
    edges = np.arange(2**16 - 1, dtype=np.float32)
    offsets = np.array([0, edges.size, 2 * edges.size], dtype=np.int32)
    bins = builder.add(
        o.Bin((both,), np.concatenate([edges, edges]), offsets, np.array([2**16 - 1, 0], dtype=np.int32))
    )
    depths = np.array([16, 1, 0, 9])
    leaves = 2**depths
    trees = o.ObliviousTrees(
        (bins,),
        leaves=rng.integers(-(2**28), 2**28, int(leaves.sum())).astype(np.int32),
        leaf_offsets=np.concatenate([[0], np.cumsum(leaves)]).astype(np.int32),
        targets=np.zeros(4, dtype=np.int32),
        target_offsets=np.arange(5, dtype=np.int32),
        scale=np.float32([0.001]),
        bias=np.float32([0.25]),
        split_feature=rng.integers(0, 2, int(depths.sum())).astype(np.int32),
        split_bin=rng.choice([0, 255, 256, 30_000, 65_534, 65_535], int(depths.sum())).astype(np.uint16),
        split_offsets=np.concatenate([[0], np.cumsum(depths)]).astype(np.int32),
    )
    program = builder.build({PREDICTION: builder.add(trees)})
    values = rng.choice(np.float32([-1, 0, 0.5, 254.5, 255, 255.5, 30_000, 65_533.5, 65_534, 1e9, np.nan]), (2, 400))
    assert_same(evaluate(program, list(values)), make(program).run(list(values)))


def test_no_multiply_and_add_is_fused(make: Make) -> None:
    rng = np.random.default_rng(1)
    columns = tuple(Column(f"x{j}", ColumnKind.NUMERIC, "float32") for j in range(3))
    builder = ProgramBuilder(columns)
    a = builder.add(o.Concat((0, 1)))
    dot = builder.add(o.Dot((a, 2)))
    program = builder.build({PREDICTION: dot})
    inputs = [rng.normal(0, 1, 2000).astype(np.float32) for _ in range(3)]
    wide = [x.astype(np.float64) for x in inputs]
    fused = (wide[0] + wide[1] * wide[2]).astype(np.float32)
    expected = evaluate(program, inputs)
    assert (expected[PREDICTION][:, 0] != fused).mean() > 0.1  # so that the data would show it
    assert_same(expected, make(program).run(inputs))


def test_inputs_stay_as_they_are_and_may_have_any_layout(make: Make) -> None:
    program = random_program(11)
    inputs = hostile_inputs(program, np.random.default_rng(0), 40)
    odd = [np.repeat(x, 2)[::2] for x in inputs]
    for x in odd:
        x.flags.writeable = False
    before = [x.copy() for x in odd]
    assert_same(evaluate(program, inputs), make(program).run(odd))
    for x, kept in zip(odd, before, strict=True):
        np.testing.assert_array_equal(x, kept)


def test_results_are_not_overwritten_by_the_next_call(make: Make) -> None:
    program = random_program(11)
    engine = make(program)
    first = engine.run(hostile_inputs(program, np.random.default_rng(0), 20))
    kept = {k: v.copy() for k, v in first.items()}
    engine.run(hostile_inputs(program, np.random.default_rng(1), 20))
    assert_same(kept, first)


def test_threads_share_an_engine(make: Make) -> None:
    program = next(p for p in map(random_program, range(50)) if len(p.classes) > 2)
    engine = make(program)
    inputs = hostile_inputs(program, np.random.default_rng(0), 50)
    expected = evaluate(program, inputs)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(20):
                assert_same(expected, engine.run(inputs))
                if isinstance(engine, RowEngine):
                    for row, values in enumerate(rows_of(inputs)):
                        _, probabilities = engine.run_one(values)
                        assert probabilities == tuple(expected[PROBABILITIES][row].tolist())
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
