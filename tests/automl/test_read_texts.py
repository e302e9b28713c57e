"""How much of texts is read under limits, and that a search of features goes with them."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from lean_automl_runtime.measure import CostModel

from lean_automl.automl.choose_features import Terms, choose_features
from lean_automl.automl.read_texts import USUAL_TOKENS, most_tokens, prepare_folds
from lean_automl.config import Constraints
from lean_automl.data import Dataset, folds, load_dataset
from lean_automl.features import fit_features
from lean_automl.learners.base import FitOptions, Problem, Rows
from lean_automl.learners.texts import fit_texts
from lean_automl.search.metrics import make_metric
from lean_automl.search.workers import Workers
from lean_automl.student.costs import Costs
from lean_automl.student.deploy import EVERY_FILE, Deployment

ROWS = 900


def with_texts() -> Dataset:
    rng = np.random.default_rng(0)
    words = rng.choice(["fine", "poor", "cloth", "cut", "blue", "torn", "soft", "loose"], (ROWS, 5))
    text = [f"{', '.join(own)}. Number {row}!" for row, own in enumerate(words)]
    y = (words == "fine").sum(axis=1) - (words == "poor").sum(axis=1) + rng.normal(0, 0.5, ROWS) > 0
    return load_dataset(pd.DataFrame({"text": text, "other": rng.normal(size=ROWS), "y": y}), "y")


def tokens_with(dataset: Dataset, deployment: Deployment = EVERY_FILE, **limits: float) -> tuple[int, tuple[str, ...]]:
    return most_tokens(Constraints(**limits), deployment, dataset.table, Problem(dataset.schema.task, 2))  # type: ignore[arg-type]


def test_a_limit_on_size_limits_tokens() -> None:
    dataset = with_texts()
    assert tokens_with(dataset) == (USUAL_TOKENS, ())
    assert 40 < tokens_with(dataset, max_size_bytes=4_000)[0] < tokens_with(dataset, max_size_bytes=32_000)[0] < 1_000


def test_texts_that_take_too_long_stay_unread_and_it_is_said() -> None:
    tokens, (line,) = tokens_with(with_texts(), max_latency_us=0.01)
    assert tokens == 0
    assert "1 column of text stays unread" in line
    assert tokens_with(with_texts(), max_latency_us=1e9) == (USUAL_TOKENS, ())


class SlowToBegin:
    """An engine of which a call takes long and rows take nothing."""

    def run(self, _: list[np.ndarray]) -> None:
        time.sleep(0.002)


def test_in_a_batch_a_row_takes_its_part_of_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lean_automl.automl.read_texts._engine", lambda *_: SlowToBegin())
    assert tokens_with(with_texts(), max_latency_us=1_000)[0] == 0
    assert tokens_with(with_texts(), max_latency_us=1_000 * 200, batch_size=200)[0] == USUAL_TOKENS
    assert tokens_with(with_texts(), max_latency_us=1_000 * 10_000, batch_size=10_000)[0] == USUAL_TOKENS
    assert tokens_with(with_texts(), max_latency_us=1.0 * 200, batch_size=200)[0] == 0


@pytest.mark.parametrize(("call_us", "tokens"), [(4.0, USUAL_TOKENS), (6.0, 0)])
def test_a_profile_says_it_of_a_device(call_us: float, tokens: int) -> None:
    costs = Costs({"model.lam": CostModel("native", {"calls": call_us}, 0.1, 1.5)}, 10.0)
    deployment = Deployment({"model.lam": "native"}, costs=costs)
    assert tokens_with(with_texts(), deployment, max_latency_us=10.0)[0] == tokens


@pytest.mark.parametrize("engine", ["native", "numba", "reference", "c", "onnx"])
def test_texts_are_timed_in_every_engine_that_serves(engine: str) -> None:
    name = {"c": "model.h", "onnx": "model.onnx"}.get(engine, "model.lam")
    deployment = Deployment({name: engine})
    assert tokens_with(with_texts(), deployment, max_latency_us=1e9)[0] == USUAL_TOKENS
    assert tokens_with(with_texts(), deployment, max_latency_us=0.001)[0] == 0


def test_several_texts_are_looked_at_together() -> None:
    frame = pd.DataFrame({"y": with_texts().y, "text": with_texts().table.array("text")})
    dataset = load_dataset(frame.assign(more=frame["text"].str[::-1]), "y")
    assert len(fit_features(dataset.table).texts) == 2
    assert tokens_with(dataset, max_latency_us=1e9) == (USUAL_TOKENS, ())
    assert tokens_with(dataset, max_latency_us=0.01)[0] == 0


def test_words_of_categories_count_too() -> None:
    rng = np.random.default_rng(0)
    kind = [f"lot {number} row {number % 7}" for number in rng.integers(0, 90, ROWS)]
    dataset = load_dataset(pd.DataFrame({"kind": kind, "y": rng.random(ROWS) < 0.5}), "y")
    assert [text.column for text in fit_features(dataset.table).texts] == ["kind"]
    assert tokens_with(dataset, max_latency_us=0.01)[0] == 0


@pytest.mark.slow
def test_features_are_chosen_beside_texts() -> None:
    dataset, problem = with_texts(), Problem(with_texts().schema.task, 2)
    with Workers(2) as workers:
        assert workers.wait_until_ready(time.monotonic() + 120)
        options = FitOptions(0, 1, time.monotonic() + 300)
        terms = Terms(problem, make_metric(None, problem.task, 2), workers, 1_000)
        read = choose_features(dataset, terms, options)
        unread = choose_features(dataset, Terms(problem, terms.metric, workers, 1_000, tokens=0), options)
        assert read.score is not None
        assert unread.score is not None
        assert read.score > unread.score + 0.1
        plan = fit_features(dataset.table, 100)
        rows, parts = Rows(plan.frame(dataset.table), dataset.y), folds(dataset, 3, 0)
        prepared = prepare_folds(rows, parts, problem, options, workers)
    for part, one in zip(parts, prepared, strict=True):
        assert one is not None
        np.testing.assert_array_equal(one[1], fit_texts(rows.take(part.train), problem, 0)[1])
