"""What a run found: plain records that become JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lean_automl_runtime.measure import Measurement

    from lean_automl.report.explain import Explained


@dataclass(frozen=True)
class Member:
    """A member of the teacher.

    Attributes:
        name: Learner and number.
        score: Out of fold; greater is better.
        weight: In the ensemble.
        seconds: Of its fits.
    """

    name: str
    score: float
    weight: float
    seconds: float


@dataclass(frozen=True)
class TrialRecord:
    """A student that was tried.

    Attributes:
        number: Of the trial, from 1.
        family: Name of its family.
        parameters: What the search space chose.
        score: On validation rows, of the compiled Program; None if it failed.
        rounds: Trees or epochs.
        bytes: Of the largest file.
        latency_us: Median by file: a quick look, or predicted for a device that is not here.
        violations: Relative excess over each limit.
        seconds: What it took.
        reason: Why it failed; None if it did not.
        started: When it began, in seconds of the run; in a run that went on, of the part that it was in.
        predicted_us: What the cost model says of the median latency by file; empty without a limit on it.
    """

    number: int
    family: str
    parameters: dict[str, Any]
    score: float | None
    rounds: int
    bytes: int
    latency_us: dict[str, float]
    violations: dict[str, float]
    seconds: float
    reason: str | None = None
    started: float = 0.0
    predicted_us: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """One constraint and whether a file meets it.

    Attributes:
        name: Such as `p99 latency`.
        file: File name, with the engine for a latency.
        value: What was measured.
        limit: What it may be; None if there is no limit.
        unit: Of both.
        met: Whether it is met.
        predicted: Whether the value is a prediction, for a device that is not here.
    """

    name: str
    file: str
    value: float
    limit: float | None
    unit: str
    met: bool
    predicted: bool = False


@dataclass(frozen=True)
class Finding:
    """What was found in the table.

    Attributes:
        code: What it is about.
        column: Name of the column; None for the whole table.
        found: What was found.
        done: What was done about it, or what may be done.
    """

    code: str
    column: str | None
    found: str
    done: str


@dataclass(frozen=True)
class Asked:
    """What the run was asked to do.

    Attributes:
        source: Name of the table's file; None if it was in memory.
        folder: Name of the output folder.
        limits: What the files must meet; None is no limit.
        settings: Everything else that has a name on the command line.
    """

    source: str | None
    folder: str
    limits: dict[str, float | None]
    settings: dict[str, Any]


@dataclass(frozen=True)
class RunResult:
    """All of a run that is worth keeping.

    Attributes:
        target: Name of the target.
        task: Kind of target.
        metric: Name of the scorer; scores are greater-is-better.
        rows: Rows of the search and of the hold-out; of the sample, if students were chosen on one and then fitted on
            the rows of the search.
        columns: Raw columns that the model could read; what it reads is in the files.
        notes: What was found in the table, and files that are left out.
        findings: The same of the table, in parts.
        features: Kind of each of them, by name.
        classes: Labels; empty for regression.
        asked: What the run was asked to do.
        searched_features: What was searched for and found worth its place, in words.
        members: Of the teacher.
        failures: Members that failed, with the reason.
        teacher_score: Out of fold; None if there was no time for a teacher.
        teacher_holdout: On the hold-out; None likewise.
        student: The trial that ships; for a blend its members are the parameters.
        refitted: Whether it was fitted on all rows of the search; else there was only time for those of a fold.
        joined: Whether what ships was then fitted once more, on the hold-out too.
        student_score: On validation rows.
        undistilled_score: On validation rows, of the same student on labels alone; None if it has no teacher or there
            was no time for that.
        student_holdout: On the hold-out, of the student as it was fitted without it.
        constant_holdout: On the hold-out, of the constant predictor.
        trials: All students that were tried.
        passed_over: Students that were better in the search but whose finished files broke a limit, and how.
        checks: Each constraint and each measured figure.
        measurements: In fresh processes, by file and engine.
        digest: Of the Program.
        interrupted: Whether the run was asked to end early.
        seconds: Of each step, and `total`.
        started: When each step began, in seconds of the run.
        explained: What the model does on the hold-out; None if that could not be told.
        versions: Of the packages.
    """

    target: str
    task: str
    metric: str
    rows: dict[str, int]
    columns: int
    notes: list[str]
    findings: list[Finding]
    features: dict[str, str]
    classes: list[str]
    asked: Asked
    searched_features: list[str]
    members: list[Member]
    failures: dict[str, str]
    teacher_score: float | None
    teacher_holdout: float | None
    student: TrialRecord
    refitted: bool
    joined: bool
    student_score: float
    undistilled_score: float | None
    student_holdout: float
    constant_holdout: float
    trials: list[TrialRecord]
    passed_over: list[str]
    checks: list[Check]
    measurements: list[Measurement]
    digest: str
    interrupted: bool
    seconds: dict[str, float]
    started: dict[str, float]
    explained: Explained | None
    versions: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        values["findings"] = [asdict(finding) for finding in self.findings]
        values["asked"] = asdict(self.asked)
        values["explained"] = None if self.explained is None else asdict(self.explained)
        values["members"] = [asdict(member) for member in self.members]
        values["student"] = asdict(self.student)
        values["trials"] = [asdict(trial) for trial in self.trials]
        values["checks"] = [asdict(check) for check in self.checks]
        values["measurements"] = [measurement.to_json() for measurement in self.measurements]
        return values
