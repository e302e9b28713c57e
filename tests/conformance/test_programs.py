import numpy as np
import pytest
from conformance.programs import hostile_inputs, random_program
from lean_automl_runtime.ir import PROBABILITIES, digest
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.reference import evaluate

SEEDS = range(150)


def test_every_op_occurs() -> None:
    occurring = {op.name for seed in SEEDS for op in random_program(seed).ops}
    assert occurring == set(o.OPS)


def test_a_seed_names_one_program() -> None:
    assert digest(random_program(5)) == digest(random_program(5))
    assert digest(random_program(5)) != digest(random_program(6))


@pytest.mark.parametrize("seed", SEEDS)
def test_classifiers_have_finite_probabilities_on_hostile_rows(seed: int) -> None:
    program = random_program(seed)
    outputs = evaluate(program, hostile_inputs(program, np.random.default_rng(seed)))
    if program.classes:
        assert np.isfinite(outputs[PROBABILITIES]).all()


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_inputs_have_the_rows_that_were_asked_for(rows: int) -> None:
    program = random_program(3)
    assert {x.shape for x in hostile_inputs(program, np.random.default_rng(0), rows)} == {(rows,)}


def test_inputs_lie_on_and_beside_every_edge() -> None:
    hit = 0
    for seed in SEEDS:
        program = random_program(seed, 2)
        inputs = hostile_inputs(program, np.random.default_rng(seed))
        for op in program.ops:
            if isinstance(op, o.Bin) and op.inputs[0] < len(program.columns):
                column = inputs[op.inputs[0]]
                if column.dtype == np.float32 and column.size < 400 and op.edges.size:
                    for edge in op.edges:
                        for value in (
                            edge,
                            np.nextafter(edge, np.float32(np.inf)),
                            np.nextafter(edge, -np.float32(np.inf)),
                        ):
                            boolean = set(np.unique(column[~np.isnan(column)])) <= {0.0, 1.0}
                            assert boolean or value in column
                    hit += 1
    assert hit > 5
