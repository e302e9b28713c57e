"""A C program that times an exported header call by call, and answers all rows once: raw row in, prediction out.

It is compiled with the flags that a header is for, and runs as a process of its own on one core. Samples are those of
`lean_automl_runtime.measure`: call after call on rotating rows, with a control kernel in between.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_runtime.ir import LABEL, PREDICTION, PROBABILITIES

from lean_automl.compiler.c_rows import HEADER, ROWS, stored_rows
from lean_automl.compiler.c_tools import FLAGS, LONGEST_RUN_S, find_compiler, run_tool
from lean_automl.errors import ToolchainError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lean_automl_runtime.ir import Program

Array = np.ndarray[Any, np.dtype[Any]]
WHY: Final = "--serve-with c measures what it compiles"
SOURCE: Final = "timer.c"
BINARY: Final = "timer"
SAMPLES: Final = "samples.bin"
ANSWERS: Final = "answers.bin"
FACTS: Final = ("calls", "controls", "warm_up_calls", "first_ns", "elapsed_ns", "cpu_ns", "clock_ns")


@dataclass(frozen=True)
class Timing:
    """How long to sample.

    Attributes:
        budget_s: Sampling time.
        longest_s: The same where there are not enough calls for a bound.
        enough: Calls that are.
        batch_size: Rows of a call.
        core: To pin to; -1 for none.
    """

    budget_s: float
    longest_s: float
    enough: int
    batch_size: int = 1
    core: int = -1


@dataclass(frozen=True, eq=False)
class Timed:
    """What a run of the program found.

    Attributes:
        total_ns: Of each call, in order.
        control_ns: Of the control kernel, in order.
        facts: `FACTS` by name.
    """

    total_ns: np.ndarray[Any, np.dtype[np.int64]]
    control_ns: np.ndarray[Any, np.dtype[np.int64]]
    facts: dict[str, int]


class CompiledHeader:
    """An exported header, compiled around rows of its Program; made by `compiled`."""

    def __init__(self, program: Program, rows: int, folder: Path) -> None:
        self._program, self._rows, self._folder = program, rows, folder

    def time(self, timing: Timing, timeout_s: float = LONGEST_RUN_S) -> Timed:
        """Time calls.

        Raises:
            ToolchainError: The program failed, or took longer than that.
        """
        values = (timing.budget_s, timing.longest_s, timing.enough, timing.batch_size, timing.core)
        run_tool([f"./{BINARY}", "time", *map(str, values)], self._folder, timeout_s=timeout_s)
        with (self._folder / SAMPLES).open("rb") as stream:
            facts = dict(zip(FACTS, np.fromfile(stream, "<i8", len(FACTS)).tolist(), strict=True))
            total = np.fromfile(stream, "<i8", facts["calls"])
            return Timed(total, np.fromfile(stream, "<i8", facts["controls"]), facts)

    def answers(self) -> dict[str, Array]:
        """What it predicts for the rows, by name of the output, with class codes as labels.

        Raises:
            ToolchainError: The program failed.
        """
        run_tool([f"./{BINARY}", "answer"], self._folder)
        program = self._program
        cells = np.fromfile(self._folder / ANSWERS, "<i4").reshape(self._rows, -1)
        found: dict[str, Array] = {}
        at = 0
        for name in _outputs(program):
            width = 1 if name == LABEL else program.types[program.outputs[name]].width
            own = np.ascontiguousarray(cells[:, at : at + width])
            found[name] = own if name == LABEL else own.view(np.float32)
            at += width
        return found


@contextmanager
def compiled(program: Program, header: str, arrays: Sequence[Array]) -> Iterator[CompiledHeader]:
    """A Program's header, compiled around some rows.

    Args:
        program: What the header says.
        header: Its text, with the prefix `model`.
        arrays: One typed array for each column, as engines take them; at least one row.

    Raises:
        ToolchainError: There is no compiler, or it failed.
    """
    compiler = find_compiler(WHY)
    rows = stored_rows(program, arrays)
    writes = "".join(f"        fwrite(&result.{name}, sizeof result.{name}, 1, file);\n" for name in _outputs(program))
    source = rows.fill(TEMPLATE).replace("WRITES", writes)
    with tempfile.TemporaryDirectory(prefix="lean_automl_c_") as name:
        folder = Path(name)
        for file, content in {HEADER: header.encode(), SOURCE: source.encode(), ROWS: rows.data}.items():
            (folder / file).write_bytes(content)
        run_tool([*compiler, *FLAGS, SOURCE, "-o", BINARY, "-lm"], folder, os.environ.copy())
        yield CompiledHeader(program, arrays[0].shape[0], folder)


def compiled_bytes(header: str) -> int:
    """Bytes of code, tables and variables of a header, compiled with nothing around it.

    Args:
        header: Text of an exported header with the prefix `model`.

    Raises:
        ToolchainError: There is no compiler or no `size`, or one failed.
    """
    compiler = find_compiler(WHY)
    with tempfile.TemporaryDirectory(prefix="lean_automl_c_") as name:
        folder = Path(name)
        (folder / HEADER).write_text(header, encoding="utf-8")
        (folder / "size.c").write_text(OUTSIDE, encoding="ascii")
        run_tool([*compiler, *FLAGS, "-c", "size.c", "-o", "size.o"], folder, os.environ.copy())
        lines = run_tool(["size", "size.o"], folder, {**os.environ, "LC_ALL": "C"}).splitlines()
    try:
        return sum(int(number) for number in lines[1].split()[:3])  # code with tables, data, variables
    except (IndexError, ValueError):
        raise ToolchainError(f"`size` said what cannot be read: {' / '.join(lines)[:200]}") from None


def _outputs(program: Program) -> list[str]:
    """Members of the result, as the header names them."""
    return [name for name in (LABEL, PROBABILITIES, PREDICTION) if name in program.outputs]


OUTSIDE: Final = """\
#include "model.h"
void predict(const model_row *row, model_result *result);
void predict(const model_row *row, model_result *result) { model_predict(row, result); }
"""

TEMPLATE: Final = """\
#define _GNU_SOURCE
#ifdef __linux__
#include <sched.h>
#endif
#include <time.h>
READER
#define MOST 1000000
#define CALLS_OF_ROUND 64
#define MANY_CALLS 16
#define ROUND_NS 1000000

