"""`lean_automl front` and `lean_automl select`: the students that a run kept, and picking another one."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lean_automl.cli.limits import ONE_SE, add_device_option, add_limit_options, constraints_of, device_of


def add_parser(commands: Any) -> None:
    """Add the commands."""
    front = commands.add_parser(
        "front",
        help="show the students that a run kept",
        description="The students that no other beats in all respects.",
    )
    front.add_argument("run_folder", metavar="RUN", help="folder that fit made")
    front.add_argument("--svg", metavar="FILE", help="also draw them, with all students that were tried")
    front.add_argument("--json", action="store_true", help="print JSON and nothing else")
    front.set_defaults(run=show)
    select = commands.add_parser(
        "select",
        help="pick another student of a run, without training",
        description="Write the best student of a run's front that meets other limits: exported, checked and measured.",
    )
    select.add_argument("run_folder", metavar="RUN", help="folder that fit made")
    select.add_argument("--out", metavar="FOLDER", help="folder to make (default: RUN and -selected)")
    select.add_argument("--overwrite", action="store_true", help="replace the folder of an earlier run")
    select.add_argument("--json", action="store_true", help="print JSON and nothing else")
    add_limit_options(select)
    add_device_option(select)
    select.add_argument("--one-se", action="store_true", help=ONE_SE)
    select.set_defaults(run=pick)


def show(namespace: argparse.Namespace) -> int:
    """Print the front."""
    from rich.console import Console
    from rich.table import Table

    from lean_automl.automl.front import read_front

    points = read_front(Path(namespace.run_folder))
    if namespace.svg is not None:
        draw(Path(namespace.run_folder), [asdict(point) for point in points], Path(namespace.svg))
    if namespace.json:
        print(json.dumps([asdict(point) for point in points]))
        return 0
    table = Table(
        "trial", "family", title="students that no other beats in score, size and latency", title_justify="left"
    )
    for name in ("score", "rounds", "kB", *(f"{file} us" for file in points[0].latency_us)):
        table.add_column(name, justify="right")
    for point in points:
        latencies = [f"{latency:,.1f}" for latency in point.latency_us.values()]
        size = f"{point.bytes / 1000:,.1f}"
        table.add_row(str(point.trial), point.family, f"{point.score:.5g}", str(point.rounds), size, *latencies)
    Console(highlight=False).print(table)
    return 0


def draw(run: Path, points: list[dict[str, Any]], out: Path) -> None:
    """Write a picture of what was tried and what no other beats.

    Raises:
        ArtifactError: The record of the run cannot be read.
        ConfigError: The picture cannot be written.
    """
    from lean_automl.cli.files import check_file, whole_file
    from lean_automl.cli.report import read_run
    from lean_automl.report.front import front_svg

    check_file(out, (".svg",), overwrite=True)
    picture = front_svg(read_run(run), points)
    with whole_file(out) as draft:
        draft.write_text(picture, encoding="utf-8")


def pick(namespace: argparse.Namespace) -> int:
    """Select and write."""
    constraints = constraints_of(namespace)
    run = Path(namespace.run_folder)
    out = (
        Path(namespace.out)
        if namespace.out is not None
        else run.absolute().with_name(run.absolute().name + "-selected")
    )
    from lean_automl.automl.finish import describe
    from lean_automl.automl.select import Wish, select

    wish = Wish(constraints, namespace.serve_with, device_of(namespace), namespace.one_se)
    found = select(run, wish, out, namespace.overwrite)
    point, checks = found.point, found.checks
    if namespace.json:
        values = {"point": asdict(point), "checks": [asdict(check) for check in checks], "notes": list(found.notes)}
        print(json.dumps(values))
        return 0
    for line in found.notes:
        print(line)
    print(f"trial {point.trial} ({point.family}), score {point.score:.5g} on validation rows")
    for check in checks:
        print(f"  {describe(check)}")
    print(f"wrote {out}/")
    return 0
