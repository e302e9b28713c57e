"""Several students as one Program: what fits the limits is compiled whole, and their average ships.

Members have equal weights and are taken in a fixed order: few looks at the validation rows, so that little of what is
seen there is luck. A greedy search over all students and weights (as for the teacher, whose rows are many more) chose
blends that did worse on new rows.

That an average errs less than its members is known before any row is looked at, and the best of many students was also
the luckiest. So where there is room a member stays unless the losses of rows say clearly that the average gets worse
with it; where bytes are scarce, if they say that it gets better.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from lean_automl.learners.base import averaged, rounds_take_time
from lean_automl.search.decision import choose_decision
from lean_automl.search.losses import F64, certainty, row_losses
from lean_automl.student.trial import MAY_BE, Candidate, Workbench, judged_folds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import Program

    from lean_automl.learners.base import Lowerable
    from lean_automl.search.decision import Decision
    from lean_automl.student.deploy import Footprint

MOST_MEMBERS: Final = 5
ASKED_WITH_ROOM: Final = -0.5  # standard errors by which an average must be better with a further member
TURNS: Final = 2  # students of each family that are considered
MOST_ROUNDING: Final = 1.6  # times smaller is a blend of students that need not be rounded off alone
MOST_SHARING: Final = 1.6  # times quicker is a blend whose members read the same columns
SHARED_BYTES: Final = 3_000  # of each file: columns, categories and names, which members share


@dataclass(frozen=True, eq=False)
class Blend:
    """One student, or a weighted average of several.

    Attributes:
        members: With their weights, which sum to 1.
        score: Mean over the folds.
        footprint: Of the Program of the first fold.
        violations: Relative excess over each limit.
        program: Of the first fold; None for a single student.
    """

    members: tuple[tuple[Candidate, float], ...]
    score: float
    footprint: Footprint
    violations: dict[str, float]
    program: Program | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """Family, or families, for tables."""
        families = list(dict.fromkeys(candidate.family for candidate, _ in self.members))
        return families[0] if len(self.members) == 1 else f"blend of {' + '.join(families)}"

    @property
    def rounds(self) -> int:
        """Of all members together."""
        return sum(candidate.rounds for candidate, _ in self.members)

    @property
    def first_fits(self) -> list[tuple[Lowerable, float]]:
        """What each member was on its first fold, with its weight."""
        return [(candidate.fitted[0], weight) for candidate, weight in self.members]

    @property
    def can_be_shortened(self) -> bool:
        """Whether a member has rounds that can be left out."""
        return any(model.shorten(1).rounds < model.rounds for model, _ in self.first_fits)

    @property
    def rounds_take_time(self) -> bool:
        """Whether it would answer sooner with fewer rounds."""
        return any(rounds_take_time(model) for model, _ in self.first_fits)


def single(candidate: Candidate) -> Blend:
    """A blend of one."""
    return Blend(((candidate, 1.0),), candidate.score, candidate.footprint, candidate.violations)


def choose_blend(bench: Workbench, feasible: Sequence[Candidate], seconds: float) -> Blend | None:
    """An average of the best students of several families; None if the best student does as well alone.

    Args:
        bench: The rows and limits.
        feasible: Students within the limits, best first.
        seconds: Time for the last fits of all members.
    """
    whole = [candidate for candidate in feasible if len(candidate.predictions) == len(bench.folds)]
    if not whole:
        return None
    members = [whole[0]]
    losses = _losses(bench, members)
    asked = ASKED_WITH_ROOM if bench.constraints.are_roomy else 0.0
    for candidate in _in_turn(whole[1:]):
        if len(members) == MOST_MEMBERS or not _fits(bench, [*members, candidate], seconds):
            continue
        more = _losses(bench, [*members, candidate])
        if certainty(losses, more) > asked:
            members, losses = [*members, candidate], more
    while len(members) > 1:
        blend = _compiled(bench, members)
        if blend.violations.get("size", 0.0) <= 0 and bench.is_quick_enough(blend.footprint, MAY_BE):
            return blend  # the last fit cuts it to what is aimed at
        members.pop()
    return None


def _compiled(bench: Workbench, members: Sequence[Candidate]) -> Blend:
    weight = 1.0 / len(members)
    weighted = tuple((candidate, weight) for candidate in members)
    program = bench.compile([(candidate.fitted[0], weight) for candidate, weight in weighted])
    cost = bench.deployment.footprint(program, bench.records, bench.constraints)
    violations = cost.violations(bench.constraints)
    return Blend(weighted, _score(bench, members), cost, violations, program)


def _in_turn(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The best of each family, then each one's second: those of other families err in other ways."""
    by_family: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        by_family.setdefault(candidate.family, []).append(candidate)
    return [own[turn] for turn in range(TURNS) for own in by_family.values() if turn < len(own)]


def _fits(bench: Workbench, members: Sequence[Candidate], seconds: float) -> bool:
    if sum(candidate.fit_seconds for candidate in members) > seconds:
        return False
    if not _is_about_quick_enough(bench, members):
        return False
    limit = bench.constraints.max_size_bytes
    size = sum(candidate.footprint.bytes - SHARED_BYTES for candidate in members) + SHARED_BYTES
    return limit is None or size <= MOST_ROUNDING * limit


def _is_about_quick_enough(bench: Workbench, members: Sequence[Candidate]) -> bool:
    """Whether the calls of members, with what a call takes before any model once, are near what the limit leaves."""
    limit_us, floors_us = bench.constraints.max_latency_us, bench.deployment.floors_us
    if limit_us is None:
        return True
    for name in members[0].footprint.limited_us:
        floor_us = floors_us.get(name, 0.0)
        sum_us = floor_us + sum(member.footprint.limited_us[name] - floor_us for member in members)
        if sum_us > MOST_SHARING * bench.deployment.aim_us(name, limit_us):
            return False
    return True


def _score(bench: Workbench, members: Sequence[Candidate]) -> float:
    """Mean over the folds of the score of the average."""
    return choose_decision(bench.metric, judged_folds(bench, _average(bench, members)), thorough=False)[1]


def _losses(bench: Workbench, members: Sequence[Candidate]) -> F64:
    """Of the validation rows of all folds, by the average."""
    rows = np.concatenate([fold.valid for fold in bench.folds])
    weight = None if bench.rows.weight is None else bench.rows.weight[rows]
    predicted, problem = np.concatenate(_average(bench, members)), bench.problem
    y, predicted = problem.as_learned(bench.rows.y[rows]), problem.as_learned(predicted)
    return row_losses(y, predicted, problem.task, weight, problem.judged_at)


def _average(bench: Workbench, members: Sequence[Candidate], weights: Sequence[float] | None = None) -> list[F64]:
    """Predictions of the average for the validation rows of each fold that all members were fitted on."""
    folds = zip(*(candidate.predictions for candidate in members), strict=False)
    return [averaged(predictions, bench.problem.task, weights) for predictions in folds]


def predictions_of(bench: Workbench, blend: Blend) -> list[F64]:
    """Of a blend, for the validation rows of each fold that all its members were fitted on."""
    members, weights = zip(*blend.members, strict=True)
    return _average(bench, members, weights)


def rule_of(bench: Workbench, blend: Blend) -> Decision | None:
    """The rule for labels that is best for the blend on the folds, if the metric judges labels."""
    return choose_decision(bench.metric, judged_folds(bench, predictions_of(bench, blend)), thorough=True)[0]
