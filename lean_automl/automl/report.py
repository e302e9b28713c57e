"""Collects what a run found and writes it beside the model."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lean_automl_runtime.ir import digest

from lean_automl.automl.front import read_front
from lean_automl.automl.output import CARD, MARKER, REPORT
from lean_automl.automl.result import Asked, Check, Finding, Member, RunResult, TrialRecord
from lean_automl.features import describe
from lean_automl.report.card import card
from lean_automl.report.explain import Explained, explain
from lean_automl.report.page import page
from lean_automl.student.distilled import undistilled
from lean_automl.student.search import FailedTrial
from lean_automl.student.trial import Candidate, Workbench

if TYPE_CHECKING:
    from lean_automl_runtime.measure import Measurement

    from lean_automl.automl.last_fit import LastFit
    from lean_automl.automl.request import Watcher
    from lean_automl.automl.run import Run
    from lean_automl.features import CategoryFeature, NumericFeature
    from lean_automl.search.clock import Clock
    from lean_automl.student.blend import Blend
    from lean_automl.student.deploy import Deployment
    from lean_automl.teacher.ensemble import Teacher

PACKAGES: Final = (
    "lean-automl",
    "lean-automl-runtime",
    "numpy",
    "scikit-learn",
    "lightgbm",
    "catboost",
    "chimeraboost",
    "optuna",
    "onnx",
    "onnxruntime",
    "numba",
)
LONGEST_EXPLAIN_S: Final = 3.0
EXPLAIN_SHARE: Final = 0.02  # of the time limit


@dataclass(frozen=True, eq=False)
class Shipped:
    """A student whose files were published.

    Attributes:
        blend: What it was in the search.
        last: Its last fit.
        deployment: What ships.
        measurements: In fresh processes, by file and engine.
        checks: Each constraint and each measured figure.
        bench: What judged it.
        left_out: A line for each file that broke a limit and was left out.
        searched: Features that it had to choose from beyond the basic ones.
    """

    blend: Blend
    last: LastFit
    deployment: Deployment
    measurements: list[Measurement]
    checks: list[Check]
    bench: Workbench
    left_out: tuple[str, ...] = ()
    searched: tuple[NumericFeature | CategoryFeature, ...] = ()


class Reporter:
    """Times the steps and makes the records."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seconds: dict[str, float] = {}
        self._started: dict[str, float] = {}

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Note what a step takes."""
        begin = time.monotonic()
        self._started[step] = begin - self._clock.start
        yield
        self._seconds[step] = time.monotonic() - begin

    def provenance(self, run: Run, blend: Blend) -> dict[str, Any]:
        """What the files say about where they come from."""
        return run.bench.about | {
            "family": blend.name,
            "trials": {str(candidate.number): round(weight, 4) for candidate, weight in blend.members},
            "seed": run.config.seed,
            "lean_automl": _version("lean-automl"),
        }

    def figures(self, checks: list[Check]) -> dict[str, dict[str, float]]:
        """Measured figures by name, and predicted ones apart."""
        found: dict[str, dict[str, float]] = {"measured": {}}
        for check in checks:
            kind = found.setdefault("predicted" if check.predicted else "measured", {})
            kind[f"{check.name}, {check.file}, {check.unit}"] = float(f"{check.value:.4g}")
        return found

    def result(self, run: Run, shipped: Shipped, explain_s: float = LONGEST_EXPLAIN_S) -> RunResult:
        """The record of the run so far; looking at what the model does may take so many seconds."""
        log = run.students.log
        teacher = run.teacher
        tried: list[Candidate | FailedTrial] = [*log.candidates, *log.failed]
        trials = sorted(tried, key=lambda trial: trial.number)
        return RunResult(
            target=run.schema.target,
            task=run.problem.task.value,
            metric=run.metric.name,
            rows=_rows(run),
            columns=len(run.schema.features),
            notes=[*(str(note) for note in run.dataset.notes), *run.left_out, *shipped.left_out],
            findings=[Finding(note.code.value, note.column, note.found, note.done) for note in run.dataset.notes],
            features={column.name: column.kind.value for column in run.schema.features},
            classes=[str(label) for label in run.schema.classes],
            asked=_asked(run),
            searched_features=[describe(feature) for feature in shipped.searched],
            members=_members(teacher),
            failures={failure.name: failure.reason for failure in run.failures},
            teacher_score=None if teacher is None else teacher.score,
            teacher_holdout=run.teacher_holdout,
            student=_student(shipped.blend),
            refitted=shipped.last.refitted,
            joined=shipped.last.joined,
            student_score=shipped.blend.score,
            undistilled_score=undistilled_score(shipped.blend, run.students.log.candidates),
            student_holdout=run.judge.program(shipped.last.judged),
            constant_holdout=run.judge.constant(run.dataset),
            trials=[_record(trial) for trial in trials],
            passed_over=run.passed_over,
            checks=shipped.checks,
            measurements=shipped.measurements,
            digest=digest(shipped.last.program),
            interrupted=run.interrupted,
            explained=self._explained(run, shipped.last, explain_s),
            started=dict(self._started),
            seconds={**self._seconds, "total": self._clock.spent_s},
            versions=package_versions(),
        )

    def _explained(self, run: Run, last: LastFit, longest_s: float) -> Explained | None:
        """What the model does on the hold-out; it may cost a little time, and never the model."""
        seconds = min(longest_s, EXPLAIN_SHARE * self._clock.limit_s, self._clock.left_s - 1.0)
        try:
            with self.timed("explain"):
                return explain(last.judged, run.holdout, run.metric, seconds, last.program)
        except Exception as error:
            run.watcher.step("note", f"the report has no plots of the hold-out: {type(error).__name__}: {error}")
            return None

    def write(self, result: RunResult, folder: Path, watcher: Watcher) -> None:
        """Write `run.json`, and what people read of it; beside them is the front already."""
        text = json.dumps(result.to_json(), ensure_ascii=False, indent=1, default=str)
        (folder / MARKER).write_text(text, encoding="utf-8")
        try:
            write_pages(json.loads(text), folder, result.asked.folder)
        except Exception as error:  # the model is what counts
            watcher.step("note", f"the report could not be written: {type(error).__name__}: {error}")


def write_pages(run: dict[str, Any], folder: Path, shown_as: str) -> list[Path]:
    """Write report and model card of a run into its folder, and say where they are.

    Args:
        run: What `run.json` holds.
        folder: Has the run's front.
        shown_as: Name of the folder in commands.
    """
    points = [asdict(point) for point in read_front(folder)]
    texts = {folder / REPORT: page(run, points, shown_as), folder / CARD: card(run, shown_as)}
    for path, text in texts.items():
        draft = path.with_name(f".{path.name}.part")
        draft.write_text(text, encoding="utf-8", errors="replace")
        draft.replace(path)
    return list(texts)


def _rows(run: Run) -> dict[str, int]:
    rows = {"search": run.dataset.rows, "holdout": run.holdout.rows}
    return rows if run.growth is None else rows | {"sample": run.sampled.size}


def _asked(run: Run) -> Asked:
    request, config = run.request, run.config
    device = config.device
    named = isinstance(request.source, str | Path)
    columns = {name: value for name, value in asdict(request.overrides).items() if value}
    columns["kinds"] = {name: kind.value for name, kind in request.overrides.kinds.items()}
    settings = {
        "time_limit_s": config.budget.time_limit_s,
        "max_trials": config.budget.max_trials,
        "serve_with": config.target,
        "device": None if device is None else {"cpu": device.machine.cpu, "date": device.date},
        "families": None if config.families is None else list(config.families),
        "class_weight": config.class_weight,
        "monotone": dict(config.monotone),
        "quantiles": list(config.quantiles),
        "one_se": config.one_se,
        "features": list(config.features),
        "folds": config.folds,
        "threads": config.threads,
        "seed": config.seed,
        "columns": columns,
    }
    return Asked(
        Path(request.source).name if named else None, run.folder.path.name, asdict(config.constraints), settings
    )


def _members(teacher: Teacher | None) -> list[Member]:
    if teacher is None:
        return []
    return [
        Member(bag.name, score, weight, bag.seconds)
        for bag, score, weight in zip(teacher.bags, teacher.scores, teacher.weights, strict=True)
    ]


def undistilled_score(blend: Blend, candidates: Sequence[Candidate]) -> float | None:
    """Of the same student on labels alone, if it learned from a teacher and that was tried; None for several."""
    if len(blend.members) > 1:
        return None
    twin = undistilled(blend.members[0][0].parameters)  # no student's parameters are None
    return next((candidate.score for candidate in candidates if candidate.parameters == twin), None)


def _student(blend: Blend) -> TrialRecord:
    if len(blend.members) == 1:
        return _record(blend.members[0][0])
    members = {f"trial {candidate.number}": weight for candidate, weight in blend.members}
    cost = blend.footprint
    return TrialRecord(
        0, blend.name, members, blend.score, blend.rounds, cost.bytes, cost.latency_us, blend.violations, 0.0
    )


def _record(trial: Candidate | FailedTrial) -> TrialRecord:
    if isinstance(trial, FailedTrial):
        return TrialRecord(
            trial.number, trial.family, trial.parameters, None, 0, 0, {}, {}, trial.seconds, trial.reason, trial.started
        )
    return TrialRecord(
        trial.number,
        trial.family,
        trial.parameters,
        trial.score,
        trial.rounds,
        trial.footprint.bytes,
        trial.footprint.latency_us,
        trial.violations,
        trial.seconds,
        started=trial.started,
        predicted_us=trial.predicted_us,
    )


def package_versions() -> dict[str, str]:
    """Versions of Python and of what a run depends on, by name."""
    return {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
