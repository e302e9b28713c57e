"""The checks of a gate, in order: what is known at once, what is counted, what is scored, what is timed."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from lean_automl.errors import ConfigError, ToolchainError, UnsupportedOpError
from lean_automl.gate.baseline import Baseline, read_baseline
from lean_automl.gate.count import COUNTED_ROWS, SYNTHETIC, Counts, count_row, find_tools
from lean_automl.gate.figures import Figures, GateCheck, GateResult
from lean_automl.gate.subject import Sample, Subject

if TYPE_CHECKING:
    from lean_automl_runtime.measure import Measurement

    from lean_automl.gate.limits import GateRequest


def run_gate(request: GateRequest, subject: Subject) -> GateResult:
    """Judge a model.

    Args:
        request: What must hold.
        subject: The model in the file that the request names.

    Raises:
        ConfigError: What is asked for does not fit the model.
        ToolchainError: Instructions must be counted, and cannot be.
        LeanAutoMLError: A file cannot be used, or a measurement failed.
    """
    return Gate(request, subject).run()


class Gate:
    """One run.

    Attributes:
        request: What was asked for.
        subject: The model.
        sample: Real rows; None without data.
        old: The baseline; None without one.
        checks: So far.
        notes: So far.
    """

    def __init__(self, request: GateRequest, subject: Subject) -> None:
        self.request = request
        self.subject = subject
        self.sample = None if request.data is None else Sample.read(request.data, request.target, subject)
        self.old = _baseline(request, subject)
        self.checks: list[GateCheck] = []
        self.notes: list[str] = []

    def run(self) -> GateResult:
        """All checks. What costs least comes first, so that a mistake shows before minutes are spent."""
        self._size()
        counts = self._counts()
        scores = self._scores()
        self._latency()
        self._ratio()
        figures = replace(_plain(self.subject), counts=counts, scores=scores, data=self._data if scores else None)
        return GateResult(figures, tuple(self.checks), tuple(self.notes))

    def _size(self) -> None:
        limit = self.request.limits.max_size_kb
        self.checks.append(GateCheck("size", self.subject.bytes / 1000, limit, "kB"))
        if self.old is not None:
            self._against("size", self.subject.bytes / 1000, self.old.figures.bytes / 1000, "kB")

    # --- counts ----------------------------------------------------------------------------------------------

    def _counts(self) -> Counts | None:
        request, program = self.request, self.subject.program
        limit = request.limits.max_instructions
        if not request.instructions:
            return None
        if program is None:
            if limit is not None:
                raise ConfigError("--max-instructions counts the C code of a .lam file; this is none. Give model.lam.")
            return None
        wanted = limit is not None or (self.old is not None and self.old.figures.counts is not None)
        try:
            counts = self._count(self.subject)
        except (ToolchainError, UnsupportedOpError) as error:
            if wanted:
                asked = "--max-instructions" if limit is not None else "the baseline, which has counts,"
                hint = "" if limit is not None else " Or pass --no-instructions."
                raise type(error)(f"{asked} needs counts of instructions: {error}{hint}") from error
            self.notes.append(f"instructions are left out: {error}")
            return None
        self.checks.append(GateCheck("instructions per row", counts.instructions, limit, detail=_rows_of(counts)))
        old = self._old_counts(counts)
        if old is not None:
            self._against("instructions", counts.instructions, old.instructions)
            self._against("branches", counts.branches, old.branches)
        return counts

    def _count(self, subject: Subject) -> Counts:
        if subject.program is None:
            raise ConfigError(f"{subject.path} is no .lam file, whose instructions could be counted.")
        arrays = None if self.sample is None else self.sample.table(subject.columns).arrays
        return count_row(subject.program, arrays, find_tools())

    def _old_counts(self, counts: Counts) -> Counts | None:
        """Counts of the baseline under the same conditions; its model is counted again where they have changed."""
        if self.old is None:
            return None
        known = self.old.figures.counts
        differences = ["it was not counted"] if known is None else counts.conditions.differences(known.conditions)
        if not differences:
            return known
        if self.old.copy is not None:
            if known is not None:
                self.notes.append(f"the baseline's model is counted again ({'; '.join(differences)})")
            return self._count(Subject.read(self.old.copy))
        if known is None:
            self.notes.append("instructions are not compared: the baseline has none, and its model is not there")
            return None
        raise ConfigError(
            f"the baseline's counts hold for something else ({'; '.join(differences)}), and its model is not there to "
            "be counted again. Pass --baseline-model OLD, or save the baseline again."
        )

    # --- scores ----------------------------------------------------------------------------------------------

    @property
    def _data(self) -> str | None:
        return None if self.sample is None else f"{self.sample.sha256}, target {self.sample.target}"

    def _scores(self) -> dict[str, float]:
        limits = self.request.limits
        known = {} if self.old is None else self.old.figures.scores
        if self.sample is None or (self.sample.target is None and not limits.min_scores):
            lack = "there is no --data" if self.sample is None else "the target is not known, pass --target NAME"
            if limits.max_score_drop is not None:
                raise ConfigError(f"--max-score-drop needs rows with the target: {lack}.")
            if known:
                self.notes.append(f"scores are not compared with the baseline's: {lack}")
            return {}
        from lean_automl.gate.scores import scores

        names = dict.fromkeys([*limits.min_scores, *known])
        found = scores(self.subject, self.sample, names, self.request.engine)
        for name, score in found.items():
            self.checks.append(GateCheck(f"score {name}", score, limits.min_scores.get(name), least=True))
        for name, score in self._old_scores(found).items():
            drop = score - found[name]
            check = GateCheck(f"score {name}, drop from the baseline", drop, limits.max_score_drop, baseline=score)
            self.checks.append(check)
        return found

    def _old_scores(self, found: dict[str, float]) -> dict[str, float]:
        """Scores of the baseline on the same rows."""
        if self.old is None or self.sample is None:
            return {}
        known = self.old.figures
        if known.data == self._data and set(found) <= set(known.scores):
            return {name: known.scores[name] for name in found}
        if self.old.copy is not None:
            from lean_automl.gate.scores import scores

            return scores(Subject.read(self.old.copy), self.sample, found, self.request.engine)
        if self.request.limits.max_score_drop is not None:
            raise ConfigError("--max-score-drop: the baseline was scored on other rows. Pass --baseline-model OLD.")
        self.notes.append("scores are not compared: the baseline was scored on other rows, and its model is not there")
        return {}

    # --- times -----------------------------------------------------------------------------------------------

    def _latency(self) -> None:
        limits = self.request.limits
        if (limits.max_p99_us is None and limits.max_memory_mb is None) or self.sample is None:
            return
        from lean_automl_runtime.measure import MeasureOptions, measure

        options = MeasureOptions(engine=self.request.engine, budget_s=self.request.seconds)
        measured = measure(self.subject.path, self.sample.records(self.subject.columns), options)
        if limits.max_memory_mb is not None:
            used_mb = measured.cold.memory_mb
            if used_mb is None:
                raise ConfigError("--max-memory-mb: this system does not tell the memory of a process. Leave it out.")
            name = "memory of a process"
            self.checks.append(GateCheck(name, used_mb, limits.max_memory_mb, "MB", detail=f"{measured.engine} engine"))
        if limits.max_p99_us is None:
            return
        upper = measured.upper_us(0.99)
        detail = _spread_of(measured)
        self.checks.append(GateCheck("p99 latency, upper bound", upper, limits.max_p99_us, "us", detail=detail))
        self.notes += measured.notes
        if measured.noisy:
            self.notes.append(f"the machine was noisy: {'; '.join(measured.noise)}")

    def _ratio(self) -> None:
        request = self.request
        if self.old is None or not (request.wall_clock or request.baseline_model is not None):
            return
        if self.sample is None:
            self.notes.append("the ratio of times is left out: it needs real rows. Pass --data FILE")
            return
        if self.old.copy is None:
            raise ConfigError("--wall-clock: the baseline's model is not there. Pass --baseline-model OLD.")
        from lean_automl_runtime.measure.compare import compare

        records = self.sample.records(self.subject.columns)
        ratio = compare(self.subject.path, self.old.copy, records)
        detail = f"median {ratio.value:.4g}, 95 % interval {ratio.lower:.4g} to {ratio.upper:.4g}"
        detail += f"; {ratio.us[0]:.4g} us and {ratio.us[1]:.4g} us"
        limit = 1 + request.limits.max_regression
        name = "time against the baseline, lower bound"
        self.checks.append(GateCheck(name, ratio.lower, limit, "x", detail=detail))

    def _against(self, name: str, value: float, old: float, unit: str = "") -> None:
        """The ratio to a figure of the baseline."""
        ratio = value / old if old else 1.0 if value == old else math.inf
        detail = f"{value:,.6g} {unit}".rstrip() + f", was {old:,.6g} {unit}".rstrip()
        limit = 1 + self.request.limits.max_regression
        self.checks.append(GateCheck(f"{name} against the baseline", ratio, limit, "x", baseline=old, detail=detail))


def _plain(subject: Subject) -> Figures:
    """What is known at once."""
    return Figures(subject.path.name, subject.sha256, subject.digest, subject.bytes)


def _baseline(request: GateRequest, subject: Subject) -> Baseline | None:
    """The baseline, whose model is the one that was given or the copy beside the figures.

    Raises:
        ConfigError: The two do not belong together, or are of another kind than the model.
    """
    if not request.compares:
        return None
    saved = None if request.baseline is None else read_baseline(request.baseline)
    if request.baseline_model is None:
        assert saved is not None
        old = saved
    else:
        given = Subject.read(request.baseline_model)
        if saved is not None and saved.figures.sha256 != given.sha256:
            raise ConfigError(f"--baseline-model: {given.path} is not the model that {request.baseline} speaks of.")
        old = Baseline(_plain(given) if saved is None else saved.figures, given.path)
    if old.figures.model.endswith(".onnx") != (subject.path.suffix == ".onnx"):
        raise ConfigError(f"the baseline is of {old.figures.model}: give a model of the same format.")
    return old


def _rows_of(counts: Counts) -> str:
    conditions = counts.conditions
    kind = "made" if conditions.data == SYNTHETIC else "real"
    more = f" (at most {COUNTED_ROWS:,} are counted)" if conditions.rows == COUNTED_ROWS and kind == "real" else ""
    return f"{conditions.rows:,} {kind} rows{more}; {counts.branches:,.6g} branches"


def _spread_of(measured: Measurement) -> str:
    return (
        f"p50 {measured.total.p50.value_us:.4g} us, p99 {measured.total.p99.value_us:.4g} us, {measured.engine} engine"
    )
