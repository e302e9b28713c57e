"""A student family whose fits fail in every way, and the command line with it: `python faulty.py KINDS fit ...`."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np


def hang() -> None:
    """Forever, and deaf to what asks it to end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(10_000)


def eat() -> list[Any]:
    """More and more memory, though it is not used: other processes of the machine must not suffer."""
    eaten = []
    while True:
        eaten.append(np.empty(100_000_000))


def kill_parent() -> None:
    """The run, not the process that its fits are forked from."""
    from multiprocessing import parent_process

    parent = parent_process()
    assert parent is not None
    assert parent.pid is not None
    os.kill(parent.pid, signal.SIGKILL)
    time.sleep(10_000)


FAULTS = {
    "raise": lambda: int("not a number"),
    "segfault": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "exit": lambda: os._exit(7),
    "hang": hang,
    "memory": eat,
    "kill_parent": kill_parent,
}


@dataclass(frozen=True)
class FaultyStudent:
    kind: str

    @property
    def name(self) -> str:
        return "faulty"

    def fit(self, *_: object) -> NoReturn:
        FAULTS[self.kind]()
        raise AssertionError("the fault did not end it")


class Faulty:
    name = "faulty"

    def __init__(self, kinds: tuple[str, ...]) -> None:
        self.kinds = kinds

    def suits(self, _: object) -> bool:
        return True

    def suggest(self, trial: Any, _: object) -> FaultyStudent:
        return FaultyStudent(trial.suggest_categorical("faulty_kind", list(self.kinds)))

    def starts(self, _: object) -> tuple[dict[str, Any], ...]:
        return tuple({"faulty_kind": kind} for kind in self.kinds)


def main(kinds: str, *arguments: str) -> int:
    from lean_automl.cli.main import main as command_line
    from lean_automl.student.families import FAMILIES

    # What is pickled for other processes must be found there by this module's name.
    sys.path.insert(0, os.path.dirname(__file__))  # noqa: PTH120
    import faulty

    FAMILIES["faulty"] = faulty.Faulty(tuple(kinds.split(",")))  # type: ignore[assignment]
    return command_line(list(arguments))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
