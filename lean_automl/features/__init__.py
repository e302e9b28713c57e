"""Features: from typed columns to what learners read, and to the ops that compute the same."""

from lean_automl.features.candidates import MOST_LEVELS, Candidate, Component, candidates, components, extended
from lean_automl.features.describe import describe
from lean_automl.features.emit import emit_code, emit_number
from lean_automl.features.expressed import express
from lean_automl.features.expression import parse_all
from lean_automl.features.fit import (
    cross,
    difference,
    fit_category,
    fit_centred,
    fit_features,
    fit_frequency,
    product,
    ratio,
    total,
)
from lean_automl.features.plan import (
    Binned,
    Category,
    CategoryFeature,
    Crossed,
    Expressed,
    FeaturePlan,
    Frame,
    NumericFeature,
    Ordinal,
    TextNumber,
    Worded,
)
from lean_automl.features.screen import Ranked, Screen, again, floors, ranked_as_it_is, ranked_as_seen
from lean_automl.features.signs import check_monotone, is_free, signs_of
from lean_automl.features.texts import MOST_TOKENS, Tokens

__all__ = [
    "MOST_LEVELS",
    "MOST_TOKENS",
    "Binned",
    "Candidate",
    "Category",
    "CategoryFeature",
    "Component",
    "Crossed",
    "Expressed",
    "FeaturePlan",
    "Frame",
    "NumericFeature",
    "Ordinal",
    "Ranked",
    "Screen",
    "TextNumber",
    "Tokens",
    "Worded",
    "again",
    "candidates",
    "check_monotone",
    "components",
    "cross",
    "describe",
    "difference",
    "emit_code",
    "emit_number",
    "express",
    "extended",
    "fit_category",
    "fit_centred",
    "fit_features",
    "fit_frequency",
    "floors",
    "is_free",
    "parse_all",
    "product",
    "ranked_as_it_is",
    "ranked_as_seen",
    "ratio",
    "signs_of",
    "total",
]
