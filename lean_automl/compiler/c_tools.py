"""The C compiler of this machine, and running it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Final

from lean_automl.errors import ToolchainError

FLAGS: Final = ("-std=c99", "-O2", "-ffp-contract=off")
COMPILERS: Final = ("cc", "gcc", "clang")
LONGEST_RUN_S: Final = 900.0
LAST_WORDS: Final = 500


def find_compiler(what: str) -> tuple[str, ...]:
    """Command of the compiler that CC names, or of the first of `COMPILERS`.

    Args:
        what: That needs one, for the message: `counts of instructions need one`.

    Raises:
        ToolchainError: There is none; says how to install it.
    """
    named = shlex.split(os.environ.get("CC", ""))
    compiler = tuple(named) or next(((name,) for name in COMPILERS if shutil.which(name)), ())
    if not compiler or shutil.which(compiler[0]) is None:
        found = f"the compiler {compiler[0]!r} that CC names was" if compiler else "no C compiler was"
        raise ToolchainError(f"{found} found, and {what}. Install gcc or clang.")
    return compiler


def run_tool(
    command: list[str], folder: Path, environment: dict[str, str] | None = None, timeout_s: float = LONGEST_RUN_S
) -> str:
    """What a command prints.

    Raises:
        ToolchainError: It failed; has the end of what it said.
    """
    name = Path(command[0]).name
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
            process_group=0,  # Ctrl-C in a terminal is for this program, which may want to end what it does
        )
    except subprocess.TimeoutExpired:
        raise ToolchainError(f"{name} did not end within {timeout_s:g} s. Give fewer rows.") from None
    except OSError as error:
        raise ToolchainError(f"{name} cannot be run: {error.strerror or error}") from error
    if done.returncode != 0:
        said = done.stderr.strip()[-LAST_WORDS:]
        raise ToolchainError(f"{name} ended with exit code {done.returncode}. It said: {said or 'nothing'}")
    return done.stdout
