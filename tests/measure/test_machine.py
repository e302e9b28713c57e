from __future__ import annotations

import json
import os

import numpy as np
import pytest
from lean_automl_runtime.measure import machine
from lean_automl_runtime.measure.channel import guarded, pin
from lean_automl_runtime.measure.cold import peak_memory_mb
from lean_automl_runtime.measure.machine import (
    Machine,
    cache_polluter,
    l2_bytes,
    quiet_core,
    thread_environment,
)


def test_the_machine_knows_itself():
    here = Machine.here()
    assert here.cpu
    assert here.packages["numpy"] == np.__version__
    assert Machine(**json.loads(json.dumps(here.to_json()))) == here


def test_threads_of_every_library_are_set():
    environment = thread_environment(1)
    assert {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"} <= set(environment)
    assert set(environment.values()) == {"1"}


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="cores cannot be chosen here")
def test_the_core_that_was_idle_most_is_chosen(monkeypatch):
    readings = iter([{0: 100, 1: 100, 2: 0}, {0: 103, 1: 101, 2: 50}])
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    assert quiet_core(0.0, lambda: next(readings)) == 0
    assert quiet_core(0.0, dict) == 1  # nothing known: the last one, since most programs start on the first


def test_no_core_where_cores_cannot_be_chosen(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    assert quiet_core(0.0) is None
    assert pin(0) is None


def test_pinning_is_optional_and_may_fail():
    assert pin(-1) is None
    assert pin(100_000) is None


def test_pollution_exceeds_l2(monkeypatch):
    monkeypatch.setattr(machine, "_read", lambda _: "64K")
    assert l2_bytes(0) == 64 * 1024
    buffer = cache_polluter(0)()
    assert isinstance(buffer, np.ndarray)
    assert buffer.nbytes == 4 * 64 * 1024
    monkeypatch.setattr(machine, "_read", lambda _: None)
    assert l2_bytes(None) == machine.DEFAULT_L2_BYTES


def test_memory_is_plausible_or_unknown():
    peak = peak_memory_mb()
    assert peak is None or 5 < peak < 100_000


def test_errors_of_ours_become_facts_and_others_escape(tmp_path):
    from lean_automl_runtime.errors import DataError

    def fail():
        raise DataError("no rows")

    assert guarded(str(tmp_path), fail) == 1
    assert json.loads((tmp_path / "facts.json").read_text()) == {"error": ["DataError", "no rows"]}
    assert guarded(str(tmp_path), lambda: {"a": 1}) == 0
    with pytest.raises(ZeroDivisionError):
        guarded(str(tmp_path), lambda: {"a": 1 / 0})


def test_priority_is_taken_only_where_that_is_allowed(monkeypatch):
    from lean_automl_runtime.measure import channel

    monkeypatch.setattr(channel.os, "sched_setscheduler", lambda *_: None, raising=False)
    assert channel.take_priority() == "real-time"

    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(channel.os, "sched_setscheduler", refuse, raising=False)
    assert channel.take_priority() == "usual"
