import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import optuna
import pytest
from benches import NONE, make_bench
from lean_automl_runtime.artifact import read_artifact
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.measure import MeasureOptions  # noqa: F401 - the package must import without a trainer

from lean_automl.automl.report import undistilled_score
from lean_automl.config import Constraints
from lean_automl.data import Task
from lean_automl.errors import ConfigError, InfeasibleError
from lean_automl.learners.additive import Additive
from lean_automl.learners.base import FitOptions, Problem
from lean_automl.learners.chimeraboost import ChimeraBoost
from lean_automl.learners.distilled import Distilled
from lean_automl.learners.lightgbm import LightGBM
from lean_automl.search.workers import Workers, load_shared
from lean_automl.student import deploy
from lean_automl.student.blend import MOST_SHARING, choose_blend, single
from lean_automl.student.deploy import Deployment, Footprint, choose_deployment, fastest_engine
from lean_automl.student.distilled import MIX, undistilled
from lean_automl.student.families import FAMILIES, check_families, choose_families
from lean_automl.student.family import Context
from lean_automl.student.floors import least_program, memory_mb
from lean_automl.student.search import SearchLog, SearchOptions, StudentSearch
from lean_automl.student.trial import STILL_TOLD, Proposal, Workbench, run_trial

NAME = "model.lam"


def context_of(bench: Workbench) -> Context:
    plan = bench.plan
    return Context(bench.problem, 300, len(plan.numeric), len(plan.categorical), bench.constraints, has_teacher=False)


def test_those_that_are_likely_to_keep_the_limit_come_first() -> None:
    limits = Constraints(max_latency_us=20.0)
    bench = replace(make_bench(constraints=limits), deployment=Deployment({"model.lam": "native"}, aims_us={NAME: 6.0}))
    looked = [19.0, 6.8, 5.0, 7.0]
    candidates = [SimpleNamespace(number=n, footprint=Footprint({NAME: 1}, {NAME: us})) for n, us in enumerate(looked)]
    assert [c.footprint.latency_us[NAME] for c in bench.likely_first(candidates)] == [6.8, 5.0, 19.0, 7.0]
    assert [c.number for c in bench.likely_first(candidates, kept=[3])] == [1, 2, 3, 0]
    assert bench.is_quick_enough(candidates[2].footprint)
    assert not bench.is_quick_enough(candidates[1].footprint)
    free = replace(bench, constraints=NONE)
    assert free.likely_first(candidates) == candidates


def try_out(bench: Workbench, student: object, number: int = 1):
    with Workers(1) as workers:
        path = workers.share(bench)
        return run_trial(path, Proposal(number, "any", {}, student), FitOptions())  # type: ignore[arg-type]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("name", FAMILIES)
def test_every_start_of_every_family_can_be_suggested(name: str, task: str) -> None:
    outputs = {"binary": 2, "multiclass": 3, "regression": 1}[task]
    for numbers, limit in ((5, None), (0, 20_000.0), (5, 500.0)):
        context = Context(Problem(Task(task), outputs), 5_000, numbers, 3, Constraints(max_size_bytes=limit), True)
        for start in FAMILIES[name].starts(context):
            trial = optuna.trial.FixedTrial(start)
            student = FAMILIES[name].suggest(trial, context)
            assert student.name
            assert set(trial.params) == set(start), "a start names exactly what the space asks for"


def test_a_trial_scores_the_compiled_program_on_every_fold() -> None:
    bench = make_bench(constraints=Constraints(max_latency_us=1e6, max_size_bytes=1e6))
    candidate = try_out(bench, ChimeraBoost(trees=20, depth=3, learning_rate=0.2, linear=False))
    assert len(candidate.fold_scores) == len(candidate.predictions) == 2
    assert candidate.score == pytest.approx(np.mean(candidate.fold_scores))
    assert candidate.score > 0.7
    assert candidate.feasible
    assert set(candidate.footprint.sizes) == set(candidate.footprint.latency_us) == {"model.lam", "model.onnx"}


