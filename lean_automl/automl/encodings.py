"""One Program in several ONNX encodings: write, check and measure each, and take the quickest within limits."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_exporters.onnx import ParityReport, TreeEncoding, export_checked
from lean_automl_exporters.ordinary import ordinary_rows
from lean_automl_runtime.measure import Measurement, MeasureOptions, measure

from lean_automl.automl.infeasible import rounded_up
from lean_automl.data import Table
from lean_automl.data.records import to_records
from lean_automl.errors import InfeasibleError, LeanAutoMLError, MeasurementError

if TYPE_CHECKING:
    from lean_automl_exporters.onnx import OnnxOptions
    from lean_automl_runtime.ir import Program

    from lean_automl.config import Constraints

ROWS: Final = 1_000
SEED: Final = 0
PARITY_ROWS: Final = 2_000
ALIKE: Final = 0.03  # medians of fresh processes that differ by less say nothing about the files


@dataclass(frozen=True)
class Variant:
    """A Program in one encoding.

    Attributes:
        encoding: Which.
        content: The file.
        parity: How it compares with the reference.
        measurement: Its latency, once it is measured.
    """

    encoding: TreeEncoding
    content: bytes
    parity: ParityReport
    measurement: Measurement | None = None

    def excess(self, constraints: Constraints) -> dict[str, float]:
        """For each limit `value / limit - 1`, at most 0 where it is met."""
        found = {}
        if constraints.max_size_bytes is not None:
            found["size"] = len(self.content) / constraints.max_size_bytes - 1
        if constraints.max_latency_us is not None and self.measurement is not None:
            upper = self.measurement.upper_us(constraints.latency_quantile)
            found["latency"] = upper / constraints.max_latency_us - 1
        return found

    def meets(self, constraints: Constraints) -> bool:
        """Whether every limit is kept."""
        return all(excess <= 0 for excess in self.excess(constraints).values())


def usual_table(program: Program) -> Table:
    """Rows to measure with where there are no real ones."""
    arrays = ordinary_rows(program, np.random.default_rng(SEED), ROWS)
    return Table(program.columns, tuple(arrays))


def write_variants(
    program: Program,
    options: Sequence[OnnxOptions],
    table: Table,
    metadata: Mapping[str, Any],
) -> list[Variant]:
    """The Program with each of the options, compared with the reference on the table's rows and on hostile ones.

    Raises:
        ParityError: A file disagrees.
        UnsupportedOpError: An encoding cannot express the Program.
    """
    rows = table.take(np.arange(min(table.rows, PARITY_ROWS)))
    variants = []
    for own in options:
        content, parity = export_checked(program, [rows.arrays], own, metadata)
        variants.append(Variant(own.encoding, content, parity))
    return variants


def measured(variant: Variant, table: Table, options: MeasureOptions) -> Variant:
    """The variant with its latency, from a fresh process that runs the file in onnxruntime."""
    with tempfile.TemporaryDirectory(prefix="lean_automl_export_") as folder:
        path = Path(folder) / f"{variant.encoding}.onnx"
        path.write_bytes(variant.content)
        return replace(variant, measurement=measure(path, to_records(table), options))


def best(variants: Sequence[Variant], constraints: Constraints) -> Variant:
    """The quickest that meets every limit; of those that are as good as equally quick, the smallest.

    Raises:
        InfeasibleError: None meets every limit; names the nearest miss.
        MeasurementError: Whether one keeps the limit on latency could not be found out.
    """
    fit = [variant for variant in variants if variant.meets(constraints)]
    if not fit:
        raise _refusal(variants, constraints)
    medians = {v.encoding: v.measurement.total.p50.value_us for v in fit if v.measurement is not None}
    if medians:
        quickest = min(medians.values())
        fit = [v for v in fit if medians.get(v.encoding, np.inf) <= quickest * (1 + ALIKE)]
    return min(fit, key=lambda v: (len(v.content), medians.get(v.encoding, 0.0)))


def _refusal(variants: Sequence[Variant], constraints: Constraints) -> LeanAutoMLError:
    nearest = min(variants, key=lambda v: max(v.excess(constraints).values()))
    over = {name: excess for name, excess in nearest.excess(constraints).items() if excess > 0}
    parts, options = [], []
    if "size" in over and constraints.max_size_bytes is not None:
        size = len(nearest.content) / 1000
        limit = constraints.max_size_bytes / 1000
        parts.append(f"has {size:,.1f} kB, {over['size']:.0%} over the limit of {limit:,g} kB")
        options.append(f"--max-size-kb {size * 1.02:.1f}")
    if "latency" in over and nearest.measurement is not None:
        upper = nearest.measurement.upper_us(constraints.latency_quantile)
        if not isfinite(upper):
            return MeasurementError(
                f"{nearest.encoding}: {nearest.measurement.total.samples:,} calls do not bound the "
                f"{constraints.latency_quantile:g} quantile. Give more --seconds, or a lower --latency-quantile."
            )
        parts.append(
            f"takes up to {upper:,.1f} us at the {constraints.latency_quantile:g} quantile, {over['latency']:.0%} over "
            f"the limit of {constraints.max_latency_us:,g} us"
        )
        options.append(f"--max-latency-us {rounded_up(upper * 1.2)}")
    what = "no encoding meets every limit" if len(variants) > 1 else "the file does not meet every limit"
    return InfeasibleError(
        f"{what}. Nearest miss: {nearest.encoding}, which {' and '.join(parts)}. It would fit with {' '.join(options)}."
    )
