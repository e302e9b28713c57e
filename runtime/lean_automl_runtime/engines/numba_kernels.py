"""The compiled interpreter of a flat plan: the same machine code for every Program, so it is compiled once a machine.

The cache on disk lies beside this file, or where that is not writable in the user's cache folder, or in
NUMBA_CACHE_DIR if set. Where no folder is writable each process compiles anew, which takes seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numba import njit

from lean_automl_runtime import exp32
from lean_automl_runtime.engines import numba_answers, numba_features, numba_layout, numba_models
from lean_automl_runtime.engines.numba_answers import answer, store
from lean_automl_runtime.engines.numba_features import read, step
from lean_automl_runtime.engines.numba_layout import BLEND, CODE, COPY, STORE, Array, Memory
from lean_automl_runtime.engines.numba_models import model


def _stamp() -> tuple[tuple[int, int], ...]:
    """Times and sizes of the files that are compiled into `execute`."""
    files = [Path(str(m.__file__)).stat() for m in (exp32, numba_answers, numba_features, numba_layout, numba_models)]
    return tuple((file.st_mtime_ns, file.st_size) for file in files)


def _interpreter(stamp: tuple[tuple[int, int], ...]) -> Callable[..., None]:
    def execute(
        code: Array, pool: Array, raw: Array, floats: Array, ints: Array, rows: Array, size: tuple[int, int]
    ) -> None:
        _ = stamp  # numba's cache sees the time of this file, and the variables of this closure
        stride, n = size
        constants, width = pool.view(np.float32), rows.size // n
        m = Memory(code, pool, constants, raw, raw.view(np.float64), floats, ints, rows, width, stride, n)
        start = np.int64(0)
        while start < code.shape[0]:
            # A run of lines of one operation is one call: passing the memory costs more than most lines.
            op, stop = code[start, 0], start + 1
            while stop < code.shape[0] and code[stop, 0] == op:
                stop += 1
            if op >= STORE:  # these are the last
                store(m, start, np.int64(code.shape[0]))
                stop = code.shape[0]
            elif op <= CODE:
                read(m, start, stop)
            elif op <= COPY:
                step(m, start, stop)
            else:
                for line in range(start, stop):
                    if op <= BLEND:
                        model(m, op, code[line, 1], code[line, 2])
                    else:
                        answer(m, line)
            start = stop

    try:
        return njit(cache=True, error_model="numpy")(execute)  # type: ignore[no-any-return]
    except RuntimeError:  # no folder is writable
        return njit(error_model="numpy")(execute)  # type: ignore[no-any-return]


execute = _interpreter(_stamp())
"""Run all lines of a plan: `execute(code, pool, raw, floats, ints, rows, (stride, n))`."""