def test_a_bench_reaches_trials_as_it_is() -> None:
    bench = make_bench()
    with Workers(1) as workers:
        same = load_shared(workers.share(bench))
    assert same.records == bench.records
    np.testing.assert_array_equal(same.rows.y, bench.rows.y)
    assert vars(same).keys() == vars(bench).keys()


def test_what_is_too_large_is_shortened_until_it_fits() -> None:
    free = try_out(make_bench(count=1), LightGBM(trees=100, learning_rate=0.02, leaves=15, min_rows=5))
    limit = 0.6 * free.footprint.bytes
    bench = make_bench(count=1, constraints=Constraints(max_size_bytes=limit))
    cut = try_out(bench, LightGBM(trees=100, learning_rate=0.02, leaves=15, min_rows=5))
    assert cut.feasible
    assert cut.footprint.bytes <= limit
    assert 1 <= cut.rounds < free.rounds


def test_what_is_a_little_too_large_is_rounded_off() -> None:
    student = LightGBM(trees=100, learning_rate=0.02, leaves=15, min_rows=5)
    whole = try_out(make_bench(count=1), student)
    smaller, same = (
        try_out(make_bench(count=1, constraints=Constraints(max_size_bytes=share * whole.footprint.bytes)), student)
        for share in (0.9, 1.0)
    )
    assert same.artifact == whole.artifact, "what fits is not rounded"
    assert smaller.feasible
    assert smaller.rounds == whole.rounds, "nothing was cut off"
    assert smaller.score == pytest.approx(whole.score, rel=0.01)
    leaves = [op.leaves for op in read_artifact(smaller.artifact).program.ops if isinstance(op, o.Forest)]
    assert max(int(np.abs(own).max()) for own in leaves) < 128


def test_of_a_blend_that_is_too_large_members_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = make_bench(rows=600)
    students = [LightGBM(trees=60, learning_rate=0.1, leaves=leaves, min_rows=5) for leaves in (8, 12, 15)]
    tried = [replace(try_out(bench, s, n), family=f"{s.leaves} leaves") for n, s in enumerate(students, 1)]
    monkeypatch.setattr("lean_automl.student.blend.certainty", lambda *_: 1.0)  # each brings something
    monkeypatch.setattr("lean_automl.student.blend.MOST_ROUNDING", 10.0)  # more than rounding off wins
    two = bench.compile([(candidate.fitted[0], 0.5) for candidate in tried[:2]])
    limit = float(max(bench.deployment.sizes(two).values()))
    blend = choose_blend(replace(bench, constraints=Constraints(max_size_bytes=0.95 * limit)), tried, seconds=100.0)
    assert blend is not None
    assert [candidate.number for candidate, _ in blend.members] == [1, 2]
    assert blend.violations["size"] <= 0


def test_what_cannot_fit_is_infeasible_and_says_by_how_much() -> None:
    bench = make_bench(count=2, constraints=Constraints(max_size_bytes=400.0, max_latency_us=1e-3))
    candidate = try_out(bench, LightGBM(trees=5))
    assert not candidate.feasible
    assert candidate.violations["size"] > 0
    assert candidate.violations["latency"] > 1
    assert len(candidate.fold_scores) == 1, "no time is spent on further folds"


def test_violations_are_relative() -> None:
    cost = Footprint({"a": 150, "b": 50}, {"a": 3.0, "b": 1.0})
    limits = Constraints(max_size_bytes=100.0, max_latency_us=4.0)
    assert cost.violations(limits) == pytest.approx({"size": 0.5, "latency": -0.25})
    assert cost.violations(NONE) == {}


def test_without_a_latency_limit_nothing_is_timed() -> None:
    bench = make_bench(count=1)
    candidate = try_out(bench, LightGBM(trees=5))
    assert candidate.footprint.latency_us == {}
    program = bench.compile([(candidate.fitted[0], 1.0)])
    assert bench.deployment.footprint(program, bench.records, NONE).sizes == bench.deployment.sizes(program)


