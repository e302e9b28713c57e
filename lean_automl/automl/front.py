"""The students that no other beats in score, size and latency at once, kept so that another one can be picked later.

`front.zip` beside the model holds them as artifacts, each as it was fitted on its first fold, with some raw rows to
measure with and that fold's validation rows; `select.py` picks one.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lean_automl_runtime.artifact import read_artifact

from lean_automl.automl.front_judge import evidence_of, fewer_rows
from lean_automl.automl.output import FRONT
from lean_automl.errors import ArtifactError
from lean_automl.student.deploy import EVERY_FILE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl.student.trial import Candidate, Workbench

ROWS: Final = "rows.json"
POINTS: Final = "front.json"
EVIDENCE: Final = "judge.json"
MOST_POINTS: Final = 12
MOST_ROWS: Final = 1_000

Costs = tuple[float, int, float]  # negative score, bytes of the largest file, microseconds of the quickest


@dataclass(frozen=True)
class Point:
    """A student on the front.

    Attributes:
        trial: Its number in the run.
        family: Name of its family.
        score: On validation rows; greater is better.
        rounds: Trees or epochs.
        sizes: Bytes of each file.
        latency_us: Median of a call for each file with its own engine, a quick look. Where the run had a limit on it,
            of the files that may have shipped: another one may take seconds to look at.
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
        return _dominates(own, (-other.score, other.bytes, other.quickest_us))


def front_bytes(candidates: Sequence[Candidate], bench: Workbench) -> bytes:
    """The content of `front.zip`."""
    points = _points(candidates, bench)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for point, artifact in points:
            archive.writestr(f"{point.trial}.lam", artifact)
        archive.writestr(POINTS, json.dumps([asdict(point) for point, _ in points]))
        rows = list(bench.records[: fewer_rows(len(bench.schema.features), MOST_ROWS)])
        archive.writestr(ROWS, json.dumps(rows, ensure_ascii=False))
        archive.writestr(EVIDENCE, json.dumps(evidence_of(bench), ensure_ascii=False))
    return stream.getvalue()


def _points(candidates: Sequence[Candidate], bench: Workbench) -> list[tuple[Point, bytes]]:
    """Non-dominated students, best score first."""
    found = []
    for candidate in kept_students(candidates):
        cost = candidate.footprint
        if not cost.latency_us or bench.constraints.batch_size > 1 or cost.upper_us:
            # The run itself did not look at latencies, looked at batches, or predicted for a device.
            cost = EVERY_FILE.footprint(read_artifact(candidate.artifact).program, bench.records)
        point = Point(
            candidate.number, candidate.family, candidate.score, candidate.rounds, cost.sizes, cost.latency_us
        )
        found.append((point, candidate.artifact))
    return [(point, artifact) for point, artifact in found if not any(other.beats(point) for other, _ in found)]


def kept_students(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those that no other beats as far as the run has looked, best score first; of many the ends, and the best."""
    kept = [c for c in candidates if not any(_dominates(_costs(other), _costs(c)) for other in candidates)]
    kept.sort(key=lambda c: (*_costs(c), c.number))
    if len(kept) > MOST_POINTS:
        smallest = min(kept, key=lambda c: _costs(c)[1])
        quickest = min(kept, key=lambda c: _costs(c)[2])
        ends = [smallest, quickest]
        most = MOST_POINTS - len({c.number for c in ends})
        best = [c for c in kept if c not in ends][:most]
        kept = [c for c in kept if c in best or c in ends]
    return kept


def _costs(candidate: Candidate) -> Costs:
    """In which less is better; latencies are 0 in a run that did not look at them."""
    cost = candidate.footprint
    return -candidate.score, cost.bytes, min(cost.latency_us.values(), default=0.0)


def _dominates(own: Costs, others: Costs) -> bool:
    return all(a <= b for a, b in zip(own, others, strict=True)) and own != others


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


@dataclass(frozen=True)
class Students:
    """What is kept of the students on a front.

    Attributes:
        records: Raw rows to measure with.
        artifacts: Of each point, by its trial.
        evidence: What judges lossy passes (`front_judge`); None in a front that an earlier version wrote.
    """

    records: list[dict[str, Any]]
    artifacts: dict[int, bytes]
    evidence: dict[str, Any] | None


def read_students(run: Path) -> Students:
    """The students of the points in a run's folder.

    Raises:
        ArtifactError: The folder has no front, or it cannot be read.
    """
    points = read_front(run)
    with _archive(run) as archive:
        artifacts = {point.trial: archive.read(f"{point.trial}.lam") for point in points}
        evidence = json.loads(archive.read(EVIDENCE)) if EVIDENCE in archive.namelist() else None
        return Students(json.loads(archive.read(ROWS)), artifacts, evidence)
