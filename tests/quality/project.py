"""The files of the project, for tests that read them as text."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "lean_automl": ROOT / "lean_automl",
    "lean_automl_exporters": ROOT / "exporters" / "lean_automl_exporters",
    "lean_automl_runtime": ROOT / "runtime" / "lean_automl_runtime",
}


@cache
def tracked() -> tuple[Path, ...]:
    """Files under version control that exist."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return tuple(path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file())


def name_of(path: Path) -> str:
    """Path from the root, as messages show it."""
    return path.relative_to(ROOT).as_posix()


@cache
def text_files() -> dict[str, str]:
    """Text of every tracked file, by name."""
    found = {}
    for path in tracked():
        content = path.read_bytes()
        if b"\0" not in content:
            found[name_of(path)] = content.decode("utf-8")
    return found


def sources(*suffixes: str) -> list[Path]:
    """Code that is no test: the packages and the scripts beside them."""
    return [path for path in tracked() if path.suffix in suffixes and not name_of(path).startswith("tests/")]


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a Python file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