def ten_us(*_: object) -> dict[str, float]:
    return {NAME: 10.0}


def test_what_has_one_table_for_all_rounds_is_not_cut_for_its_time() -> None:
    bench = make_bench()
    slow = Deployment({NAME: "reference"}, {NAME: 1.0}, aims_us={NAME: 2.0}, timer=ten_us)
    bench = replace(bench, constraints=Constraints(max_latency_us=20.0), deployment=slow)
    assert try_out(bench, Additive(trees=50)).rounds == 50
    assert try_out(bench, LightGBM(trees=50, learning_rate=0.01)).rounds < 10


def test_the_search_is_told_what_would_be_turned_down_when_finished() -> None:
    bench = make_bench()
    timed = Deployment({NAME: "reference"}, aims_us={NAME: 4.0}, timer=ten_us)
    bench = replace(bench, constraints=Constraints(max_latency_us=20.0), deployment=timed)
    found = try_out(bench, LightGBM(trees=1))
    assert found.feasible
    assert found.told["latency"] == pytest.approx(10.0 / (STILL_TOLD * 4.0) - 1)


def test_of_a_blend_that_is_too_slow_members_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = make_bench(rows=600)
    students = [LightGBM(trees=20, learning_rate=0.1, leaves=leaves, min_rows=5) for leaves in (8, 12, 15)]
    tried = [replace(try_out(bench, s, n), family=f"{s.leaves} leaves") for n, s in enumerate(students, 1)]
    tried = [replace(one, footprint=replace(one.footprint, latency_us={NAME: 3.0})) for one in tried]
    monkeypatch.setattr("lean_automl.student.blend.certainty", lambda *_: 1.0)  # each brings something
    compiled: list[int] = []

    def members_of(aim_us: float) -> int:
        def timer(*_: object) -> dict[str, float]:
            compiled.append(1)
            return {NAME: 5.0}  # a little less than three members one after the other

        deployment = Deployment({NAME: "reference"}, {NAME: 1.0}, aims_us={NAME: aim_us}, timer=timer)
        limits = Constraints(max_latency_us=20.0)
        blend = choose_blend(replace(bench, constraints=limits, deployment=deployment), tried, seconds=100.0)
        return 0 if blend is None else len(blend.members)

    assert members_of(aim_us=10.0) == 3
    assert members_of(aim_us=5.0 / MOST_SHARING + 0.1) == 0, "what was compiled is too slow after all"
    assert members_of(aim_us=5.0) == 3, "members share what they read"
    compiled.clear()
    assert members_of(aim_us=3.0) == 0
    assert compiled == [], "the sum says enough"


def test_a_blend_has_all_that_do_not_clearly_harm_it_and_fit() -> None:
    bench = make_bench(rows=600)
    students = [ChimeraBoost(trees=30, depth=depth, learning_rate=0.15, linear=False) for depth in (3, 4)]
    tried = [replace(try_out(bench, s, n), family=f"depth {s.depth}") for n, s in enumerate(students, 1)]
    good = sorted(tried, key=lambda c: -c.score)
    wrong = tuple(1.0 - predicted for predicted in good[0].predictions)
    bad = replace(good[0], family="wrong", predictions=wrong, number=3)
    blend = choose_blend(bench, [*good, bad], seconds=100.0)
    assert blend is not None
    assert [candidate.number for candidate, _ in blend.members] == [candidate.number for candidate in good]
    assert sum(weight for _, weight in blend.members) == pytest.approx(1.0)
    again = replace(good[0], family="again", number=4)  # brings nothing
    scarce = replace(bench, constraints=Constraints(max_size_bytes=100_000.0))
    assert not scarce.constraints.are_roomy
    assert choose_blend(scarce, [good[0], again], seconds=100.0) is None
    assert choose_blend(bench, good[:1], seconds=100.0) is None
    tight = replace(bench, constraints=Constraints(max_size_bytes=good[0].footprint.bytes + 100.0))
    assert choose_blend(tight, good, seconds=100.0) is None
    assert choose_blend(bench, good, seconds=0.0) is None


