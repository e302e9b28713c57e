"""The last step of a run: refit on all rows, export, check parity and sizes; `measure_files.py` has the rest."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_exporters.hostile import hostile_rows
from lean_automl_exporters.onnx import check_parity

from lean_automl.automl.result import Check
from lean_automl.compiler.unread import read_by, without_unread
from lean_automl.learners.around import bare
from lean_automl.learners.base import FitOptions, Lowerable, Rows, Student
from lean_automl.learners.texts import fit_reading
from lean_automl.search.workers import GRACE_S, load_shared
from lean_automl.student.deploy import ONNX_FILE, SURELY, Deployment, limited_bytes
from lean_automl.student.header import HEADER_FILE, check_header

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lean_automl_runtime.ir import Program

    from lean_automl.config import Constraints
    from lean_automl.data import Table
    from lean_automl.search.workers import Shared, Workers
    from lean_automl.student.blend import Blend
    from lean_automl.student.trial import Candidate, Member, Workbench

PARITY_ROWS: Final = 2_000
EXPORTED_BYTES_PER_S: Final = 500_000  # about, with compiling and a quick look at the latency
SOUND_SHARE: Final = 0.02  # of the score, for luck; what has run away loses far more
BAG_MARGIN: Final = 0.3  # below each limit, by a quick look
KEPT_OF_LIMIT: Final = 0.95  # of a tightened limit, since measurements vary
LEAST_LEFT: Final = 0.35  # of what the rounds of a student take: with fewer another one is the better choice
NEAR: Final = ", and so near to it the next measurement may be over"
AGAIN: Final = 1.3  # what a second fit takes, in times of the first: it may have more rows, and times vary


class MissError(Exception):
    """The finished files break a limit; the message says which and by how much.

    Attributes:
        checks: All figures.
    """

    def __init__(self, checks: list[Check]) -> None:
        broken = [check for check in checks if not check.met]
        super().__init__("; ".join(describe(check) for check in broken))
        self.checks = checks

    @property
    def is_of_latency(self) -> bool:
        """Whether a limit on latency is broken."""
        return any(check.unit == "ms" and not check.met for check in self.checks)

    @property
    def excess(self) -> float:
        """By how much the worst figure is over its limit, relative to it."""
        return max(check.value / check.limit for check in self.checks if check.limit is not None) - 1.0


def describe(check: Check) -> str:
    """A figure beside its limit."""
    near = "" if check.met or check.limit is None or check.value > check.limit else NEAR
    limit = "" if check.limit is None else f" (limit {check.limit:,.6g} {check.unit}{near})"
    return f"{check.name} of {check.file} is {check.value:,.4g} {check.unit}{limit}"


def tightened(blend: Blend, bench: Workbench, miss: MissError) -> Workbench | None:
    """The bench as it would have to be for the student to keep the limits that it broke: refits are shortened to it.

    None where too little of the student would be left, or where fewer rounds do not help, as with memory.

    What a quick look finds is below what the finished file is judged by, and how far depends on the machine and on its
    day. Here both are known, so the aim is one for quick looks.
    """
    constraints, costs, aims_us = bench.constraints, bench.costs, dict(bench.deployment.aims_us)
    broken, hopeless = set[str](), set[str]()
    least_us = _least_us(blend, bench) if miss.is_of_latency else {}
    for check in miss.checks:
        if check.met or check.limit is None:
            continue
        name, keep = check.file.split()[0], KEPT_OF_LIMIT * check.limit / check.value
        broken.add(name)
        if check.unit == "kB" and constraints.max_size_bytes is not None:
            constraints = replace(constraints, max_size_bytes=keep * constraints.max_size_bytes)
        elif check.unit == "ms" and constraints.max_latency_us is not None:
            aim_us = bench.deployment.aim_us(name, constraints.max_latency_us)
            looked_us = blend.footprint.limited_us.get(name, aim_us)
            floor_us = bench.deployment.floors_us.get(name, 0.0)
            aims_us[name] = SURELY * keep * min(aim_us, looked_us)
            costs = None  # which said that it would fit
            if aims_us[name] - floor_us < LEAST_LEFT * (looked_us - floor_us):
                hopeless.add(name)
            # What it takes to read a row does not get less: a student is not cut to nothing for it.
            reading_us = least_us.get(name, 0.0)
            aims_us[name] = max(aims_us[name], reading_us + LEAST_LEFT * (looked_us - reading_us))
        else:
            hopeless.add(name)
    if hopeless and (hopeless == broken or not bench.deployment.sheds):
        return None
    # A file that cannot be mended is left out when it is measured again; the student is not cut to it.
    deployment = replace(bench.deployment.without(hopeless), aims_us=aims_us)
    if (aims_us, constraints) == (dict(bench.deployment.aims_us), bench.constraints) and broken and not hopeless:
        return None  # the next try would be the last one again
    return replace(bench, constraints=constraints, costs=costs, deployment=deployment)


def _least_us(blend: Blend, bench: Workbench) -> dict[str, float]:
    """What a quick look finds of the blend with one round, for each file: reading what it reads, above all."""
    program = bench.compile([(model.shorten(1), weight) for model, weight in blend.first_fits])
    return bench.deployment.footprint(program, bench.records, bench.constraints).limited_us


def refit(
    blend: Blend,
    bench: Workbench,
    rows: Rows,
    options: FitOptions,
    workers: Workers,
    most: int = 1,
    known: Program | None = None,
) -> tuple[Program, bool]:
    """The Program after a last fit of every member on `rows`, shortened to the size limit.

    Where there is room and rows are few, the models of the folds are averaged with the last fits.

    A member whose last fit fails, is not done by the deadline or has run away stays what it was on its first fold: that
    was validated.

    Args:
        blend: What to fit.
        bench: The rows that judged it.
        rows: All that it is fitted on.
        options: Of the first fit of each member; a further one has the next seed.
        workers: Where they run.
        most: Last fits of each member that are averaged, if there is time for them and limits leave room.
        known: What the bench makes of the blend as it was in the search, if that is known.

    Returns:
        The Program, and whether all members were fitted on `rows`.
    """
    shared, begin = workers.share((rows, bench.problem)), time.monotonic()
    growth = rows.frame.rows / float(np.mean([fold.train.size for fold in bench.folds]))
    students = [c.student.for_all_rows(bare(c.fitted), growth) for c, _ in blend.members]
    turns = [_fit_all(blend, bench, (shared, students), options, workers)]
    refitted = len(turns[0]) == len(blend.members)
    members = [(turns[0].get(i, c.fitted[0]), weight) for i, (c, weight) in enumerate(blend.members)]
    if not refitted:
        return bench.shortened(members, None if turns[0] else known)[1], False
    longest = AGAIN * (time.monotonic() - begin)
    # Each further turn is exported twice: for the look at the limits, and for the files.
    while len(turns) < most and time.monotonic() + longest + 2 * len(turns) * _export_s(blend) < options.deadline:
        further = replace(options, seed=options.seed + len(turns))
        fitted = _fit_all(blend, bench, (shared, students), further, workers)
        if len(fitted) < len(blend.members):
            break
        turns.append(fitted)
    every = [(turn[i], weight / len(turns)) for i, (_, weight) in enumerate(members) for turn in turns]
    program = _bagged(blend, every, bench, options.deadline)
    if program is None and len(turns) > 1:
        program = _if_it_fits(every, bench)
    return program or bench.shortened(members)[1], True


def _fit_all(
    blend: Blend,
    bench: Workbench,
    fits: tuple[Shared, Sequence[Student]],
    options: FitOptions,
    workers: Workers,
) -> dict[int, Lowerable]:
    """Fit every member once; those that are sound and done in time, by number."""
    shared, students = fits
    uncut = replace(options, deadline=float("inf"))  # never cut short
    fitted: dict[int, Lowerable] = {}
    waiting = list(enumerate(students))
    running = 0
    while waiting or running:
        while waiting and workers.free and not options.expired:
            number, student = waiting.pop(0)
            workers.start(fit_all_rows, (shared, student, uncut), options.deadline - GRACE_S, number)
            running += 1
        if not running:
            break
        for job in workers.wait():
            running -= 1
            if job.error is None and _is_sound(job.value, blend.members[job.tag][0], bench):
                fitted[job.tag] = job.value
    return fitted


def _export_s(blend: Blend) -> float:
    """What export takes of every model of the blend, about."""
    return blend.footprint.bytes / EXPORTED_BYTES_PER_S


def _is_sound(model: Lowerable, candidate: Candidate, bench: Workbench) -> bool:
    """Whether a last fit says of rows that it knows about what the first fold's fit said of them without knowing them.

    Boosting at a high rate can run away when it goes on for longer than in the folds.
    """
    valid = bench.rows.take(bench.folds[0].valid)
    known = bench.metric(valid.y, model.predict(valid.frame), valid.weight)
    unknown = candidate.fold_scores[0]
    return bool(known >= unknown - SOUND_SHARE * abs(unknown))


def _bagged(blend: Blend, members: Sequence[Member], bench: Workbench, deadline: float) -> Program | None:
    """The average of last fits and of the models of the folds; None where it is not worth a try, or does not fit.

    Fits on parts of few rows differ, and the average of what they say about classes is steadier than one fit. Errors
    of regression are more of what a fit on fewer rows does not know.
    """
    folds, constraints = len(bench.folds), bench.constraints
    if folds < 2 or not bench.problem.task.is_classification or not constraints.are_roomy:
        return None
    if time.monotonic() + (folds + 1) * _export_s(blend) > deadline:
        return None
    both = [(last, weight / 2) for last, weight in members]
    for candidate, weight in blend.members:
        both += [(model, weight / 2 / len(candidate.fitted)) for model in candidate.fitted]
    return _if_it_fits(both, bench)


def _if_it_fits(members: Sequence[Member], bench: Workbench) -> Program | None:
    """The average of many models, if it is well below each limit."""
    # Passes would take longer than all the fits, and win a tenth of the bytes.
    program = without_unread(bench.assemble(members))
    cost = bench.deployment.footprint(program, bench.records, bench.constraints)
    violations = cost.violations(bench.constraints).values()
    has_room = all(excess <= -BAG_MARGIN for excess in violations)
    return program if has_room and bench.is_quick_enough(cost) else None


def fit_all_rows(shared: Shared, student: Student, options: FitOptions) -> Lowerable:
    """Fit without validation rows; runs in a process of its own."""
    rows, problem = load_shared(shared)
    fitted: Lowerable = fit_reading(student, (rows, None), problem, options)
    return fitted


def write_files(folder: Path, program: Program, deployment: Deployment, metadata: dict[str, Any]) -> None:
    """Write every file that ships into a folder."""
    for name, content in deployment.contents(program, metadata).items():
        (folder / name).write_bytes(content)


def check_exported(folder: Path, program: Program, table: Table | None = None) -> None:
    """Compare what was exported with the reference, on hostile rows and on some of a table's.

    Raises:
        ParityError: A file predicts otherwise than the reference.
    """
    path = folder / ONNX_FILE
    if (folder / HEADER_FILE).exists():
        text = (folder / HEADER_FILE).read_text("utf-8")
        check_header(program, text, hostile_rows(program, np.random.default_rng(0)))
    if path.exists():
        rows = [] if table is None else [read_by(program, table.take(np.arange(min(PARITY_ROWS, table.rows)))).arrays]
        check_parity(program, path.read_bytes(), rows)


def check_sizes(folder: Path, deployment: Deployment, constraints: Constraints) -> list[Check]:
    """Size of every file that ships, as it is in the folder now.

    Raises:
        MissError: A file is over the limit.
    """
    checks = [_size_check(folder / name, constraints) for name in deployment.engines]
    if not all(check.met for check in checks):
        raise MissError(checks)
    return checks


def _size_check(path: Path, constraints: Constraints) -> Check:
    size, limit = limited_bytes(path.name, path.read_bytes()), constraints.max_size_bytes
    name = "size, compiled" if path.name == HEADER_FILE else "size"
    shown_limit, met = None if limit is None else limit / 1000, limit is None or size <= limit
    return Check(name, path.name, size / 1000, shown_limit, "kB", met)
