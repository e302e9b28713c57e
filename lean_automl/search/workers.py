"""Runs functions in processes of their own, so that a crash, a hang or hunger for memory costs that one call.

Each call is forked from a server process that has imported the learning libraries once. Arguments and results are
pickled; big data goes through `share`, which every process maps instead of copying.

Rule: what runs here uses one thread. Two single-threaded processes beat one with two threads wherever the machine has
other work to do: parallel loops wait for their slowest thread.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
import types
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from lean_automl.search.memory import explained, limit_of_each, limit_this_process, this_process_ends_with

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

LOGGER: Final = logging.getLogger(__name__)
MOST_WARNINGS: Final = 20  # of one call
GRACE_S: Final = 3.0  # after a call's deadline, which it should keep by itself
PATIENCE_S: Final = 8.0  # importing the libraries takes less, if nothing must be compiled
STOPPED: Final = "stopped: "  # how the reason begins where time was what was missing
PRELOAD: Final = "lean_automl.learners.preload"
USUAL_REASONS: Final = {
    "SIGKILL": ", as the system does when it is out of memory",
    "SIGABRT": ", as a library does that is out of memory",
}
ONE_THREAD: Final = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)


@dataclass
class Job:
    """A call that was started.

    Attributes:
        tag: Whatever the caller wants to find it by.
        started: `time.monotonic()` when it began.
        deadline: `time.monotonic()` after which it is killed, with some grace.
        value: What it returned; None if it failed.
        error: Why it failed; None if it did not.
        seconds: What it took.
        memory: Bytes that it may take beyond what it is born with; None for no limit.
        name: Of the function.
    """

    tag: Any
    started: float
    deadline: float
    value: Any = None
    error: str | None = None
    seconds: float = 0.0
    memory: int | None = None
    name: str = ""
    _process: ForkServerProcess | None = field(default=None, repr=False)
    _pipe: Connection | None = field(default=None, repr=False)
    _task: Any = field(default=None, repr=False)  # where an executor has no processes of its own


class Stored(Protocol):
    """A value that an executor keeps elsewhere than in a file."""

    def load(self) -> Any:
        """The value."""
        ...


Shared = Path | Stored


class Workers:
    """A fixed number of places for processes.

    Use as a context manager: what still runs at its end is killed, and shared files are removed.
    """

    def __init__(self, places: int, preload: Sequence[str] = ()) -> None:
        """So many places; the server also imports `preload`, what is installed of it."""
        self.places, self.preload = places, tuple(preload)
        self._context = multiprocessing.get_context("forkserver")
        self._running: list[Job] = []
        self._folder = tempfile.TemporaryDirectory(prefix="lean_automl_")
        self._shared = 0

    def __enter__(self) -> Workers:
        start_server(self.preload)  # imports while this process reads the table
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()
        self._folder.cleanup()

    @property
    def free(self) -> int:
        """Places that are not taken."""
        return self.places - len(self._running)

    def wait_until_ready(self, deadline: float, slow: Callable[[], None] = lambda: None) -> bool:
        """Wait until the server has imported all and a process can start at once; False if it has not by then.

        Args:
            deadline: `time.monotonic()`.
            slow: Is called once if that takes long.
        """

        def first() -> None:
            self.start(os.getpid, (), deadline)
            self.wait()

        # Starting a process blocks until the server answers, so the one that finds out is a thread.
        thread = threading.Thread(target=first, daemon=True)
        thread.start()
        thread.join(max(0.0, min(PATIENCE_S, deadline - time.monotonic())))
        if thread.is_alive():
            slow()
        thread.join(max(0.0, deadline - time.monotonic()))
        return not thread.is_alive()

    def exclusive(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """What runs a function where no other call disturbs it: here, where calls run that need it."""
        return function

    def share(self, value: Any) -> Shared:
        """Store a value where processes can load it with `load_shared`."""
        import joblib

        self._shared += 1
        path = Path(self._folder.name) / f"{self._shared}.joblib"
        joblib.dump(value, path)
        return path

    def start(self, function: Callable[..., Any], arguments: Sequence[Any], deadline: float, tag: Any = None) -> Job:
        """Call `function(*arguments)` in a process of its own."""
        receiver, sender = self._context.Pipe(duplex=False)
        memory = limit_of_each(self.places, self._process_ids())
        process = self._context.Process(target=_child, args=(sender, memory, function, tuple(arguments)), daemon=True)
        with _main_hidden():
            process.start()
        sender.close()
        name = getattr(function, "__name__", "call")
        job = Job(tag, time.monotonic(), deadline, memory=memory, name=name, _process=process, _pipe=receiver)
        self._running.append(job)
        return job

    def _process_ids(self) -> list[int]:
        processes = [job._process for job in self._running if job._process is not None]
        return [process.pid for process in processes if process.pid is not None]

    def wait(self) -> list[Job]:
        """Wait until at least one job has ended, and return those that have; empty if none runs."""
        while self._running:
            soonest = min(job.deadline for job in self._running) + GRACE_S
            pipes = [job._pipe for job in self._running if job._pipe is not None]
            ready = set(wait(pipes, max(0.0, min(soonest - time.monotonic(), 60.0))))
            for job in self._running:
                if job._pipe in ready:
                    _collect(job)
                elif time.monotonic() > job.deadline + GRACE_S:
                    job.error = too_long(job)
            ended = [job for job in self._running if job.error is not None or job._pipe in ready]
            self._running = [job for job in self._running if job not in ended]
            for job in ended:
                _end(job)
            if ended:
                return ended
        return []

    def results(
        self, function: Callable[..., Any], calls: Mapping[Any, Sequence[Any]], deadline: float
    ) -> dict[Any, Any]:
        """What calls of a function return, by their tags; None where one failed. Nothing else may run meanwhile.

        Args:
            function: To call.
            calls: Arguments of each call, by its tag.
            deadline: `time.monotonic()`, of each.
        """
        found: dict[Any, Any] = {}
        waiting = list(calls.items())
        while len(found) < len(calls):
            while waiting and self.free:
                tag, arguments = waiting.pop(0)
                self.start(function, arguments, deadline, tag)
            found |= {job.tag: job.value for job in self.wait()}
        return found

    def kill(self, tags: Sequence[Any] | None = None) -> None:
        """Kill what runs; with `tags`, only those jobs."""
        for job in list(self._running):
            if tags is None or job.tag in tags:
                self._running.remove(job)
                self._stop(job)

    def _stop(self, job: Job) -> None:
        _end(job)


def start_server(preload: Sequence[str] = ()) -> None:
    """Start the process that trials are forked from, which imports the learners; nothing if it runs already."""
    from multiprocessing import forkserver

    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    multiprocessing.get_context("forkserver").set_forkserver_preload([PRELOAD, *preload])
    try:
        with _main_hidden():
            forkserver.ensure_running()
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _main_hidden() -> Iterator[None]:
    """Keep `multiprocessing` from running the caller's main script again in every process.

    What runs there is imported by name; a script without a main guard, or a notebook, must not matter.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _child(pipe: Connection, memory: int | None, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    this_process_ends_with(pipe.fileno())
    limit_this_process(memory)
    with contextlib.suppress(BrokenPipeError):
        pipe.send(outcome_of(function, arguments))


def outcome_of(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[str | None, Any, list[str]]:
    """Why a call failed, what it returned, and what libraries warned of, which is the log's, not the terminal's."""
    with warnings.catch_warnings(record=True) as caught:
        try:
            result: tuple[str | None, Any] = (None, function(*arguments))
        except Exception as error:
            result = (f"{type(error).__name__}: {error}", None)
    texts = dict.fromkeys(f"{one.category.__name__}: {one.message}" for one in caught)
    return (*result, list(texts)[:MOST_WARNINGS])


def _collect(job: Job) -> None:
    assert job._pipe is not None
    try:
        note_outcome(job, job._pipe.recv())
    except EOFError:
        job.error = _how_it_ended(job)
    except Exception as error:
        job.error = f"its result cannot be read: {type(error).__name__}: {error}"
    if job.error is not None:
        job.error = explained(job.error, job.memory)


def too_long(job: Job) -> str:
    """Why a job was stopped."""
    if job.deadline <= job.started:
        return f"{STOPPED}there was no time left for it when it began"
    return f"{STOPPED}it went on for {time.monotonic() - job.started:.0f} s, longer than it may"


def note_outcome(job: Job, outcome: tuple[str | None, Any, list[str]]) -> None:
    """Put what `outcome_of` found into a job and the log."""
    job.error, job.value, warned = outcome
    for text in warned:
        LOGGER.info("%s: %s", job.name, text)


def _how_it_ended(job: Job) -> str:
    assert job._process is not None
    job._process.join(GRACE_S)
    code = job._process.exitcode
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        return f"its process was killed by {name}{USUAL_REASONS.get(name, '')}"
    return f"its process ended with exit code {code}"


def _end(job: Job) -> None:
    job.seconds = time.monotonic() - job.started
    if job._pipe is not None:
        job._pipe.close()
    if job._process is not None:
        if job._process.is_alive():
            job._process.join(0.1 if job.error is None else 0)
        if job._process.is_alive():
            job._process.kill()
        job._process.join()
        job._process.close()
    job._pipe = job._process = None


def load_shared(path: Shared) -> Any:
    """The value that `Workers.share` stored; arrays are mapped, not copied."""
    import joblib

    if not isinstance(path, Path):
        return path.load()
    return joblib.load(path, mmap_mode="r")
