from itertools import product

from lean_automl.automl.plan_time import MOST_FINAL_SHARE, plan_time
from lean_automl.config import Constraints

LARGE, SMALL = Constraints(max_size_bytes=1_000_000), Constraints(max_size_bytes=32_000)
ROLES = ("teaches", "joins", "compares")


def test_the_parts_stay_within_the_limit() -> None:
    for limit, constraints in product((5.0, 10.0, 60.0, 600.0), (LARGE, SMALL)):
        plan = plan_time(limit, constraints)
        assert 0 < plan.final_s < limit
        for spent in (0.0, 0.3 * limit, limit):
            steps = [
                plan.features_until(spent),
                *(plan.teacher_until(spent, role, last) for role in ROLES for last in (0.0, 0.5 * limit)),
            ]
            assert spent <= min(steps)
            assert max(steps) <= max(spent, plan.search_until)
        assert plan.refit_until + plan.publish_s <= limit


def test_what_the_first_model_took_is_kept_for_the_last() -> None:
    plan = plan_time(60.0, Constraints())
    assert plan.with_publishing(0.1) == plan, "never less than planned"
    assert plan.with_publishing(10.0).final_s > 10.0
    assert plan.with_publishing(1_000.0).final_s == MOST_FINAL_SHARE * 60.0


def test_small_models_leave_more_time_for_the_search() -> None:
    usual, small = plan_time(120.0, LARGE), plan_time(120.0, SMALL)
    assert small.search_until - usual.search_until > 0.1 * 120.0
    assert small.with_publishing(8.0).final_s >= 10.0, "but as much as the first model took"
