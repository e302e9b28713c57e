"""Run by `test_tables`: the portable variant against the reference."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from conformance.compare import assert_same
from conformance.programs import hostile_inputs, random_program
from lean_automl_runtime import _native
from lean_automl_runtime.engines import make_engine
from lean_automl_runtime.reference import evaluate

assert _native.variant == "portable"
for seed in range(60):
    program = random_program(seed, 1 + seed % 8)
    inputs = hostile_inputs(program, np.random.default_rng(seed))
    assert_same(evaluate(program, inputs), make_engine(program, "native").run(inputs))
