"""Tests of computed values become tests of the raw float32 value, exact at the last bit."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lean_automl.compiler.foreign.categories import equal_to, number_codes
from lean_automl.compiler.foreign.features import Number, Step, StepKind, number_values
from lean_automl.compiler.foreign.thresholds import raw_tests

factor = st.floats(1e-6, 1e6)
shift = st.floats(-1e6, 1e6)
step = st.one_of(
    st.builds(Step, st.sampled_from([StepKind.MULTIPLY, StepKind.DIVIDE]), factor),
    st.builds(
        Step, st.sampled_from([StepKind.ADD, StepKind.SUBTRACT, StepKind.LOW, StepKind.HIGH, StepKind.FILL]), shift
    ),
    st.builds(Step, st.sampled_from([StepKind.FLOAT32, StepKind.TRUNCATE])),
)
number = st.builds(Number, st.just("x"), st.lists(step, max_size=4).map(tuple), st.booleans())
float32 = st.floats(width=32, allow_nan=False)


@given(number=number, at=float32, beside=st.integers(-2, 2), strict=st.booleans(), raw=st.lists(float32, min_size=1))
@settings(max_examples=300, deadline=None)
def test_the_raw_test_equals_the_computed_one(
    number: Number, at: float, beside: int, strict: bool, raw: list[float]
) -> None:
    """The threshold is a value that occurs, or one beside it; so are the raw values."""
    threshold = number_values(number, np.array([at], dtype=np.float32))
    for _ in range(abs(beside)):
        threshold = np.nextafter(threshold, np.sign(beside) * np.inf)
    tests = raw_tests(number, threshold, strict)
    edge = tests.threshold[0]
    near = [edge, np.nextafter(edge, np.float32(-np.inf)), np.nextafter(edge, np.float32(np.inf))]
    values = np.array([*raw, at, *near, -np.inf, np.inf, 0.0, -0.0], dtype=np.float32)
    seen = number_values(number, values)
    wanted = seen < threshold if strict else seen <= threshold
    found = (values <= edge) & ~tests.never
    # A fill is for NaN; infinities that cancel are NaN too, and no library takes those.
    decided = ~np.isnan(seen)
    assert (wanted == found)[decided].all()


@given(number=number, raw=st.lists(float32, min_size=1, max_size=6), more=st.lists(float32))
@settings(max_examples=200, deadline=None)
def test_codes_tell_values_apart(number: Number, raw: list[float], more: list[float]) -> None:
    finite = Number(number.column, tuple(s for s in number.steps if s.kind is not StepKind.FILL), number.narrow)
    values = np.unique(number_values(finite, np.array(raw, dtype=np.float32)))
    values = values[np.isfinite(values)]
    coding, codes = number_codes(finite, values)
    rows = np.array([*raw, *more], dtype=np.float32)
    seen = number_values(finite, rows)
    own = np.searchsorted(np.array(coding.edges), rows.astype(np.float64), side="left")
    for value, code in zip(values, codes, strict=True):
        assert ((own == code) == (seen == value))[~np.isnan(seen)].all()


@given(values=st.lists(float32.filter(np.isfinite), min_size=1, max_size=8, unique=True))
@settings(deadline=None)
def test_categories_that_are_numbers(values: list[float]) -> None:
    wanted = np.unique(np.array(values))
    coding, codes = equal_to("x", wanted)
    edges = np.array(coding.edges)
    narrow = wanted.astype(np.float32)
    assert (np.searchsorted(edges, wanted, side="left") == codes).all()
    for beside in (np.nextafter(narrow, np.float32(np.inf)), np.nextafter(narrow, np.float32(-np.inf))):
        other = ~np.isin(beside, narrow)
        assert not np.isin(np.searchsorted(edges, beside.astype(np.float64), side="left")[other], codes).any()
