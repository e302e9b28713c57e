"""Instructions and branches of one row: the compiled C code under valgrind, the same number on every run.

The counts hold for one compiler, one valgrind, one kind of machine and the rows that were given; `Conditions` says
which, and counts of other conditions are not compared.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl.compiler.c_tools import FLAGS, find_compiler, run_tool
from lean_automl.errors import ToolchainError
from lean_automl.gate.driver import SOURCE, driver_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import Program

Array = np.ndarray[Any, np.dtype[Any]]
BINARY: Final = "gate"
PROFILE: Final = "profile.out"
EVENTS: Final = ("Ir", "Bc", "Bcm", "Bi", "Bim")
COUNTED_ROWS: Final = 1_000
SYNTHETIC: Final = "synthetic"


@dataclass(frozen=True)
class Conditions:
    """What counts depend on beside the model.

    Attributes:
        compiler: Its own name and version.
        flags: It was called with.
        valgrind: Its version.
        machine: Kind of processor.
        rows: How many were predicted.
        data: SHA-256 of them, or `synthetic` for those that are made for each model.
    """

    compiler: str
    flags: str
    valgrind: str
    machine: str
    rows: int
    data: str

    def differences(self, other: Conditions) -> list[str]:
        """What is not the same, in words."""
        mine, theirs = asdict(self), asdict(other)
        return [f"{name}: {theirs[name]} there, {mine[name]} here" for name in mine if mine[name] != theirs[name]]


@dataclass(frozen=True)
class Counts:
    """Work for one row.

    Attributes:
        instructions: Executed.
        branches: Conditional and indirect ones executed.
        mispredicted: As valgrind's simple predictor has it: to know, not to decide by.
        conditions: What the numbers hold for.
    """

    instructions: float
    branches: float
    mispredicted: float
    conditions: Conditions

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Counts:
        """What `to_json` wrote."""
        figures = {name: float(values[name]) for name in ("instructions", "branches", "mispredicted")}
        return cls(**figures, conditions=Conditions(**values["conditions"]))


@dataclass(frozen=True)
class Tools:
    """What counting needs.

    Attributes:
        compiler: Command.
        compiler_version: First line of what it says of itself.
        valgrind: Its path.
        valgrind_version: What it says of itself.
    """

    compiler: tuple[str, ...]
    compiler_version: str
    valgrind: str
    valgrind_version: str


def find_tools() -> Tools:
    """The compiler that CC names, or the first that is found, and valgrind.

    Raises:
        ToolchainError: One is not installed; says how to install it.
    """
    compiler = find_compiler("counts of instructions need one")
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise ToolchainError(
            "valgrind was not found, and counts of instructions need it. Install it: apt-get install valgrind, "
            "or dnf install valgrind."
        )
    versions = [run_tool([*command, "--version"], Path.cwd()).splitlines() for command in (compiler, (valgrind,))]
    first = [lines[0] if lines else "unknown" for lines in versions]
    return Tools(compiler, first[0], valgrind, first[1])


def count_row(program: Program, arrays: Sequence[Array] | None, tools: Tools) -> Counts:
    """Work of a Program for one row, as C code.

    Args:
        program: What is compiled.
        arrays: Rows as engines take them, of which at most `COUNTED_ROWS` are used; None for rows that are made to
            reach all parts of the Program.
        tools: As `find_tools` found them.

    Raises:
        UnsupportedOpError: The Program cannot be written in C.
        ToolchainError: The compiler or valgrind failed.
    """
    chosen = _made_rows(program) if arrays is None else _spread(arrays, min(arrays[0].shape[0], COUNTED_ROWS))
    files = driver_files(program, chosen)
    with tempfile.TemporaryDirectory(prefix="lean_automl_gate_") as name:
        folder = Path(name)
        for file, content in files.items():
            (folder / file).write_bytes(content)
        run_tool([*tools.compiler, *FLAGS, SOURCE, "-o", BINARY, "-lm"], folder, os.environ.copy())
        once, twice = (_profile(folder, tools, passes) for passes in (1, 2))
    rows = chosen[0].shape[0]
    work = {event: (twice[event] - once[event]) / rows for event in EVENTS}
    data = SYNTHETIC if arrays is None else _digest(chosen)
    conditions = Conditions(
        tools.compiler_version, " ".join(FLAGS), tools.valgrind_version, platform.machine(), rows, data
    )
    return Counts(work["Ir"], work["Bc"] + work["Bi"], work["Bcm"] + work["Bim"], conditions)


def _made_rows(program: Program) -> list[Array]:
    from lean_automl_exporters.hostile import hostile_rows

    # As many for every Program, so that counts of two of them hold for the same conditions.
    return _spread(hostile_rows(program, np.random.default_rng(0)), COUNTED_ROWS)


def _spread(arrays: Sequence[Array], wanted: int) -> list[Array]:
    """So many rows, evenly spread over all; some more than once if there are fewer."""
    chosen = np.arange(wanted) * arrays[0].shape[0] // wanted
    return [values[chosen] for values in arrays]


def _digest(arrays: Sequence[Array]) -> str:
    found = hashlib.sha256()
    for values in arrays:
        texts = values.dtype == object
        found.update("\0".join(values).encode("utf-8", "surrogatepass") if texts else values.tobytes())
        found.update(b"\1")
    return found.hexdigest()


def _profile(folder: Path, tools: Tools, passes: int) -> dict[str, int]:
    """Events of a whole run."""
    command = [
        *(tools.valgrind, "--tool=cachegrind", "--cache-sim=no", "--branch-sim=yes"),
        *(f"--cachegrind-out-file={PROFILE}", f"./{BINARY}", str(passes)),
    ]
    # The size of the environment moves the stack, which may change what the C library does: it is always the same.
    environment = {"LC_ALL": "C"} | {k: v for k, v in os.environ.items() if k == "VALGRIND_LIB"}
    run_tool(command, folder, environment)
    return read_profile((folder / PROFILE).read_text(encoding="utf-8", errors="replace"))


def read_profile(text: str) -> dict[str, int]:
    """Events by name of a file that cachegrind wrote.

    Raises:
        ToolchainError: It is not such a file.
    """
    lines = dict(line.split(":", 1) for line in text.splitlines() if line.startswith(("events:", "summary:")))
    names, totals = lines.get("events", "").split(), lines.get("summary", "").split()
    if not set(EVENTS) <= set(names) or len(names) != len(totals):
        raise ToolchainError("valgrind wrote no profile that can be read: its cachegrind may be too old.")
    return {name: int(total) for name, total in zip(names, totals, strict=True)}
