"""scikit-learn's own checks of estimators: those that fit at most once in the ordinary suite, all with `make slow`."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, Final

import pytest
from estimators.quick import QUICK
from sklearn.utils.estimator_checks import estimator_checks_generator

from lean_automl import LeanClassifier, LeanRegressor

# Why each does not hold is in docs/adr/0019-estimators-are-whole-runs.md.
EXPECTED_TO_FAIL: Final = {
    "check_sample_weight_equivalence_on_dense_data": "a row of weight two is held out whole, two rows may be parted",
}
IN_THE_ORDINARY_SUITE: Final = {
    "check_all_zero_sample_weights_error",
    "check_classifiers_one_label",
    "check_classifiers_one_label_sample_weights",
    "check_classifiers_regression_target",
    "check_complex_data",
    "check_dict_unchanged",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_dont_overwrite_parameters",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_sparse_array",
    "check_estimator_sparse_tag",
    "check_estimator_tags_renamed",
    "check_estimators_empty_data_messages",
    "check_estimators_unfitted",
    "check_fit1d",
    "check_fit2d_1sample",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_requires_y_none",
    "check_set_params",
    "check_supervised_y_no_nan",
    "check_valid_tag_types",
}


def all_checks() -> Iterator[Any]:
    for estimator in (LeanClassifier(**QUICK), LeanRegressor(**QUICK)):
        for own, check in estimator_checks_generator(estimator):
            name = getattr(check, "func", check).__name__
            marks = [] if name in IN_THE_ORDINARY_SUITE else [pytest.mark.slow]
            if name in EXPECTED_TO_FAIL:
                marks.append(pytest.mark.xfail(reason=EXPECTED_TO_FAIL[name], strict=True))
            yield pytest.param(own, check, marks=marks, id=f"{type(own).__name__}-{name}")


@pytest.mark.parametrize(("estimator", "check"), list(all_checks()))
def test_estimator(estimator: Any, check: Any) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*rows were repeated", category=UserWarning)
        check(estimator)