class Notes:
    def __init__(self) -> None:
        self.count = 0

    def trial_ended(self, trial: object, log: object) -> None:  # noqa: ARG002
        self.count += 1


def search(bench: Workbench, names: tuple[str, ...], options: SearchOptions, notes: Notes) -> SearchLog:
    context = context_of(bench)
    students = StudentSearch(choose_families(names, context), context, options, notes)
    students.run(bench)
    return students.log


def test_the_search_goes_on_once_it_is_known_that_what_ships_is_quick() -> None:
    bench = make_bench(count=1)
    with Workers(2) as workers:
        options = SearchOptions(time.monotonic() + 60.0, None, 0, workers)
        context = context_of(bench)
        students = StudentSearch(choose_families(("linear", "ragged"), context), context, options, Notes())
    quick, slow, better = (
        SimpleNamespace(number=n, family=family, score=score, seconds=seconds, fit_seconds=seconds, feasible=True)
        for n, (family, score, seconds) in enumerate(
            [("linear", 0.9, 1.0), ("ragged", 0.8, 50.0), ("ragged", 0.95, 55.0)]
        )
    )
    quick.footprint = slow.footprint = better.footprint = Footprint({"model.lam": 1}, {})
    students.log.candidates += [quick, slow]
    assert students.last_fit_s > 50.0
    assert not students.goes_on_for([])
    assert students.goes_on_for([quick])
    assert students.last_fit_s < 20.0
    students.log.candidates.append(better)
    assert students.last_fit_s > 55.0, "what has become better since may ship"


def test_the_search_starts_with_each_family_and_keeps_to_its_trials() -> None:
    bench = make_bench(count=1, constraints=Constraints(max_size_bytes=30_000.0))
    names = ("linear", "oblivious", "additive", "ragged")
    notes = Notes()
    with Workers(2) as workers:
        options = SearchOptions(float("inf"), 9, 0, workers)
        log = search(bench, names, options, notes)
    assert notes.count == log.trials == 9
    tried = sorted(log.candidates, key=lambda c: c.number)
    assert {candidate.family for candidate in tried[:4]} == set(names)
    feasible = log.feasible()
    assert [c.score for c in feasible] == sorted((c.score for c in feasible), reverse=True)
    assert all(candidate.footprint.bytes <= 30_000 for candidate in feasible)


def test_a_distilled_student_that_leads_is_tried_without_its_teacher() -> None:
    bench = make_bench(count=1, constraints=Constraints(max_size_bytes=16_000.0))
    soft = 0.1 + 0.8 * np.eye(2)[bench.rows.y]
    bench = replace(bench, rows=replace(bench.rows, soft=soft))
    context = replace(context_of(bench), has_teacher=True)
    with Workers(2) as workers:
        options = SearchOptions(float("inf"), 8, 0, workers)
        students = StudentSearch(choose_families(("distilled",), context), context, options, Notes())
        students.run(bench)
    taught, alone = ([c for c in students.log.candidates if bool(c.parameters[MIX]) is own] for own in (True, False))
    assert alone
    for candidate in alone:
        (twin,) = (c for c in taught if undistilled(c.parameters) == candidate.parameters)
        earlier = [c.score for c in students.log.feasible() if c.number < twin.number]
        assert twin.score > max(earlier, default=-np.inf), "it led when it was tried"
        assert undistilled_score(single(twin), students.log.candidates) == candidate.score
        assert undistilled(candidate.parameters) is None
    rows = bench.rows.take(bench.folds[0].train)
    unmixed = alone[0].student
    assert isinstance(unmixed, Distilled)
    plain, same = (one.fit(rows, None, bench.problem, FitOptions(0, 1)) for one in (unmixed.student, unmixed))
    assert np.array_equal(plain.predict(rows.frame), same.predict(rows.frame))


