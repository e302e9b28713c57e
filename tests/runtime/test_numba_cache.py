"""Kernels are compiled once a machine, and never taken from a stale cache."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

numba = pytest.importorskip("numba")

from lean_automl_runtime import load  # noqa: E402
from lean_automl_runtime.engines import numba_kernels as kernels  # noqa: E402

FOLDER = Path(kernels.__file__).parent


def test_every_file_that_is_compiled_is_in_the_stamp() -> None:
    stamp = kernels._stamp()
    for path in FOLDER.glob("numba_*.py"):
        if "@compiled" in path.read_text(encoding="utf-8") or path.name == "numba_layout.py":
            assert (path.stat().st_mtime_ns, path.stat().st_size) in stamp, path.name


def test_another_stamp_is_another_function() -> None:
    made = [kernels._interpreter(((1, 2),)), kernels._interpreter(((1, 3),)), kernels._interpreter(((1, 2),))]
    keys = [f._cache._index_key((), _Codegen()) for f in made]  # type: ignore[attr-defined]
    assert keys[0] == keys[2] != keys[1]


class _Codegen:
    def magic_tuple(self) -> tuple[str, ...]:
        return ("machine",)


def test_where_no_folder_is_writable_kernels_are_compiled_without_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*, cache: bool = False, **options: Any) -> Callable[[Any], Any]:
        def decorate(function: Any) -> Any:
            if cache:
                raise RuntimeError("cannot cache function 'execute': no locator available for file")
            return numba.njit(**options)(function)

        return decorate

    monkeypatch.setattr(kernels, "njit", refuse)
    function = kernels._interpreter(())
    assert type(function._cache).__name__ == "NullCache"  # type: ignore[attr-defined]


def test_a_second_process_compiles_nothing(lam: Path, record: dict[str, Any]) -> None:
    code = (
        "import lean_automl_runtime as r\n"
        "from lean_automl_runtime.engines import numba_kernels as k\n"
        f"r.load({str(lam)!r}, engine='numba').predict_one({record!r})\n"
        "print(sum(k.execute.stats.cache_hits.values()), sum(k.execute.stats.cache_misses.values()))\n"
    )
    load(lam, "numba")  # the first process
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == ["1", "0"]
