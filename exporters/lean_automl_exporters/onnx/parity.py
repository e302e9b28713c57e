"""Proof that an exported file agrees with the reference: run both on given rows and on hostile ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from lean_automl_runtime.engines.onnx import OnnxEngine
from lean_automl_runtime.errors import ParityError
from lean_automl_runtime.ir import LABEL, PROBABILITIES, Program
from lean_automl_runtime.ir import ops as o

from lean_automl_exporters.hostile import hostile_rows
from lean_automl_exporters.onnx.bounds import evaluate_with_bounds
from lean_automl_exporters.onnx.export import export_onnx
from lean_automl_exporters.onnx.options import DEFAULT_OPTIONS, OnnxOptions
from lean_automl_exporters.split import split_program

if TYPE_CHECKING:
    from lean_automl_exporters.onnx.values import Array

SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class ParityReport:
    """What a comparison covered.

    Attributes:
        rows: Rows compared.
        numbers: Probabilities or predictions compared.
        skipped: Numbers without one right answer: inputs at which rounding decides.
        labels: Labels compared; the rest are of rows whose two best classes are too close to call.
        largest_difference: Of all numbers compared.
        largest_bound: Of the differences that were allowed.
    """

    rows: int
    numbers: int
    skipped: int
    labels: int
    largest_difference: float
    largest_bound: float


def export_checked(
    program: Program,
    batches: Iterable[Sequence[Array]],
    options: OnnxOptions = DEFAULT_OPTIONS,
    metadata: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> tuple[bytes, ParityReport]:
    """`export_onnx`, then `check_parity`.

    Raises:
        ParityError: The file disagrees with the reference.
    """
    model = export_onnx(program, options, metadata)
    return model, check_parity(program, model, batches, seed)


def check_parity(
    program: Program, model: bytes, batches: Iterable[Sequence[Array]] = (), seed: int = 0
) -> ParityReport:
    """Run the file in onnxruntime on `batches` and on generated hostile rows, and compare with the reference.

    Args:
        program: What was exported.
        model: The exported file.
        batches: Each has one typed array for each column, as `ir.columns` describes.
        seed: Of the hostile rows.

    Raises:
        ParityError: Names the worst row, its values, and the output.
        MissingDependencyError: onnxruntime is not installed.
    """
    engine = OnnxEngine(model)
    if engine.columns != program.columns or engine.classes != program.classes:
        raise ParityError("the ONNX file describes other columns or classes than the Program has")
    sums_round = b"TreeEnsembleRegressor" in model
    named = [(f"batch {number}", batch) for number, batch in enumerate(batches)]
    hostile = hostile_rows(program, np.random.default_rng(seed))
    checks = [("hostile rows", hostile), ("one hostile row", [x[:1] for x in hostile])]
    reports = [_compare(program, engine.run, name, batch, sums_round) for name, batch in named + checks]
    if engine.transform is not None:
        reports.append(_compare_features(split_program(program).model, engine, seed, sums_round))
    return ParityReport(
        rows=sum(r.rows for r in reports),
        numbers=sum(r.numbers for r in reports),
        skipped=sum(r.skipped for r in reports),
        labels=sum(r.labels for r in reports),
        largest_difference=max(r.largest_difference for r in reports),
        largest_bound=max(r.largest_bound for r in reports),
    )


def _compare_features(model: Program, engine: OnnxEngine, seed: int, sums_round: bool) -> ParityReport:
    """The graph alone, on features that no row may ever have."""
    run = lambda columns: engine.run_features(np.stack(columns, axis=1))  # noqa: E731
    return _compare(model, run, "hostile features", hostile_rows(model, np.random.default_rng(seed)), sums_round)


def _compare(
    program: Program,
    run: Callable[[Sequence[Array]], dict[str, Array]],
    source: str,
    inputs: Sequence[Array],
    sums_round: bool,
) -> ParityReport:
    expected, bounds = evaluate_with_bounds(program, inputs, sums_round)
    found = run(inputs)
    rows = inputs[0].shape[0] if inputs else 0
    numbers = skipped = labels = 0
    difference = bound = 0.0
    for name, own in expected.items():
        got = found[name]
        if got.shape != own.shape:
            raise ParityError(f"output {name!r} has shape {got.shape} in the ONNX file, {own.shape} in the reference")
        if name == LABEL:
            certain = _certain_labels(program, expected, bounds)
            _require(own == got, certain, (program, source, inputs, name), (own, got))
            labels += int(certain.sum())
            continue
        limit = bounds[name]
        compared = np.isfinite(limit)
        apart = _differences(own, got)
        _require(apart <= limit, compared, (program, source, inputs, name), (own, got))
        numbers, skipped = numbers + int(compared.sum()), skipped + int((~compared).sum())
        difference = max(difference, float(apart[compared].max(initial=0.0)))
        bound = max(bound, float(limit[compared].max(initial=0.0)))
    return ParityReport(rows, numbers, skipped, labels, difference, bound)


def _differences(expected: Array, found: Array) -> Array:
    """Absolute differences; 0 for equal infinities and for two NaN, infinite where only one is."""
    with np.errstate(all="ignore"):
        apart = np.abs(expected.astype(np.float64) - found.astype(np.float64))
    same = (expected == found) | (np.isnan(expected) & np.isnan(found))
    return np.where(same, 0.0, np.where(np.isnan(apart), np.inf, apart))


def _certain_labels(program: Program, expected: Mapping[str, Array], bounds: Mapping[str, Array]) -> Array:
    """Rows whose label does not change when each probability moves by its bound."""
    label = program.ops[program.outputs[LABEL] - len(program.columns)]
    assert isinstance(label, o.Label)
    weights = _weights(program, label)
    if weights is None:
        return np.zeros(expected[LABEL].shape[0], dtype=bool)
    p, most = expected[PROBABILITIES] * weights, (bounds[PROBABILITIES] * weights).max(axis=1)
    if (weights != 1.0).any():
        most = most + np.finfo(np.float32).eps * p.max(axis=1)  # of the products
    if label.threshold is not None:
        gap = np.abs(p[:, 1] - np.float32(label.threshold))
        return np.asarray(gap > most)
    best = np.sort(p, axis=1)
    gap = best[:, -1] - best[:, -2] if p.shape[1] > 1 else np.full(p.shape[0], np.inf)
    return np.asarray(gap > 2 * most)


def _weights(program: Program, label: o.Label) -> Array | None:
    """What a label multiplies the probabilities with; None if it reads something else."""
    source, probabilities = label.inputs[0], program.outputs.get(PROBABILITIES)
    if source == probabilities:
        return np.ones(len(label.classes))
    op = program.ops[source - len(program.columns)]
    if isinstance(op, o.WithConstant) and op.inputs == (probabilities,) and op.kind is o.ArithmeticKind.MULTIPLY:
        return op.constant.astype(np.float64)
    return None


def _require(
    good: Array,
    compared: Array,
    where: tuple[Program, str, Sequence[Array], str],
    values: tuple[Array, Array],
) -> None:
    """Raise `ParityError` for the first row of the worst cell that is compared and not good."""
    bad = compared & ~good
    if not bad.any():
        return
    program, source, inputs, name = where
    expected, found = values
    cells = np.argwhere(bad)
    cell = tuple(cells[_worst(expected[bad], found[bad])].tolist())
    record = {column.name: _shown(x[cell[0]]) for column, x in zip(program.columns, inputs, strict=True)}
    place = f"column {cell[1]} of {name!r}" if len(cell) > 1 else f"{name!r}"
    raise ParityError(
        f"the ONNX file disagrees with the reference in {len(np.unique(cells[:, 0]))} of {inputs[0].shape[0]} rows of "
        f"{source}; worst in row {cell[0]}, {place}: {found[cell]!r} instead of {expected[cell]!r}, for {record}"
    )


def _worst(expected: Array, found: Array) -> int:
    return int(np.argmax(_differences(expected, found))) if expected.dtype.kind == "f" else 0


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."
