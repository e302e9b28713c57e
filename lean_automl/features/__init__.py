"""Features: from typed columns to what learners read, and to the ops that compute the same."""

from lean_automl.features.fit import (
    cross,
    difference,
    fit_category,
    fit_centred,
    fit_features,
    fit_frequency,
    product,
    ratio,
)
from lean_automl.features.plan import (
    Category,
    CategoryFeature,
    Crossed,
    FeaturePlan,
    Frame,
    NumericFeature,
    Ordinal,
    emit_code,
    emit_number,
)
from lean_automl.features.propose import propose_crossed

__all__ = [
    "Category",
    "CategoryFeature",
    "Crossed",
    "FeaturePlan",
    "Frame",
    "NumericFeature",
    "Ordinal",
    "cross",
    "difference",
    "emit_code",
    "emit_number",
    "fit_category",
    "fit_centred",
    "fit_features",
    "fit_frequency",
    "product",
    "propose_crossed",
    "ratio",
]
