"""The target `c`: what a compiled header costs and predicts."""

from __future__ import annotations

import math
import shutil
from typing import Any

import numpy as np
import pytest
from lean_automl_exporters.hostile import hostile_rows
from lean_automl_runtime.measure import MeasureOptions
from lean_automl_runtime.measure.guard import Control
from lean_automl_runtime.measure.reference_programs import make_program, make_records
from lean_automl_runtime.measure.reference_shapes import Shape

from lean_automl.config import Constraints
from lean_automl.errors import ConfigError, MeasurementError, ParityError, ToolchainError
from lean_automl.student import header
from lean_automl.student.deploy import Deployment, choose_deployment
from lean_automl.student.header import check_header, header_bytes, header_text, measure_header

COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C compiler: install gcc or clang")
EVERY_KIND = Shape("oblivious", 10, 3, numeric=2, categorical=2, times=2)
HEADER = Deployment({"model.h": "c"})


@needs_compiler
def test_a_header_is_measured_as_files_are() -> None:
    program, records = make_program(EVERY_KIND), make_records(EVERY_KIND, rows=60)
    text = header_text(program, few_bytes=True)
    found = measure_header(program, text, records, MeasureOptions(budget_s=0.02, bounded=0.9, max_attempts=1))
    assert (found.artifact, found.engine, found.distinct_rows) == ("model.h", "c", 60)
    assert 0 < found.total.p50.value_us <= found.upper_us(0.9) < math.inf
    assert found.size_bytes == header_bytes(text) < header_bytes(header_text(program))
    assert found.to_json()["launches"][0]["control"]["samples"] > 0
    batch = measure_header(program, text, records, MeasureOptions(budget_s=0.02, batch_size=500, max_attempts=1))
    assert batch.total.p50.value_us > 20 * found.total.p50.value_us


@needs_compiler
def test_a_program_that_takes_too_long_is_a_measurement_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    program, records = make_program(EVERY_KIND), make_records(EVERY_KIND, rows=60)
    text = header_text(program)
    with pytest.raises(MeasurementError, match=r"model\.h: timer did not end within 0\.01 s"):
        measure_header(program, text, records, MeasureOptions(budget_s=1.0, timeout_s=0.01))
    monkeypatch.setattr(header, "_control", lambda _: Control(0, 0.0, 0.0, 0.0, 1.0))  # never holds still
    monkeypatch.setattr(header, "_raw", lambda run, _: run)
    monkeypatch.setattr(header, "pool", lambda raws, *_: raws[0][1])
    attempts = [
        measure_header(program, text, records, MeasureOptions(budget_s=0.05, longest_s=longest_s))
        for longest_s in (0.05, 9.0)
    ]
    assert attempts == [1, 3]


@needs_compiler
def test_the_size_is_that_of_code_and_tables() -> None:
    sizes = [header_bytes(header_text(make_program(Shape("oblivious", trees, 6)))) for trees in (10, 110)]
    assert 100 * 64 < sizes[1] - sizes[0] < 100 * 200  # leaves of a byte or two, and 6 splits
    assert HEADER.sizes(make_program(Shape("oblivious", 10, 6))) == {"model.h": sizes[0]}


@needs_compiler
def test_a_header_that_predicts_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    program = make_program(EVERY_KIND)
    rows = hostile_rows(program, np.random.default_rng(0))
    text = header_text(program)
    check_header(program, text, rows)
    right = header.evaluate

    def wrong(*arguments: Any) -> dict[str, Any]:
        outputs = right(*arguments)
        return {**outputs, "probabilities": outputs["probabilities"] + np.float32(1e-7)}

    monkeypatch.setattr(header, "evaluate", wrong)
    with pytest.raises(ParityError, match="another probabilities than the reference"):
        check_header(program, text, rows)


@needs_compiler
def test_a_small_limit_on_size_makes_headers_of_few_bytes() -> None:
    program, records = make_program(EVERY_KIND), make_records(EVERY_KIND, rows=60)
    found = {}
    for limit in (4_000, 100_000):
        deployment, _ = choose_deployment("c", program.columns, records, Constraints(max_size_bytes=limit))
        found[limit] = deployment.contents(program)["model.h"].decode()
    assert found == {4_000: header_text(program, few_bytes=True), 100_000: header_text(program)}


@needs_compiler
def test_a_header_ships_with_the_artifact_that_it_comes_from() -> None:
    program, records = make_program(EVERY_KIND), make_records(EVERY_KIND, rows=60)
    found, lines = choose_deployment("c", program.columns, records, Constraints(max_latency_us=1e6))
    assert (found.engines, found.files, lines) == ({"model.h": "c"}, ("model.h", "model.lam"), ())
    assert set(found.contents(program)) == {"model.h", "model.lam"}
    cost = found.footprint(program, records, Constraints(max_latency_us=1e6))
    assert cost.sizes.keys() == cost.latency_us.keys() == {"model.h"}
    with pytest.raises(ConfigError, match="--max-memory-mb"):
        choose_deployment("c", program.columns, records, Constraints(max_memory_bytes=1e9))


def test_without_a_compiler_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(ToolchainError, match=r"'no-such-compiler' that CC names was found, .*Install gcc or clang"):
        choose_deployment("c", make_program(EVERY_KIND).columns, [], Constraints())
