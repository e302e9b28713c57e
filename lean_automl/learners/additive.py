"""Additive models: LightGBM trees of one split each, which collapse into one table for each feature."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lean_automl.compiler.tables import lower_tables, tables_of_stumps
from lean_automl.compiler.trees import LeafBits
from lean_automl.learners.base import FitOptions, Problem, Rows, last_rounds
from lean_automl.learners.lightgbm import FittedLightGBM, LightGBM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import ProgramBuilder

    from lean_automl.features import FeaturePlan


@dataclass(frozen=True)
class Additive:
    """Settings of one fit.

    Attributes:
        trees: Most boosting rounds; they cost nothing when the model runs.
        learning_rate: Shrinkage.
        max_bins: Cuts of a numeric feature at most, plus one.
        leaf_bits: Width of the table entries when lowered.
        extra: Further LightGBM parameters.
    """

    trees: int = 1500
    learning_rate: float = 0.1
    max_bins: int = 64
    leaf_bits: LeafBits = 16
    extra: dict[str, Any] = field(default_factory=dict)

    name = "additive"
    keeps_signs = True

    def fit(self, train: Rows, valid: Rows | None, problem: Problem, options: FitOptions) -> FittedAdditive:
        """Fit; with `valid`, keep the best round."""
        stumps = LightGBM(
            trees=self.trees,
            leaves=2,
            learning_rate=self.learning_rate,
            feature_fraction=1.0,
            bagging_fraction=1.0,
            extra={"max_bin": self.max_bins} | self.extra,
            leaf_bits=self.leaf_bits,
        )
        fitted = stumps.fit(train, valid, problem, options)
        return FittedAdditive(fitted.booster, fitted.encoding, stumps, problem, fitted.rounds)

    def for_all_rows(self, fitted: Sequence[FittedAdditive], growth: float) -> Additive:
        """The same with a fixed number of trees."""
        return replace(self, trees=last_rounds(fitted, growth))


class FittedAdditive(FittedLightGBM):
    """A booster of stumps, lowered as tables."""

    rounds_take_time = False  # when it answers: however many there were, a feature has one table

    def lower(self, plan: FeaturePlan, builder: ProgramBuilder) -> int:
        """Value number of the raw scores, float32 (n, scores)."""
        tables, bias = tables_of_stumps(self.trees(), self.problem.scores)
        bins = {column: self.encoding.bins(column, t.edges, t.edges.size + 1) for column, t in tables.items()}
        return lower_tables(tables, bins, np.asarray(bias), plan, builder, self.settings.leaf_bits)
