"""`lean_automl profile`: what this machine charges for a prediction, or a program that asks another one."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lean_automl.cli.files import check_file, whole_file
from lean_automl.errors import ConfigError

if TYPE_CHECKING:
    from lean_automl_runtime.measure import DeviceProfile

SUFFIX: Final = {"json": ".json", "c": ".c"}
EPILOG: Final = """\
examples:
  lean_automl profile --out here.json
  lean_automl profile --to c --out profile.c     cc -O2 -ffp-contract=off profile.c, run it there, keep what it prints
  python -m lean_automl_runtime.measure profile  the same on a device that has Python and the runtime
then: lean_automl fit train.csv --target y --max-latency-us 50 --device pi4.json
"""


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "profile",
        help="learn what a machine charges, for fit --device",
        description="Time reference models and fit a linear cost model for each engine.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", required=True, metavar="FILE", help="file to write: .json, or .c with --to c")
    parser.add_argument(
        "--to", choices=tuple(SUFFIX), default="json", help="json: the profile of this machine; c: a C99 program (json)"
    )
    parser.add_argument("--engine", action="append", metavar="NAME", help="repeat for more (all that are installed)")
    parser.add_argument("--seconds", type=float, default=20.0, metavar="S", help="of sampling (20)")
    parser.add_argument("--overwrite", action="store_true", help="replace the file")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Make and write."""
    out = Path(namespace.out)
    check_file(out, (SUFFIX[namespace.to],), namespace.overwrite)
    if not (namespace.seconds > 0 and math.isfinite(namespace.seconds)):
        raise ConfigError(f"--seconds: {namespace.seconds:g} is not a time. Give a positive number.")
    if namespace.to == "c":
        from lean_automl_exporters.c.profile_program import export_profile

        text, said = export_profile(), f"{out}: compile it on the device with cc -O2 -ffp-contract=off, and run it"
    else:
        profile = _calibrate(namespace.engine, namespace.seconds)
        text, said = json.dumps(profile.to_json(), indent=1) + "\n", "\n".join(_lines(out, profile))
    with whole_file(out) as draft:
        draft.write_text(text, encoding="utf-8")
    print(said)
    return 0


def _calibrate(engines: list[str] | None, seconds: float) -> DeviceProfile:
    from lean_automl_exporters.onnx import export_onnx
    from lean_automl_runtime.measure import calibrate

    writers = {"onnx": export_onnx} if engines is None or "onnx" in engines else {}
    return calibrate(engines, seconds, writers)


def _lines(out: Path, profile: DeviceProfile) -> list[str]:
    """What was learned, in short."""
    lines = [f"{out}: {profile.machine.cpu}, {profile.date}"]
    for engine, model in profile.models.items():
        held = profile.held_out[engine]
        lines.append(
            f"  {engine}: margin {model.margin:.0%}; on {held.programs} models that were left out the median error is "
            f"{held.median:.1%}, 95 % are within {held.p95:.0%}"
        )
    return lines + [f"  note: {note}" for note in profile.notes]
