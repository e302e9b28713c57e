"""The same calls on the machines of a Ray cluster: `--executor ray`, extra `ray`.

Big data is put into Ray's object store once. A call is a task of one CPU; one whose machine or process dies is started
again elsewhere. What is measured must not be disturbed by what trains, and must be the machine of this process, for
which the limits hold: an actor there keeps one CPU to itself and takes one call at a time.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from lean_automl.errors import ConfigError, MissingDependencyError
from lean_automl.search.workers import (
    GRACE_S,
    ONE_THREAD,
    PATIENCE_S,
    PRELOAD,
    Job,
    Workers,
    note_outcome,
    outcome_of,
    too_long,
)

RETRIES: Final = 3  # of a task whose machine or process died
LONGEST_WAIT_S: Final = 60.0
LONGEST_CONNECT_S: Final = 5.0


@dataclass(frozen=True)
class InStore:
    """A value in Ray's object store."""

    reference: Any

    def load(self) -> Any:
        """The value; arrays are mapped, not copied, where they are on the same machine."""
        import ray

        return ray.get(self.reference)


@dataclass(frozen=True)
class Exclusive:
    """Calls a function where nothing else runs, one call at a time."""

    actor: Any
    function: Callable[..., Any]

    def __call__(self, *arguments: Any) -> Any:
        import ray

        return ray.get(self.actor.call.remote(self.function, arguments))


class RayWorkers(Workers):
    """Places are the CPUs of a cluster, less one of this machine for measuring.

    Use as a context manager. The package must be installed, in the same version, on every machine of the cluster.
    """

    def __init__(self, address: str, preload: Sequence[str] = ()) -> None:
        """Of the cluster there; tasks import what they need, so `preload` only says what may be used."""
        self._address, self.preload = address, tuple(preload)
        self._running: list[Job] = []

    def __enter__(self) -> RayWorkers:
        ray = _import_ray()
        self._is_own = not ray.is_initialized()
        if self._is_own:
            try:
                _see_that_it_answers(self._address)
                ray.init(address=self._address, log_to_driver=False, logging_level=logging.ERROR)
            except (OSError, ValueError, RuntimeError) as error:
                raise ConfigError(
                    f"--address: no Ray cluster was found at {self._address!r}: {error}. Start one: ray start --head"
                ) from error
        here = ray.get_runtime_context().get_node_id()
        cpus = next(int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["NodeID"] == here)
        strategy = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(here, soft=False)
        own = min(1, cpus)
        self._measurer = ray.remote(_Measurer).options(num_cpus=own, scheduling_strategy=strategy).remote()
        self._task = ray.remote(_call)
        self.places = int(ray.cluster_resources().get("CPU", 0)) - own
        if self.places < 1:
            raise ConfigError("--executor ray: the cluster has no CPU beside the one that measures. Add a machine.")
        return self

    def __exit__(self, *error: object) -> None:
        import ray

        self.kill()
        ray.kill(self._measurer)
        if self._is_own:
            ray.shutdown()

    def wait_until_ready(self, deadline: float, slow: Callable[[], None] = lambda: None) -> bool:
        """Wait until the process that measures has imported all; False if it has not by then.

        Args:
            deadline: `time.monotonic()`.
            slow: Is called once if that takes long.
        """
        import ray

        loaded = self._measurer.call.remote(os.getpid, ())
        ready, _ = ray.wait([loaded], timeout=max(0.0, min(PATIENCE_S, deadline - time.monotonic())))
        if not ready:
            slow()
            ready, _ = ray.wait([loaded], timeout=max(0.0, deadline - time.monotonic()))
        return bool(ready)

    def exclusive(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """What runs a function on this machine where no other call disturbs it."""
        return Exclusive(self._measurer, function)

    def share(self, value: Any) -> InStore:
        """Store a value where tasks can load it with `load_shared`."""
        import ray

        return InStore(ray.put(value))

    def start(self, function: Callable[..., Any], arguments: Sequence[Any], deadline: float, tag: Any = None) -> Job:
        """Call `function(*arguments)` somewhere in the cluster."""
        name = getattr(function, "__name__", "call")
        task = self._task.options(name=name, num_cpus=1, max_retries=RETRIES).remote(
            function, tuple(arguments), _clock_difference()
        )
        job = Job(tag, time.monotonic(), deadline, name=name, _task=task)
        self._running.append(job)
        return job

    def wait(self) -> list[Job]:
        """Wait until at least one job has ended, and return those that have; empty if none runs."""
        import ray

        while self._running:
            soonest = min(job.deadline for job in self._running) + GRACE_S - time.monotonic()
            tasks = [job._task for job in self._running]
            ready, _ = ray.wait(tasks, num_returns=1, timeout=max(0.0, min(soonest, LONGEST_WAIT_S)))
            more, _ = ray.wait(tasks, num_returns=len(tasks), timeout=0)
            done = {*ready, *more}
            ended = [job for job in self._running if job._task in done]
            for job in ended:
                _collect(job)
            for job in self._running:
                if job not in ended and time.monotonic() > job.deadline + GRACE_S:
                    job.error = too_long(job)
                    self._stop(job)
                    ended.append(job)
            if ended:
                self._running = [job for job in self._running if job not in ended]
                return ended
        return []

    def _stop(self, job: Job) -> None:
        import ray

        ray.cancel(job._task, force=True)


def _collect(job: Job) -> None:
    import ray

    job.seconds = time.monotonic() - job.started
    try:
        note_outcome(job, ray.get(job._task))
    except ray.exceptions.RayError as error:  # its machine or process died too often, or took all memory
        job.error = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"


class _Measurer:
    """Takes calls one at a time."""

    def call(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """What a function returns."""
        _one_thread()
        return function(*arguments)


def _call(function: Callable[..., Any], arguments: tuple[Any, ...], difference: float) -> tuple[Any, ...]:
    """What a task does; deadlines are of the clock of the process that asked."""
    _one_thread()
    shift = _clock_difference() - difference
    moved = tuple(value.moved(shift) if hasattr(value, "moved") else value for value in arguments)
    return outcome_of(function, moved)


def _clock_difference() -> float:
    """What this machine's monotonic clock is ahead of the time of day, which machines of a cluster share."""
    return time.monotonic() - time.time()


def _one_thread() -> None:
    """As processes of `Workers` are started; a task may be in a process that has imported libraries already."""
    os.environ.update(ONE_THREAD)
    import_module(PRELOAD)
    if "numba" in sys.modules:
        sys.modules["numba"].set_num_threads(1)


def _see_that_it_answers(address: str) -> None:
    """Ray itself tries for minutes.

    Raises:
        OSError: Nothing answers there.
        ValueError: It is neither `auto` nor a host and a port.
    """
    if address == "auto":
        return
    host, colon, port = address.rpartition(":")
    if not (host and colon and port.isdecimal()) or "/" in host:
        raise ValueError("an address is auto, or a host and a port, such as node-1:6379")
    socket.create_connection((host, int(port)), LONGEST_CONNECT_S).close()


def _import_ray() -> Any:
    try:
        import ray
        import ray.util.scheduling_strategies
    except ImportError as error:
        raise MissingDependencyError(
            "--executor ray needs Ray. Install it on every machine of the cluster: pip install 'lean-automl[ray]'"
        ) from error
    return ray
