from __future__ import annotations

import json
from pathlib import Path

import pytest
from lean_automl_runtime import Artifact, write_artifact
from lean_automl_runtime.measure.reference_programs import make_program, make_records
from lean_automl_runtime.measure.reference_shapes import Shape
from lean_automl_runtime.measure.sampling import Tools

TINY = Shape("oblivious", 3, 2, numeric=2, categorical=1, times=1)


class FakeClock:
    """Nanoseconds that pass only when somebody says so, and by `cost` with each reading."""

    def __init__(self, cost: int = 0) -> None:
        self.now = 0
        self.cost = cost

    def __call__(self) -> int:
        self.now += self.cost
        return self.now

    def advance(self, ns: int) -> None:
        self.now += ns


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def tools(clock) -> Tools:
    """The fake clock, always on the core, and a control kernel of 25 us."""
    return Tools(clock=clock, cpu_clock=lambda: clock.now, control=lambda: clock.advance(25_000))


@pytest.fixture(scope="session")
def records() -> list[dict]:
    return make_records(TINY, rows=40)


@pytest.fixture(scope="session")
def artifact(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("artifact") / "tiny.lam"
    path.write_bytes(write_artifact(Artifact(make_program(TINY))))
    return path


@pytest.fixture(scope="session")
def rows_file(tmp_path_factory, records) -> Path:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    path.write_text("\n".join(json.dumps(record) for record in records), encoding="utf-8")
    return path
