"""Compares a compiled model with its library on rows that find mistakes: on thresholds, beside them, missing, odd."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from lean_automl_exporters.hostile import hostile_rows
from lean_automl_runtime.ir import LABEL, Program
from lean_automl_runtime.reference import evaluate

from lean_automl.compiler.foreign.load import load_source
from lean_automl.compiler.foreign.model import lower
from lean_automl.compiler.foreign.parity import differences, library_frame
from lean_automl.compiler.foreign.request import Loaded, Request
from lean_automl.compiler.passes import optimise
from lean_automl.data import Table

Array = np.ndarray[Any, np.dtype[Any]]


def probe_rows(program: Program, seed: int, *, nan: bool, inf: bool, largest: float) -> tuple[Array, ...]:
    """Typed arrays; numbers are limited to what the library takes."""
    made = []
    for x in hostile_rows(program, np.random.default_rng(seed)):
        if x.dtype == object:
            made.append(x)
            continue
        clipped = x if inf and largest == np.inf else np.clip(x, -largest, largest)
        made.append((clipped if nan else np.nan_to_num(clipped, nan=1.0)).astype(x.dtype))
    return tuple(made)


def worst_difference(
    source: Any,
    request: Request | None = None,
    *,
    nan: bool = True,
    inf: bool = False,
    largest: float = 1e30,
    known_text: bool = False,
    present: tuple[str, ...] = (),
    seeds: int = 2,
    bins: bool = False,
) -> float:
    """The largest difference between a compiled model and its library.

    Args:
        source: The model.
        request: As for `compile_model`.
        nan: Whether the library takes NaN.
        inf: Whether it takes infinities.
        largest: Largest number to try.
        known_text: Whether text is limited to known categories, because the library refuses others.
        present: Columns that must not be missing, because the library refuses that.
        seeds: How often to try.
        bins: Whether the columns are cut at float64 values of rows, which belong above the cut.
    """
    request = request or Request()
    loaded = load_source(source, request)
    program = optimise(lower(loaded.model, request.declared))
    worst = 0.0
    for seed in range(seeds):
        arrays = probe_rows(program, seed, nan=nan, inf=inf, largest=np.inf if inf else largest)
        if known_text:
            arrays = _known(program, arrays)
        arrays = tuple(
            np.nan_to_num(x, nan=1.0) if column.name in present else x
            for column, x in zip(program.columns, arrays, strict=True)
        )
        worst = max(worst, compare(loaded, program, arrays, bins=bins))
    return worst


def _known(program: Program, arrays: tuple[Array, ...]) -> tuple[Array, ...]:
    made = list(arrays)
    for op in program.ops:
        number = op.inputs[0]
        if op.name == "Encode":
            categories = np.array(op.categories, dtype=object)  # type: ignore[attr-defined]
            unknown = ~np.isin(made[number].astype(str), categories.astype(str))
            fill = categories[np.arange(unknown.sum()) % categories.size]
            made[number] = made[number].copy()
            made[number][unknown] = fill
    return tuple(made)


def outermost(x: Array, greatest: bool) -> Array:
    """The least float64 that float32 rounds to each number, or the greatest; a whole one, maybe a category, stays.

    A model whose thresholds are float64 values of rows has them, rounded, in its Program, so a float32 passes if any
    float64 that is rounded to it does, and a strict test if all do.
    """
    if x.dtype != np.float32:
        return x
    wide = x.astype(np.float64)
    beside = np.nextafter(x, np.float32(np.inf if greatest else -np.inf)).astype(np.float64)
    return np.where((wide == np.rint(wide)) | ~np.isfinite(beside), wide, (wide + beside) / 2)


def compare(loaded: Loaded, program: Program, arrays: tuple[Array, ...], *, bins: bool = False) -> float:
    """The largest difference on these rows; labels must be equal wherever the two best classes are apart."""
    assert loaded.predict is not None
    table = Table(program.columns, arrays)
    scores: Any = loaded.model.scores
    of_doubles = bins or getattr(scores, "of_doubles", False)
    seen = [outermost(x, bins or scores.strict) for x in arrays] if of_doubles else arrays
    given = [np.where(x == "", None, x) if x.dtype == object else x for x in seen]
    frame = pd.DataFrame(dict(zip(table.names, given, strict=True)))
    want = np.asarray(loaded.predict(library_frame(frame, loaded.model.inputs, table)), dtype=np.float64)
    outputs = evaluate(program, arrays)
    if LABEL not in outputs:
        got = outputs["prediction"]
        return float(differences(got, want.reshape(got.shape)).max())
    got = outputs["probabilities"]
    apart = differences(got, want)
    best = np.sort(want, axis=1)
    certain = best[:, -1] - best[:, -2] > 1e-5
    labels = np.array(program.classes, dtype=object)[want.argmax(axis=1)]
    assert (outputs[LABEL].astype(object)[certain] == labels[certain]).all()
    return float(apart.max())