def test_families_that_do_not_exist_or_do_not_suit() -> None:
    with pytest.raises(ConfigError, match="not one of"):
        check_families(("forest",))
    with pytest.raises(ConfigError, match="cannot be used"):
        choose_families(("distilled",), context_of(make_bench()))


def test_what_is_asked_does_not_depend_on_the_number_of_workers() -> None:
    bench = make_bench(count=1, rows=300)
    asked = []
    for places in (1, 2):
        with Workers(places) as workers:
            log = search(bench, ("linear", "ragged"), SearchOptions(float("inf"), 18, 5, workers), Notes())
        trials = sorted(log.candidates, key=lambda c: c.number)
        asked.append([(c.number, c.family, c.parameters, c.score) for c in trials])
    assert asked[0] == asked[1]
    assert len(asked[0]) == 18


def test_a_student_that_one_file_can_serve_is_feasible_in_part() -> None:
    limits = Constraints(max_latency_us=10.0, max_size_bytes=1_000)
    assert Footprint({"a": 900, "b": 950}, {"a": 9.0, "b": 30.0}).meets_in_part(limits)
    assert not Footprint({"a": 1_001, "b": 950}, {"a": 9.0, "b": 30.0}).meets_in_part(limits)
    assert not Footprint({"a": 900, "b": 950}, {"a": 9.0, "b": 9.0}, {"a": 11.0, "b": 12.0}).meets_in_part(limits)


@pytest.mark.parametrize(
    ("limits", "encoding"),
    [
        ({}, "auto"),
        ({"max_latency_us": 1e6}, "auto"),
        ({"max_size_bytes": 1e5}, "compact"),
        ({"max_size_bytes": 1e5, "max_latency_us": 1e6}, "compact"),
    ],
)
def test_fewest_bytes_ship_where_those_are_limited_and_time_is_not(limits: dict[str, float], encoding: str) -> None:
    bench = make_bench(count=1)
    found, _ = choose_deployment("auto", bench.schema.features, bench.records, Constraints(**limits))
    assert found.encoding == encoding


def test_the_quickest_form_ships_where_a_session_takes_much_of_the_time() -> None:
    limits = Constraints(max_size_bytes=1e5, max_latency_us=300.0)
    assert deploy._encoding(limits, 9.0) == "compact"
    assert deploy._encoding(limits, 11.0) == "auto"


@pytest.mark.parametrize("kind", ["age", "city", "since", "member"])
def test_floors_are_measured_for_any_first_column(kind: str) -> None:
    bench = make_bench(count=1)
    columns = tuple(sorted(bench.schema.features, key=lambda column: column.name != kind))
    kept, _ = choose_deployment("auto", columns, bench.records, Constraints(max_latency_us=1e6))
    assert len(kept.engines) == 2


def test_an_engine_that_takes_too_much_memory_before_any_model_is_left_out() -> None:
    bench = make_bench("binary")
    columns, fast = bench.schema.features, fastest_engine()
    memory = memory_mb(
        Deployment({"model.lam": fast, "model.onnx": "onnx"}).contents(least_program(columns)),
        {"model.lam": fast, "model.onnx": "onnx"},
        bench.records,
    )
    assert None not in memory.values()
    assert memory["model.lam"] < memory["model.onnx"]
    between = Constraints(max_memory_bytes=1e6 * sum(memory.values()) / 2)
    kept, (line,) = choose_deployment("auto", columns, bench.records, between)
    assert kept.engines == {"model.lam": fast}
    assert line.startswith("model.onnx is left out: with the onnx engine a process has ")
    with pytest.raises(InfeasibleError, match="MB before any model, over the limit of 1 MB"):
        choose_deployment("auto", columns, bench.records, Constraints(max_memory_bytes=1e6))
