import numpy as np
import pandas as pd
import pytest

from lean_automl.data import Table, load_dataset
from lean_automl.features import (
    Candidate,
    Component,
    Screen,
    candidates,
    components,
    describe,
    extended,
    fit_features,
    floors,
    ranked_as_it_is,
    ranked_as_seen,
)
from lean_automl.features.candidates import FEWEST_ROWS_OF_A_VALUE, MOST_LEVELS

ROWS = 4_000


@pytest.fixture(scope="module")
def table() -> Table:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "day": rng.integers(0, 40, ROWS),
            "size": rng.normal(size=ROWS),
            "weight": rng.normal(size=ROWS),
            "place": rng.choice(list("abc"), ROWS),
            "same_day": 0,
            "y": rng.normal(size=ROWS),
        }
    )
    frame["same_day"] = frame["day"] * 7.0 + 3
    return load_dataset(frame, "y").table


@pytest.fixture(scope="module")
def found(table: Table) -> list[Component]:
    plan = fit_features(table)
    importance = np.arange(len(plan.numeric) + len(plan.categorical), 0, -1.0)
    return components(plan, plan.frame(table), importance)


def screen_of(residual: np.ndarray) -> Screen:
    return Screen.of(residual[:, None], residual[:, None], seed=0)


def best(screen: Screen, table: Table, found: list[Component], pool: list[Candidate]) -> str:
    floor = floors(screen, found)
    return describe(
        max((ranked_as_it_is(screen, one, table, floor) for one in pool), key=lambda r: r.gain).candidate.feature
    )


def test_a_feature_that_says_the_same_twice_is_combined_once(found: list[Component]) -> None:
    names = [describe(one.number or one.parts[0].feature) for one in found]
    assert names == ["day", "size", "weight", "place"]


def test_what_makes_the_residuals_is_found(table: Table, found: list[Component]) -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(size=ROWS)
    day, size, weight = (table.array(name).astype(np.float64) for name in ("day", "size", "weight"))
    pool = candidates(found, table, MOST_LEVELS)
    assert best(screen_of(size - weight + noise), table, found, pool) == "(size - weight)"
    assert best(screen_of(2 * rng.normal(size=40)[day.astype(int)] + noise), table, found, pool) == "day in 40 ranges"
    place = pd.factorize(table.array("place"))[0]
    cells = rng.normal(size=(40, 3))[day.astype(int), place]
    assert best(screen_of(3 * cells + noise), table, found, pool) == "day in 40 ranges x place"


def test_noise_explains_less_than_nothing(table: Table, found: list[Component]) -> None:
    gains = []
    for seed in range(5):
        screen = screen_of(np.random.default_rng(seed).normal(size=ROWS))
        pool = [one for one in candidates(found, table, MOST_LEVELS) if one.parts]
        gains += [screen.gain(*one.codes(table)) for one in pool]
    assert np.mean(gains) < 0
    assert np.mean(np.array(gains) > 0) < 0.1


def test_codes_are_those_of_the_feature(table: Table, found: list[Component]) -> None:
    pairs = [one for one in candidates(found, table, MOST_LEVELS) if len(one.parts) == 2]
    for one in (*pairs, *extended(pairs[-1], found, MOST_LEVELS)):
        codes, levels = one.codes(table)
        feature = one.feature
        assert levels == feature.levels  # type: ignore[union-attr]
        assert 0 <= codes.min() <= codes.max() < levels
    from lean_automl.features import FeaturePlan

    categories = tuple(one.feature for one in pairs)
    seen = FeaturePlan((), categories).frame(table).codes  # type: ignore[arg-type]
    np.testing.assert_array_equal(seen, np.column_stack([one.codes(table)[0] for one in pairs]))


def test_no_category_has_more_levels_than_allowed(table: Table, found: list[Component]) -> None:
    pool = candidates(found, table, 100)
    pairs = [one for one in pool if len(one.parts) == 2]
    assert pairs
    assert all(one.codes(table)[1] <= 100 for one in pairs)


def test_rare_values_share_a_code() -> None:
    values = np.repeat(np.arange(10.0), 50)
    frame = pd.DataFrame({"x": np.append(values, 100.5 + np.arange(FEWEST_ROWS_OF_A_VALUE - 1)), "y": 0.0})
    frame["y"] = np.arange(len(frame)) % 7
    table = load_dataset(frame, "y").table
    plan = fit_features(table)
    part = components(plan, plan.frame(table), np.ones(1))[0].parts[0]
    assert part.feature.levels == 10 + 1 + 1, "one for each frequent value, one for all above, one for missing"
    assert np.unique(part.codes[-FEWEST_ROWS_OF_A_VALUE + 1 :]).size == 1


def test_a_tree_sees_a_category_by_its_mean_target(table: Table, found: list[Component]) -> None:
    rng = np.random.default_rng(2)
    day = table.array("day").astype(int)
    screen = screen_of(2 * rng.normal(size=40)[day] + rng.normal(size=ROWS))
    floor = [0.0] * len(found)
    one = next(c for c in candidates(found, table, MOST_LEVELS) if describe(c.feature) == "day in 40 ranges")
    seen = ranked_as_seen(screen, one, table, floor)
    assert 0.5 < seen.gain < 1
    assert seen.levels == 41
    assert len(seen.views) == 1
    assert seen.views[0][1] <= 34
    explained = screen.without(screen.explained(*seen.views[0]))
    assert explained.gain(*seen.views[0]) < 0.01
