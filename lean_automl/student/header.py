"""The target `c`: a header, what it costs compiled here, and whether it predicts what the reference does."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_exporters.c import COptions, export_c
from lean_automl_runtime.ir import LABEL, PREDICTION, PROBABILITIES
from lean_automl_runtime.measure.attempts import quietest_of
from lean_automl_runtime.measure.guard import Control
from lean_automl_runtime.measure.harness import Raw, pool
from lean_automl_runtime.measure.machine import Machine
from lean_automl_runtime.measure.processes import choose_core
from lean_automl_runtime.measure.rows import FEWEST_ROWS, as_table, rotation, to_lines
from lean_automl_runtime.records import RecordReader
from lean_automl_runtime.reference import evaluate

from lean_automl.compiler.c_timer import Timed, Timing, compiled, compiled_bytes
from lean_automl.errors import MeasurementError, ParityError, ToolchainError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import Program
    from lean_automl_runtime.measure import Measurement, MeasureOptions

    from lean_automl.compiler.c_timer import CompiledHeader

Array = np.ndarray[Any, np.dtype[Any]]
HEADER_FILE: Final = "model.h"
ENGINE: Final = "c"
QUICK: Final = Timing(budget_s=0.03, longest_s=0.3, enough=100)


def header_text(program: Program, *, few_bytes: bool = False) -> str:
    """Text of the header that ships.

    Args:
        program: Its Program.
        few_bytes: The fewest bytes rather than the least time.

    Raises:
        UnsupportedOpError: The Program cannot be written in C.
    """
    return export_c(program, COptions(few_bytes=few_bytes))[HEADER_FILE]


@lru_cache(maxsize=16)
def header_bytes(text: str) -> int:
    """What a limit on size is for: bytes of code and tables of a compiled header.

    Raises:
        ToolchainError: There is no compiler, or it failed.
    """
    return compiled_bytes(text)


def quick_us(program: Program, text: str, records: Sequence[dict[str, Any]], batch_size: int) -> float:
    """Median latency of a call, by a quick look."""
    with compiled(program, text, _arrays(program, rotation(records))) as header:
        timed = header.time(replace(QUICK, batch_size=batch_size))
    return float(np.median(timed.total_ns)) / 1000


def measure_header(
    program: Program, text: str, records: Sequence[dict[str, Any]], options: MeasureOptions
) -> Measurement:
    """Latency of the compiled header in processes of its own; the same figures as `measure` has of other files.

    Args:
        program: Its Program.
        text: The header.
        records: Raw records.
        options: Mode, engine and garbage collection do not matter.

    Raises:
        ToolchainError: There is no compiler, or it failed.
        MeasurementError: The compiled program failed, or took too long.
    """
    lines = to_lines(records, options.max_rows)
    core = choose_core(options.pin, options.core)
    enough = options.enough_samples
    timing = Timing(options.budget_s, options.most_s, enough, options.batch_size or 1, core)
    with compiled(program, text, _arrays(program, rotation(list(records)[: options.max_rows]))) as header:
        raws = [_raw(_quietest(header, timing, options), core) for _ in range(options.launches)]
    facts = {
        "artifact": HEADER_FILE,
        "file_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "size_bytes": header_bytes(text),
        "rows": max(len(lines), FEWEST_ROWS),
        "distinct_rows": len(set(lines)),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return pool(raws, options, facts)


def check_header(program: Program, text: str, arrays: Sequence[Array]) -> None:
    """Compare the compiled header with the reference.

    Args:
        program: Its Program.
        text: The header.
        arrays: Rows, one typed array for each column.

    Raises:
        ParityError: It predicts otherwise; says where.
        ToolchainError: There is no compiler, or it failed.
    """
    with compiled(program, text, arrays) as header:
        found = header.answers()
    expected = evaluate(program, list(arrays))
    if LABEL in found:
        classes = np.array(program.classes, dtype=object)
        found[LABEL] = classes[found[LABEL].reshape(-1)]
    for name in (LABEL, PROBABILITIES, PREDICTION):
        if name in found and not _same(found[name], np.asarray(expected[name])):
            raise ParityError(f"{HEADER_FILE}: the compiled header has another {name} than the reference. Report it.")


def _same(found: Array, expected: Array) -> bool:
    if found.dtype == object:
        return bool(found.tolist() == expected.reshape(-1).tolist())
    return bool(np.array_equal(found, expected.reshape(found.shape), equal_nan=True))


def _quietest(header: CompiledHeader, timing: Timing, options: MeasureOptions) -> tuple[Timed, int]:
    try:
        return quietest_of(lambda: header.time(timing, options.timeout_s), _control, options)
    except ToolchainError as error:
        raise MeasurementError(f"{HEADER_FILE}: {error}") from error


def _control(timed: Timed) -> Control:
    share = timed.facts["cpu_ns"] / max(1, timed.facts["elapsed_ns"])
    return Control.from_samples_ns(timed.control_ns, min(1.0, share))


def _raw(run: tuple[Timed, int], core: int) -> Raw:
    """As the measuring process of an artifact leaves it; a compiled program imports and loads nothing."""
    timed, attempts = run
    none = np.empty(0, dtype=np.int64)
    facts = {
        "engine": ENGINE,
        "cold": {"import_ms": 0.0, "load_ms": 0.0, "first_call_us": timed.facts["first_ns"] / 1000, "memory_mb": None},
        "control": _control(timed).to_json(),
        "attempts": attempts,
        "warm_up_calls": timed.facts["warm_up_calls"],
        "warm_up_stable": True,
        "calls_per_s": timed.facts["calls"] / max(1e-9, timed.facts["elapsed_ns"] / 1e9),
        "clock_us": timed.facts["clock_ns"] / 1000,
        "pinned_core": None if core < 0 else core,
        "priority": "usual",
        "machine": Machine.here().to_json(),
    }
    return Raw(facts, {"total": timed.total_ns, "assembly": none, "model": none})


def _arrays(program: Program, records: Sequence[dict[str, Any]]) -> list[Array]:
    return list(RecordReader(program.columns).table(as_table(records)))
