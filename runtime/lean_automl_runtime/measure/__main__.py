"""`python -m lean_automl_runtime.measure MODEL --rows ROWS.jsonl`: measure an artifact by hand.

`python -m lean_automl_runtime.measure profile` makes the profile of this device.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Final

from lean_automl_runtime.errors import LeanAutoMLError
from lean_automl_runtime.measure.harness import DEFAULTS, measure
from lean_automl_runtime.measure.options import MeasureOptions, Mode
from lean_automl_runtime.measure.result import Measurement, meets
from lean_automl_runtime.measure.rows import read_rows
from lean_automl_runtime.measure.statistics import Latency, quantile_name

EXIT_MET: Final = 0
EXIT_ERROR: Final = 1
EXIT_NOT_MET: Final = 4


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m lean_automl_runtime.measure", description=__doc__)
    made.add_argument("model", help=".lam artifact or exported .onnx file")
    made.add_argument("--rows", required=True, help="records as JSON lines; at least 1,000 that differ")
    made.add_argument("--engine", default=DEFAULTS.engine, help="as load() takes it; default %(default)s")
    made.add_argument("--mode", choices=[mode.value for mode in Mode], default=DEFAULTS.mode.value)
    made.add_argument("--rate-hz", type=float, help="calls due in a second, for mode open_loop")
    made.add_argument("--batch-size", type=int, help="time predict on tables of that many rows, not predict_one")
    made.add_argument("--launches", type=int, default=DEFAULTS.launches, help="fresh processes; default %(default)s")
    made.add_argument("--budget-s", type=float, default=DEFAULTS.budget_s, help="sampling seconds of a launch")
    made.add_argument("--threads", type=int, default=DEFAULTS.threads)
    made.add_argument("--core", type=int, help="core to pin to; default: the least busy one")
    made.add_argument("--no-pin", action="store_true", help="leave the choice of core to the system")
    made.add_argument("--full-speed-us", type=float, help="control kernel at full speed: slower runs are noisy")
    made.add_argument("--limit-us", type=float, help="exit code 4 unless the quantile's upper bound is at most this")
    made.add_argument("--quantile", type=float, default=0.99, help="that the limit is for; default %(default)s")
    made.add_argument("--json", action="store_true", help="print JSON")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; the exit code says whether the limit is met."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["profile"]:
        from lean_automl_runtime.measure.profile_command import main as make_profile

        return make_profile(arguments[1:])
    asked = parser().parse_args(arguments)
    try:
        options = MeasureOptions(
            engine=asked.engine,
            mode=Mode(asked.mode),
            rate_hz=asked.rate_hz,
            batch_size=asked.batch_size,
            launches=asked.launches,
            budget_s=asked.budget_s,
            threads=asked.threads,
            core=asked.core,
            pin=not asked.no_pin,
            full_speed_us=asked.full_speed_us,
            quantiles=(asked.quantile,),
            bounded=asked.quantile if asked.limit_us is not None and asked.quantile < 1 else None,
        )
        measurement = measure(asked.model, read_rows(asked.rows), options)
    except LeanAutoMLError as error:
        sys.stderr.write(f"error: {error}\n")
        return EXIT_ERROR
    sys.stdout.write(json.dumps(measurement.to_json(), indent=2) + "\n" if asked.json else table(measurement))
    if asked.limit_us is None or meets(measurement, asked.limit_us, asked.quantile):
        return EXIT_MET
    sys.stderr.write(
        f"limit not met: {quantile_name(asked.quantile)} is shown to be at most "
        f"{measurement.upper_us(asked.quantile):.4g} us, the limit is {asked.limit_us:g} us\n"
    )
    return EXIT_NOT_MET


def table(measurement: Measurement) -> str:
    """A measurement as text."""
    options, machine, cold = measurement.options, measurement.machine, measurement.cold
    what = "predict_one" if options.batch_size is None else f"predict on {options.batch_size} rows"
    rate = f" at {options.rate_hz:g} calls/s" if options.rate_hz else ""
    core = "not pinned" if measurement.pinned_core is None else f"core {measurement.pinned_core}"
    core += f", {measurement.priority} priority"
    garbage = "on" if options.collect_garbage else "off"
    lines = [
        f"{measurement.artifact}  {measurement.size_bytes} bytes  {measurement.engine} engine  {what}",
        f"{machine.cpu}, {machine.cores} cores, {core}, {options.threads} thread(s), {machine.python}, "
        f"numpy {machine.packages.get('numpy')}, garbage collector {garbage}",
        f"mode {options.mode.value}{rate}, {len(measurement.launches)} launch(es), {measurement.rows} rows, "
        f"{measurement.distinct_rows} distinct",
        "",
        _row("us", [q.name for q in measurement.total.quantiles], "samples"),
        *_latency_rows("total", measurement.total),
    ]
    for name in ("assembly", "model"):
        latency: Latency | None = getattr(measurement, name)
        lines += _latency_rows(name, latency) if latency else []
    if measurement.call_us is not None:
        lines.append(_row("call (rest)", [f"{measurement.call_us:.2f}"]))
    if options.batch_size is not None:
        lines += _latency_rows("a row", measurement.per_row)
    controls = ", ".join(f"{launch.control.p50_us:.1f}" for launch in measurement.launches)
    memory = "" if cold.memory_mb is None else f", memory {cold.memory_mb:.0f} MB"
    lines += [
        "",
        f"cold: import {cold.import_ms:.0f} ms, load {cold.load_ms:.1f} ms, first call {cold.first_call_us:.0f} us"
        + memory,
        f"clock {measurement.clock_us:.3f} us (in every sample), control kernel {controls} us, "
        f"launches differ by {measurement.between_launches():.1%} at p50",
    ]
    lines += [f"NOISY: {reason}" for reason in measurement.noise] + [f"note: {note}" for note in measurement.notes]
    return "\n".join(lines) + "\n"


def _latency_rows(name: str, latency: Latency) -> list[str]:
    quantiles = latency.quantiles
    return [
        _row(name, [f"{q.value_us:.2f}" for q in quantiles], str(latency.samples)),
        _row("  95 % from", [f"{q.lower_us:.2f}" for q in quantiles]),
        _row("  to", [f"{q.upper_us:.2f}" for q in quantiles]),
    ]


def _row(name: str, cells: list[str], last: str = "") -> str:
    return (f"{name:<12}" + "".join(f"{cell:>11}" for cell in cells) + f"{last:>10}").rstrip()


if __name__ == "__main__":
    sys.exit(main())
