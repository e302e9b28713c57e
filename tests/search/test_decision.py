"""Rules from probabilities to labels: chosen on rows that models did not see, and the same in every engine and file."""

from __future__ import annotations

import numpy as np
import pytest
from conformance.programs import hostile_inputs, random_program
from lean_automl_exporters.onnx import export_checked
from lean_automl_runtime.engines import available, make_engine
from lean_automl_runtime.ir import LABEL, PROBABILITIES
from sklearn.metrics import balanced_accuracy_score, f1_score, matthews_corrcoef

from lean_automl.compiler.decide import with_threshold, with_weights
from lean_automl.data import Task
from lean_automl.search.decision import FORMULAS, Decision, Judged, answers, choose_decision, wants_rule
from lean_automl.search.metrics import make_metric


def rare(rows: int, seed: int, share: float = 0.08) -> Judged:
    """Two classes, one of them rare, and honest probabilities."""
    rng = np.random.default_rng(seed)
    score = rng.normal(0, 2, rows) + np.log(share / (1 - share))
    p = 1 / (1 + np.exp(-score))
    y = (rng.random(rows) < p).astype(np.int64)
    return Judged(y, np.column_stack([1 - p, p]).astype(np.float32).astype(np.float64), None)


def skewed(rows: int, seed: int) -> Judged:
    """Four classes of falling frequency, and honest probabilities."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 1.5, (rows, 4)) + np.log([0.7, 0.2, 0.07, 0.03])
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    y = np.array([rng.choice(4, p=own) for own in p])
    return Judged(y, p, None)


@pytest.mark.parametrize("name", ["f1", "balanced_accuracy", "matthews_corrcoef", "f1_macro", "jaccard"])
def test_a_threshold_scores_better_on_new_rows(name: str) -> None:
    metric = make_metric(name, Task.BINARY, 2)
    folds = [rare(1500, 0), rare(1500, 1)]
    decision, score = choose_decision(metric, folds, thorough=True)
    assert decision is not None
    assert decision.threshold is not None
    new = rare(20_000, 2)
    plain = metric(new.y, new.predicted)
    ruled = metric(new.y, np.eye(2)[decision.labels(new.predicted)])
    assert ruled > plain + 0.01
    assert abs(score - ruled) < 0.05  # what the folds promise is not the luck of their own rows


@pytest.mark.parametrize("name", ["f1_macro", "balanced_accuracy"])
def test_weights_of_classes_score_better_on_new_rows(name: str) -> None:
    metric = make_metric(name, Task.MULTICLASS, 4)
    for thorough in (False, True):
        decision, _ = choose_decision(metric, [skewed(3000, 0)], thorough=thorough)
        assert decision is not None
        new = skewed(10_000, 1)
        assert metric(new.y, np.eye(4)[decision.labels(new.predicted)]) > metric(new.y, new.predicted) + 0.01


def test_the_greatest_probability_stays_where_no_rule_is_better() -> None:
    even = rare(4000, 0, share=0.5)
    metric = make_metric("accuracy", Task.BINARY, 2)
    decision, score = choose_decision(metric, [even], thorough=True)
    assert decision is None or abs((decision.threshold or 0.0) - 0.5) < 0.1
    assert score >= metric(even.y, even.predicted)


def test_metrics_that_a_rule_would_spoil_have_none() -> None:
    for name, wanted in (
        ("f1", True),
        ("precision", False),
        ("recall", False),
        ("roc_auc", False),
        ("neg_log_loss", False),
    ):
        metric = make_metric(name, Task.BINARY, 2)
        assert wants_rule(metric) is wanted
        if not wanted:
            assert choose_decision(metric, [rare(500, 0)], thorough=True)[0] is None
    assert not wants_rule(make_metric("r2", Task.REGRESSION, 1))


@pytest.mark.parametrize(
    "y", [np.zeros(400, dtype=np.int64), np.r_[np.zeros(399, dtype=np.int64), 1], np.array([0, 1])]
)
def test_folds_with_one_class_or_few_rows_keep_the_greatest_probability(y: np.ndarray) -> None:
    p = np.random.default_rng(0).random((y.size, 2))
    assert choose_decision(make_metric("f1", Task.BINARY, 2), [Judged(y, p, None)], thorough=True)[0] is None


def test_equal_probabilities_and_row_weights_are_borne() -> None:
    metric = make_metric("f1", Task.BINARY, 2)
    own = rare(1000, 3)
    flat = np.full_like(own.predicted, 0.5)
    choose_decision(metric, [Judged(own.y, flat, None)], thorough=True)
    weight = np.where(own.y == 1, 30.0, 0.0) + np.random.default_rng(0).random(1000)
    weighted, _ = choose_decision(metric, [Judged(own.y, own.predicted, weight)], thorough=True)
    plain, _ = choose_decision(metric, [own], thorough=True)
    assert plain is not None
    assert weighted is None or (weighted.threshold or 0.0) < (plain.threshold or 0.0)


def test_formulas_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    y, label, weight = rng.integers(0, 2, 200), rng.integers(0, 2, 200), rng.random(200)
    counts = [weight[(y == t) & (label == own)].sum() for t, own in ((1, 1), (0, 1), (1, 0), (0, 0))]
    expected = {
        "f1": f1_score(y, label, sample_weight=weight),
        "balanced_accuracy": balanced_accuracy_score(y, label, sample_weight=weight),
        "matthews_corrcoef": matthews_corrcoef(y, label, sample_weight=weight),
        "accuracy": np.average(y == label, weights=weight),
    }
    assert set(expected) == set(FORMULAS)
    for name, value in expected.items():
        assert FORMULAS[name](*map(np.float64, counts)) == pytest.approx(value)  # type: ignore[arg-type]


def test_every_engine_and_file_gives_the_labels_of_the_rule() -> None:
    seen = set()
    for seed in range(60):
        program = random_program(seed)
        count = len(program.classes)
        if count < 2 or PROBABILITIES not in program.outputs or count in seen:
            continue
        seen.add(count)
        rows = hostile_inputs(program, np.random.default_rng(seed))
        p = make_engine(program, "reference").run(rows)[PROBABILITIES]
        weights = tuple(np.random.default_rng(seed).uniform(0.1, 1.0, count).tolist())
        rule = Decision(0.3) if count == 2 else Decision(None, weights)
        ruled = with_threshold(program, 0.3) if count == 2 else with_weights(program, weights)
        metric = make_metric("f1_macro", Task.BINARY if count == 2 else Task.MULTICLASS, count)
        for engine in filter(available, ("reference", "native", "numba")):
            outputs = make_engine(ruled, engine).run(rows)
            np.testing.assert_array_equal(outputs[PROBABILITIES], p)
            np.testing.assert_array_equal(answers(metric, outputs, ruled.classes).argmax(axis=1), rule.labels(p))
            assert outputs[LABEL].shape == (len(p),)
        _, parity = export_checked(ruled, [rows])
        assert parity.labels > 0
    assert len(seen) > 2
