"""Hold-out and folds."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lean_automl.data import SchemaOverrides, default_holdout_fraction, folds, holdout, load_dataset
from lean_automl.data import splits as splits_module
from lean_automl.errors import ConfigError, DataError


def dataset(y, **columns):
    overrides = SchemaOverrides(
        time="time" if "time" in columns else None, group="group" if "group" in columns else None
    )
    return load_dataset({"x": np.random.default_rng(0).random(len(y)), "y": y, **columns}, "y", overrides)


def assert_disjoint(split, rows):
    assert np.intersect1d(split.train, split.valid).size == 0
    assert np.isin(np.concatenate([split.train, split.valid]), rows).all()
    assert split.train.size
    assert split.valid.size
    assert (np.diff(split.train) > 0).all()
    assert (np.diff(split.valid) > 0).all()


def assert_partition(splits, rows):
    for split in splits:
        assert_disjoint(split, rows)
        assert len(split.train) + len(split.valid) == len(rows)
    np.testing.assert_array_equal(np.sort(np.concatenate([s.valid for s in splits])), rows)


def test_default_fraction():
    sizes = {rows: round(default_holdout_fraction(rows) * rows) for rows in (20, 50_000, 60_000, 400_000, 10**7)}
    assert sizes == {20: 4, 50_000: 10_000, 60_000: 10_000, 400_000: 40_000, 10**7: 100_000}


def test_classes_keep_their_shares():
    data = dataset(["a"] * 150 + ["b"] * 40 + ["c"] * 10)
    outer = holdout(data)
    assert np.bincount(data.y[outer.valid]).tolist() == [30, 8, 2]
    inner = folds(data, 4, rows=outer.train)
    assert_partition(inner, outer.train)
    assert all(np.bincount(data.y[s.valid]).tolist() == [30, 8, 2] for s in inner)


def test_number_ranges_keep_their_shares():
    data = dataset(np.arange(200) + 0.5)
    outer = holdout(data)
    assert len(outer.valid) == 40
    assert np.bincount(outer.valid // 20).tolist() == [4] * 10
    assert_partition(folds(data, 5, rows=outer.train), outer.train)


def test_seed_decides():
    data = dataset([0.5, 1.5] * 50)
    assert holdout(data, seed=1).valid.tolist() == holdout(data, seed=1).valid.tolist()
    assert holdout(data, seed=1).valid.tolist() != holdout(data, seed=2).valid.tolist()
    assert folds(data, seed=1)[0].valid.tolist() != folds(data, seed=2)[0].valid.tolist()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(3, 12), min_size=2, max_size=6), st.integers(2, 8), st.integers(0, 5))
def test_every_training_part_has_every_class(counts, k, seed):
    y = np.repeat([f"c{i}" for i in range(len(counts))], counts)
    if len(y) < 10:
        return
    data = dataset(y)
    outer = holdout(data, seed=seed)
    inner = folds(data, k, seed, outer.train)
    assert_partition(inner, outer.train)
    assert 2 <= len(inner) <= k
    for split in inner:
        assert set(data.y[split.train]) == set(range(len(counts)))
        assert len(set(data.y[split.valid])) >= 2


@pytest.mark.parametrize("y", [np.arange(10) + 0.5, ["a", "b"] * 5, ["a"] * 7 + ["b"] * 3])
def test_ten_rows_are_enough(y):
    data = dataset(y)
    outer = holdout(data)
    assert_partition(folds(data, 5, rows=outer.train), outer.train)


def test_folds_are_reduced_to_the_rarer_class():
    assert len(folds(dataset(["a"] * 50 + ["b"] * 3), 5)) == 3


@pytest.mark.parametrize("many_groups", [False, True])
@pytest.mark.parametrize("regression", [False, True])
def test_groups_stay_together(monkeypatch, many_groups, regression):
    if many_groups:
        monkeypatch.setattr(splits_module, "MAX_STRATIFIED_GROUPS", 5)
    rng = np.random.default_rng(0)
    y = rng.random(300) if regression else rng.choice(["a", "b"], 300)
    data = dataset(y, group=rng.integers(0, 30, 300).astype(str))
    groups = data.target.group
    outer = holdout(data)
    assert_disjoint(outer, np.arange(300))
    assert 30 <= len(outer.valid) <= 90
    inner = folds(data, 5, rows=outer.train)
    assert_partition(inner, outer.train)
    for split in (outer, *inner):
        assert not set(groups[split.train]) & set(groups[split.valid])


def test_few_groups_make_few_folds():
    data = dataset(["a", "b"] * 30, group=["p"] * 20 + ["q"] * 20 + ["r"] * 20)
    outer = holdout(data)
    assert len(folds(data, 5, rows=outer.train)) == 2


def test_groups_that_cannot_be_split():
    data = dataset(["a", "b"] * 30, group=["p"] * 30 + ["q"] * 30)
    with pytest.raises(DataError, match="fewer than 3 groups"):
        holdout(data)
    with pytest.raises(DataError, match="single group"):
        folds(data, rows=np.arange(30))
    coincide = dataset(["a"] * 30 + ["b"] * 30, group=["p"] * 30 + ["q"] * 30)
    with pytest.raises(DataError, match="coincide"):
        folds(coincide)


def test_time_holds_out_the_last_and_chains_forward():
    rng = np.random.default_rng(0)
    data = dataset(rng.random(300), time=rng.permutation(300))
    times = data.target.time
    outer = holdout(data)
    assert len(outer.valid) == 60
    inner = folds(data, 5, rows=outer.train)
    assert len(inner) == 5
    for split in (outer, *inner):
        assert_disjoint(split, np.arange(300))
        assert times[split.train].max() < times[split.valid].min()
    assert [len(s.train) for s in inner] == [40, 80, 120, 160, 200]
    assert all(len(s.valid) == 40 for s in inner)


def test_equal_times_are_not_parted():
    data = dataset(np.arange(100) + 0.5, time=np.repeat([1, 2, 3], [50, 30, 20]))
    outer = holdout(data, 0.3)
    assert len(outer.valid) == 50
    data = dataset(np.arange(100) + 0.5, time=pd.to_datetime(["2024-01-01"] * 90 + ["2024-01-02"] * 10))
    assert len(holdout(data).valid) == 10
    assert len(folds(data, 5)) == 1


def test_a_single_time_cannot_be_split():
    with pytest.raises(DataError, match="single value"):
        holdout(dataset(np.arange(30) + 0.5, time=[5] * 30))


def test_time_folds_wait_for_all_classes():
    data = dataset(["a"] * 50 + ["a", "b"] * 25, time=range(100))
    inner = folds(data, 4)
    assert all(set(data.y[s.train]) == {0, 1} for s in inner)
    assert len(inner) == 2
    with pytest.raises(DataError, match="too few rows or classes"):
        holdout(dataset(["a"] * 90 + ["b"] * 10, time=range(100)))
    with pytest.raises(DataError, match="can be trained on"):
        folds(dataset(["a"] * 90 + ["b"] * 10, time=range(100)))


def test_time_and_groups_together():
    rng = np.random.default_rng(0)
    data = dataset(rng.random(200), time=range(200), group=np.arange(200) // 7)
    for split in (holdout(data), *folds(data, 3)):
        assert_disjoint(split, np.arange(200))
        assert data.target.time[split.train].max() < data.target.time[split.valid].min()
        assert not set(data.target.group[split.train]) & set(data.target.group[split.valid])


@pytest.mark.parametrize("fraction", [0, -0.1, 0.6, float("nan")])
def test_bad_fractions(fraction):
    with pytest.raises(ConfigError, match="holdout fraction"):
        holdout(dataset([0.5, 1.5] * 10), fraction)


def test_bad_fold_counts():
    with pytest.raises(ConfigError, match="folds: 1"):
        folds(dataset([0.5, 1.5] * 10), 1)
    with pytest.raises(DataError, match="too few for two folds"):
        folds(dataset(["a"] * 10 + ["b"] * 10), rows=np.arange(11))
