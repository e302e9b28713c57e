import math
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from lean_automl.search.workers import Workers, load_shared

# Every function that runs in a process must be importable by name there, so the standard library provides them.
SOON = 60.0


def deadline(seconds: float = SOON) -> float:
    return time.monotonic() + seconds


@pytest.fixture(scope="module")
def workers():
    with Workers(2) as made:
        assert made.wait_until_ready(deadline(600.0))
        yield made


def only(workers: Workers):
    (job,) = workers.wait()
    return job


def test_a_call_returns_its_value(workers: Workers) -> None:
    workers.start(pow, (2, 10), deadline(), "tag")
    job = only(workers)
    assert (job.value, job.error, job.tag) == (1024, None, "tag")
    assert workers.free == 2


def test_waiting_for_the_server_ends_when_it_must() -> None:
    with Workers(1) as made:
        assert not made.wait_until_ready(time.monotonic())


def test_an_exception_is_that_calls_failure(workers: Workers) -> None:
    workers.start(int, ("x",), deadline())
    assert "ValueError" in str(only(workers).error)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_a_crash_costs_one_call(workers: Workers, number: signal.Signals) -> None:
    workers.start(signal.raise_signal, (number,), deadline(), "crash")
    workers.start(pow, (3, 2), deadline(), "good")
    ended = {}
    while len(ended) < 2:
        ended.update({job.tag: job for job in workers.wait()})
    assert number.name in str(ended["crash"].error)
    assert ended["good"].value == 9


def test_an_exit_without_an_answer_is_a_failure(workers: Workers) -> None:
    workers.start(os._exit, (7,), deadline())
    assert "exit code 7" in str(only(workers).error)


def test_a_hang_is_stopped_after_its_deadline(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lean_automl.search.workers.GRACE_S", 0.0)
    workers.start(time.sleep, (600,), deadline(3.0))
    assert "longer than it may" in str(only(workers).error)


def test_what_begins_too_late_is_told_so(workers: Workers) -> None:
    workers.start(time.sleep, (600,), deadline(-1.0))
    assert only(workers).error == "stopped: there was no time left for it when it began"


def test_one_who_waits_for_the_learners_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lean_automl.search.workers.PATIENCE_S", 0.0)
    told: list[int] = []
    with Workers(1) as fresh:
        assert fresh.wait_until_ready(time.monotonic() + 600, lambda: told.append(1))
        assert fresh.wait_until_ready(time.monotonic() + 600)
    assert told == [1]


def test_what_is_killed_is_gone(workers: Workers) -> None:
    workers.start(time.sleep, (600,), deadline(), "a")
    workers.start(time.sleep, (600,), deadline(), "b")
    workers.kill(["a"])
    assert workers.free == 1
    workers.kill()
    assert workers.free == 2
    assert workers.wait() == []


def test_a_result_that_cannot_be_pickled_is_a_failure(workers: Workers) -> None:
    workers.start(sys._getframe, (), deadline())
    assert only(workers).error is not None


def test_a_large_result_arrives_whole(workers: Workers) -> None:
    workers.start(np.arange, (3_000_000,), deadline())
    assert only(workers).value[-1] == 2_999_999


def test_shared_values_are_loaded_in_processes(workers: Workers) -> None:
    path = workers.share({"x": np.arange(5.0), "name": "n"})
    workers.start(load_shared, (path,), deadline())
    value = only(workers).value
    assert value["name"] == "n"
    assert value["x"].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_shared_files_vanish_with_the_workers() -> None:
    with Workers(1) as own:
        path = own.share([1])
        assert path.exists()
    assert not path.exists()
    assert not Path(path).parent.exists()


def test_processes_have_one_thread(workers: Workers) -> None:
    workers.start(os.getenv, ("OMP_NUM_THREADS",), deadline())
    assert only(workers).value == "1"


def test_hunger_for_memory_costs_one_call_and_says_how_much_it_may_take(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lean_automl.search.memory.available_bytes", lambda: 1_000_000_000)
    workers.start(np.ones, (200_000_000,), deadline(), "hungry")
    workers.start(pow, (3, 2), deadline(), "good")
    ended = {}
    while len(ended) < 2:
        ended.update({job.tag: job for job in workers.wait()})
    assert "MemoryError" in str(ended["hungry"].error)
    assert "(a process may take 450 MB here)" in str(ended["hungry"].error)
    assert ended["good"].value == 9


def test_a_process_without_a_run_ends_itself() -> None:
    code = (
        "import os, time; from lean_automl.search.workers import Workers\n"
        "w = Workers(1); w.__enter__(); job = w.start(time.sleep, (600,), time.monotonic() + 600)\n"
        "print(job._process.pid, w._folder.name, flush=True); os.kill(os.getpid(), 9)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stdout.split()
    shutil.rmtree(said[1])
    until = time.monotonic() + SOON
    while Path(f"/proc/{said[0]}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not Path(f"/proc/{said[0]}").exists()


def test_an_interrupt_while_the_learners_load_is_the_runs_affair() -> None:
    code = (
        "import importlib, os, signal\n"
        "def first(name): print(signal.getsignal(signal.SIGINT).name, flush=True); os._exit(0)\n"
        "importlib.import_module = first; import lean_automl.learners.preload"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "SIG_IGN"


def test_results_of_calls_come_by_tag_and_failures_as_none(workers: Workers) -> None:
    calls = {"a": (4,), "b": ("no number",), "c": (9,), "d": (16,)}
    assert workers.results(math.sqrt, calls, time.monotonic() + 60) == {"a": 2.0, "b": None, "c": 3.0, "d": 4.0}
    assert workers.results(math.sqrt, {}, time.monotonic() + 60) == {}
    assert workers.free == workers.places
