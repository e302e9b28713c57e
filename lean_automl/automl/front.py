"""The students that no other beats in score, size and latency at once, kept so that another one can be picked later.

`front.zip` beside the model holds them as artifacts, each as it was fitted on its first fold, with some raw rows to
measure with. Picking one trains nothing: it is exported, checked and measured.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lean_automl_runtime.artifact import read_artifact
from lean_automl_runtime.ir import digest

from lean_automl.automl.finish import MeasurePlan, MissError, check_exported, check_sizes, measure_files, write_files
from lean_automl.automl.output import FRONT, MARKER, check_output, output_folder
from lean_automl.errors import ArtifactError, InfeasibleError
from lean_automl.student.deploy import EVERY_FILE, choose_deployment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl.automl.result import Check
    from lean_automl.config import Constraints
    from lean_automl.student.trial import Candidate, Workbench

ROWS: Final = "rows.json"
POINTS: Final = "front.json"
MOST_POINTS: Final = 8
MOST_ROWS: Final = 1_000
MEASURE_S: Final = 0.3
ANY: Final = float("inf")


@dataclass(frozen=True)
class Point:
    """A student on the front.

    Attributes:
        trial: Its number in the run.
        family: Name of its family.
        score: On validation rows; greater is better.
        rounds: Trees or epochs.
        sizes: Bytes of each file.
        latency_us: Median of a call for each file with its own engine, a quick look.
    """

    trial: int
    family: str
    score: float
    rounds: int
    sizes: dict[str, int]
    latency_us: dict[str, float]

    @property
    def bytes(self) -> int:
        """Of the largest file."""
        return max(self.sizes.values())

    @property
    def quickest_us(self) -> float:
        """Of the quickest file."""
        return min(self.latency_us.values())

    def beats(self, other: Point) -> bool:
        """Whether it is at least as good in all respects, and better in one."""
        own = (-self.score, self.bytes, self.quickest_us)
        others = (-other.score, other.bytes, other.quickest_us)
        return all(a <= b for a, b in zip(own, others, strict=True)) and own != others


def front_bytes(candidates: Sequence[Candidate], bench: Workbench) -> bytes:
    """The content of `front.zip`."""
    points = _points(candidates, bench)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for point, artifact in points:
            archive.writestr(f"{point.trial}.lam", artifact)
        archive.writestr(POINTS, json.dumps([asdict(point) for point, _ in points]))
        archive.writestr(ROWS, json.dumps(list(bench.records[:MOST_ROWS]), ensure_ascii=False))
    return stream.getvalue()


def _points(candidates: Sequence[Candidate], bench: Workbench) -> list[tuple[Point, bytes]]:
    """Non-dominated students, best score first."""
    found: list[tuple[Point, bytes]] = []
    best_bytes = ANY
    for candidate in sorted(candidates, key=lambda c: (-c.score, c.footprint.bytes)):
        if candidate.footprint.bytes >= best_bytes:
            continue  # a better one is smaller, and with it as good as always quicker
        best_bytes = candidate.footprint.bytes
        cost = candidate.footprint
        if cost.latency_us.keys() != EVERY_FILE.engines.keys() or bench.constraints.batch_size > 1 or cost.upper_us:
            # The run itself had less to look at, looked at batches, or predicted for a device.
            cost = EVERY_FILE.footprint(read_artifact(candidate.artifact).program, bench.records)
        point = Point(
            candidate.number, candidate.family, candidate.score, candidate.rounds, cost.sizes, cost.latency_us
        )
        found.append((point, candidate.artifact))
        if len(found) == MOST_POINTS:
            break
    return [(point, artifact) for point, artifact in found if not any(other.beats(point) for other, _ in found)]


def read_front(run: Path) -> list[Point]:
    """The points in a run's folder.

    Raises:
        ArtifactError: The folder has no front, or it cannot be read.
    """
    with _archive(run) as archive:
        return [Point(**point) for point in json.loads(archive.read(POINTS))]


def _archive(run: Path) -> zipfile.ZipFile:
    path = run / FRONT
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise ArtifactError(
            f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}. Give the folder of a finished fit."
        ) from error


def select(run: Path, constraints: Constraints, target: str, out: Path, overwrite: bool) -> tuple[Point, list[Check]]:
    """Write the best student of a front that meets other limits; nothing is trained.

    Raises:
        ConfigError: The output folder cannot be made.
        InfeasibleError: None of them meets the limits; the message has the nearest miss.
        ArtifactError: The front cannot be read.
    """
    check_output(out, overwrite)
    points = sorted(read_front(run), key=lambda point: -point.score)
    with _archive(run) as archive:
        records: list[dict[str, Any]] = json.loads(archive.read(ROWS))
        artifacts = {point.trial: archive.read(f"{point.trial}.lam") for point in points}
    columns = read_artifact(artifacts[points[0].trial]).program.columns
    deployment, _ = choose_deployment(target, columns, records, constraints)
    misses = []
    for point in points:
        if constraints.max_size_bytes is not None and point.bytes > constraints.max_size_bytes:
            misses.append(f"trial {point.trial} has {point.bytes / 1000:,.1f} kB")
            continue
        artifact = read_artifact(artifacts[point.trial])
        try:
            with output_folder(out) as draft:
                write_files(draft, artifact.program, deployment, artifact.metadata)
                check_exported(draft, artifact.program)
                sizes = check_sizes(draft, deployment, constraints)
                measurements, latencies = measure_files(draft, records, deployment, constraints, MeasurePlan(MEASURE_S))
                checks = [*sizes, *latencies]
                note = {
                    "selected_from": str(run),
                    "point": asdict(point),
                    "checks": [asdict(check) for check in checks],
                    "measurements": [measurement.to_json() for measurement in measurements],
                    "digest": digest(artifact.program),
                }
                (draft / MARKER).write_text(json.dumps(note, ensure_ascii=False, indent=1), encoding="utf-8")
        except MissError as miss:
            misses.append(f"trial {point.trial}: {miss}")
            continue
        return point, checks
    raise InfeasibleError(f"none of {len(points)} students on the front meets the limits. {'; '.join(misses[-3:])}.")
