"""C and C++ compilers of this machine, and the flags that exported headers must pass."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

STRICT: Final = ("-Wall", "-Wextra", "-Werror", "-Wconversion", "-pedantic", "-ffp-contract=off")
SANITIZERS: Final = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


@dataclass(frozen=True)
class Compiler:
    """One way to compile.

    Attributes:
        name: For tests.
        command: Program and language.
        standards: Versions of the language that the headers keep to.
        runner: What runs a program for another machine.
    """

    name: str
    command: tuple[str, ...]
    standards: tuple[str, ...]
    runner: tuple[str, ...] = ()

    def build(self, source: Path, target: Path, *flags: str) -> None:
        """Compile one file; the compiler's complaint is the error."""
        command = [*self.command, *flags, f"-I{source.parent}", str(source), "-o", str(target)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr[:4000]}"


def _zig() -> tuple[str, ...]:
    """`python -m ziglang cc`, with the Python of LEAN_AUTOML_ZIG_PYTHON or this one."""
    other = os.environ.get("LEAN_AUTOML_ZIG_PYTHON")
    if other:
        return (other, "-m", "ziglang", "cc")
    return (sys.executable, "-m", "ziglang", "cc") if importlib.util.find_spec("ziglang") else ()


C: Final = ("-std=c99", "-std=c11")
CPP: Final = ("-std=c++11", "-std=c++17")
ALL: Final = tuple(
    compiler
    for compiler in (
        Compiler("gcc", ("gcc",), (*C, "-std=gnu99")),
        Compiler("g++", ("g++", "-x", "c++"), CPP),
        Compiler("clang", ("clang",), C),
        Compiler("clang++", ("clang++", "-x", "c++"), CPP),
        Compiler("zig cc", _zig(), ("-std=c99",)),
    )
    if compiler.command and shutil.which(compiler.command[0])
)
FIRST: Final = ALL[0] if ALL else None
# ARM: NEON, a fused multiply-add, chars without a sign; 32 bits; and a machine without vectors.
CROSS: Final = tuple(
    compiler
    for compiler in (
        Compiler("aarch64", ("aarch64-linux-gnu-gcc", "-static"), C, ("qemu-aarch64-static",)),
        Compiler("armhf", ("arm-linux-gnueabihf-gcc", "-static"), C, ("qemu-arm-static",)),
        Compiler("riscv64", ("riscv64-linux-gnu-gcc", "-static"), C, ("qemu-riscv64-static",)),
    )
    if shutil.which(compiler.command[0]) and shutil.which(compiler.runner[0])
)
REASON: Final = "no C compiler: install gcc or clang"