static int64_t now(clockid_t of) {
    struct timespec time;
    clock_gettime(of, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static __attribute__((noinline)) void call(int64_t number, int64_t batch) {
    int64_t end = number + batch;
    for (; number < end; number++) {
        const raw_row *raw = rows + number % row_count;
        model_row row;
        model_result result;
READS        model_predict(&row, &result);
        __asm__ volatile("" : : "r"(&result), "r"(raw), "r"(texts) : "memory");
    }
}

static __attribute__((noinline)) void control(void) {
    uint32_t state = 0, step;
    for (step = 0; step < 10000; step++) {
        state = state * 1664525u + 1013904223u;
        __asm__ volatile("" : "+r"(state));
    }
}

static int answer(void) {
    FILE *file = fopen("answers.bin", "wb");
    int64_t number;
    if (file == NULL) {
        return 4;
    }
    for (number = 0; number < row_count; number++) {
        const raw_row *raw = rows + number;
        model_row row;
        model_result result;
READS        model_predict(&row, &result);
WRITES    }
    return fclose(file) == 0 ? 0 : 4;
}

static int sample(double budget_s, double longest_s, int64_t enough, int64_t batch) {
    int64_t *total = malloc(MOST * sizeof *total), *controls = malloc(MOST * sizeof *controls);
    int64_t head[7] = {0}, calls = 0, number = 0, begin, cpu_begin, started, round;
    FILE *file = fopen("samples.bin", "wb");
    if (total == NULL || controls == NULL || file == NULL) {
        return 4;
    }
    started = now(CLOCK_MONOTONIC);
    call(0, batch);
    head[3] = now(CLOCK_MONOTONIC) - started;
    for (begin = now(CLOCK_MONOTONIC); now(CLOCK_MONOTONIC) - begin < (int64_t)(budget_s * 2.5e8); head[2]++) {
        call(number, batch);
        number += batch;
    }
    for (round = 0; round < 1000; round++) {
        started = now(CLOCK_MONOTONIC);
        head[6] += now(CLOCK_MONOTONIC) - started;
    }
    head[6] /= 1000;
    begin = now(CLOCK_MONOTONIC);
    cpu_begin = now(CLOCK_PROCESS_CPUTIME_ID);
    do {
        int64_t round_begin, ended;
        if (round >= MANY_CALLS) { /* in the round before; a longer call does not mind a cold cache */
            call(number + row_count / 2, batch);
        }
        ended = round_begin = now(CLOCK_MONOTONIC);
        for (round = 0; round < CALLS_OF_ROUND && calls < MOST && ended - round_begin < ROUND_NS; round++) {
            started = now(CLOCK_MONOTONIC);
            call(number, batch);
            ended = now(CLOCK_MONOTONIC);
            total[calls++] = ended - started;
            number += batch;
        }
        started = now(CLOCK_MONOTONIC);
        control();
        controls[head[1]++] = now(CLOCK_MONOTONIC) - started;
        head[4] = now(CLOCK_MONOTONIC) - begin;
    } while (calls < MOST && (double)head[4] < longest_s * 1e9 && (calls < enough || (double)head[4] < budget_s * 1e9));
    head[0] = calls;
    head[5] = now(CLOCK_PROCESS_CPUTIME_ID) - cpu_begin;
    fwrite(head, sizeof head, 1, file);
    fwrite(total, sizeof *total, (size_t)calls, file);
    fwrite(controls, sizeof *controls, (size_t)head[1], file);
    return fclose(file) == 0 ? 0 : 4;
}

int main(int count, char **arguments) {
    int failed = load_rows();
    if (failed) {
        return failed;
    }
    if (count < 7) {
        return answer();
    }
#ifdef __linux__
    if (atoi(arguments[6]) >= 0) {
        cpu_set_t cores;
        CPU_ZERO(&cores);
        CPU_SET(atoi(arguments[6]), &cores);
        sched_setaffinity(0, sizeof cores, &cores);
    }
#endif
    return sample(atof(arguments[2]), atof(arguments[3]), atoll(arguments[4]), atoll(arguments[5]));
}
"""
