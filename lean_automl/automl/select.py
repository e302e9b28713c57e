"""Picks another student of a run's front for other limits, here or on a device: exported and checked, never trained.

Where size is limited it goes through the lossy passes that it bears, as in a fit.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from lean_automl_runtime.artifact import Artifact, read_artifact
from lean_automl_runtime.ir import digest

from lean_automl.automl.finish import MissError, check_exported, check_sizes, write_files
from lean_automl.automl.front import Point, Students, read_front, read_students
from lean_automl.automl.front_judge import judged, scoring_metric, smaller
from lean_automl.automl.measure_files import Measured, MeasurePlan, measure_files
from lean_automl.automl.one_se import cheapest_first, cost_of
from lean_automl.automl.output import MARKER, check_output, output_folder
from lean_automl.automl.predicted import predict_files
from lean_automl.errors import ArtifactError, InfeasibleError
from lean_automl.student.deploy import choose_deployment
from lean_automl.student.device import check_device, choose_for_device

if TYPE_CHECKING:
    from pathlib import Path

    from lean_automl_runtime.measure import DeviceProfile

    from lean_automl.automl.result import Check
    from lean_automl.config import Constraints
    from lean_automl.search.decision import Judged
    from lean_automl.student.deploy import Deployment

MEASURE_S: Final = 0.3
LONGEST_S: Final = 30.0  # where calls are long
MOST_SHRINKING: Final = 4.0  # a student of more than that many times a limit is not tried


@dataclass(frozen=True)
class Wish:
    """What the student must meet, and where.

    Attributes:
        constraints: The limits.
        target: What ships, as `student.deploy` says.
        device: Profile of the machine that will serve; None for this one.
        one_se: Whether the cheapest student is wanted that is within one standard error of the best.
    """

    constraints: Constraints
    target: str = "auto"
    device: DeviceProfile | None = None
    one_se: bool = False


@dataclass(frozen=True)
class Selection:
    """What was picked.

    Attributes:
        point: The student.
        checks: Each limit beside its figure.
        notes: A line for each file that is left out.
    """

    point: Point
    checks: list[Check]
    notes: tuple[str, ...]


def select(run: Path, wish: Wish, out: Path, overwrite: bool) -> Selection:
    """Write the best student of a front that meets other limits.

    Raises:
        ConfigError: The output folder cannot be made, or a limit cannot be predicted for the device.
        InfeasibleError: None of them meets the limits; the message has the nearest miss.
        MeasurementError: A file could not be measured, or not long enough to check a limit.
        ArtifactError: The front cannot be read.
    """
    if wish.device is not None:
        check_device(wish.target, wish.constraints, wish.device)
    check_output(out, overwrite)
    points = sorted(read_front(run), key=lambda point: -point.score)
    students = read_students(run)
    records, evidence = students.records, students.evidence
    columns = read_artifact(students.artifacts[points[0].trial]).program.columns
    if wish.device is None:
        deployment, lines = choose_deployment(wish.target, columns, records, wish.constraints)
    else:
        deployment, lines = choose_for_device(wish.target, columns, wish.constraints, wish.device, records)
    most, misses = wish.constraints.max_size_bytes, []
    if wish.one_se:
        points = _cheapest_first(points, students, wish.constraints, deployment)
    for point in points:
        size = _size(point, deployment)
        if most is not None and size > most * (1 if evidence is None else MOST_SHRINKING):
            misses.append(f"trial {point.trial} has {size / 1000:,.1f} kB")
            continue
        artifact = read_artifact(students.artifacts[point.trial])
        if most is not None and evidence is not None:
            program, said = smaller(artifact.program, evidence, records)
            artifact = Artifact(program, artifact.metadata | said)
        try:
            with output_folder(out) as draft:
                chosen = _write(draft, artifact, records, (deployment, wish.constraints))
                found = Selection(point, chosen.checks, (*lines, *chosen.left_out.values()))
                note = {"selected_from": str(run), **_note(found, chosen), "digest": digest(artifact.program)}
                (draft / MARKER).write_text(json.dumps(note, ensure_ascii=False, indent=1), encoding="utf-8")
        except MissError as miss:
            misses.append(f"trial {point.trial}: {miss}")
            continue
        return found
    raise InfeasibleError(f"none of {len(points)} students on the front meets the limits. {'; '.join(misses[-3:])}.")


def _cheapest_first(
    points: list[Point], students: Students, constraints: Constraints, deployment: Deployment
) -> list[Point]:
    """Points in the order in which they should be tried by the one-standard-error rule.

    The best is the best of those that seem to meet the limits, as the run saw them.

    Raises:
        ArtifactError: The front was written by a version that kept no rows to compare students on.
    """
    evidence, latency_us, size = students.evidence, constraints.max_latency_us, constraints.max_size_bytes
    if evidence is None:
        raise ArtifactError("--one-se: this run kept no rows to compare its students on. Fit again, or leave it out.")

    def latencies(point: Point) -> dict[str, float]:
        return {name: us for name, us in point.latency_us.items() if name in deployment.engines}

    def seems_to_fit(point: Point) -> bool:
        is_quick = latency_us is None or all(us <= latency_us for us in latencies(point).values())
        return is_quick and (size is None or _size(point, deployment) <= size)

    def cost(point: Point) -> float:
        return cost_of(constraints, _size(point, deployment), latencies(point))

    def predictions(point: Point) -> list[Judged]:
        return [judged(read_artifact(students.artifacts[point.trial]).program, evidence)]

    fitting = [point for point in points if seems_to_fit(point)]
    rest = [point for point in points if not seems_to_fit(point)]
    return cheapest_first(fitting, cost, predictions, scoring_metric(evidence)) + rest


def _size(point: Point, deployment: Deployment) -> int:
    """Bytes of the largest file that ships."""
    return max(point.sizes.get(name, 0) for name in deployment.engines)


def _write(
    draft: Path, artifact: Artifact, records: list[dict[str, Any]], about: tuple[Deployment, Constraints]
) -> Measured:
    """Write, check and measure the files; those that are left out are gone again.

    Raises:
        MissError: A limit is broken.
    """
    deployment, constraints = about
    write_files(draft, artifact.program, deployment, artifact.metadata)
    check_exported(draft, artifact.program)
    check_sizes(draft, deployment, constraints)
    if deployment.costs is not None:
        measured = Measured(checks=predict_files(artifact.program, deployment.costs))
    else:
        plan = MeasurePlan(MEASURE_S, longest_s=LONGEST_S)
        measured = measure_files(draft, records, deployment, constraints, plan)
    for name in measured.left_out:
        (draft / name).unlink()
    sizes = check_sizes(draft, deployment.without(measured.left_out), constraints)
    return Measured(measured.measurements, [*sizes, *measured.checks], measured.left_out)


def _note(found: Selection, measured: Measured) -> dict[str, Any]:
    return {
        "point": asdict(found.point),
        "checks": [asdict(check) for check in found.checks],
        "measurements": [measurement.to_json() for measurement in measured.measurements],
        "notes": list(found.notes),
    }
