"""CatBoost: oblivious trees; with its own encoding of categories, or on ours so that the model can be lowered."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl.compiler.from_catboost import read_model
from lean_automl.compiler.oblivious import ObliviousModel, lower_oblivious
from lean_automl.compiler.trees import LeafBits
from lean_automl.data import Task
from lean_automl.errors import UnsupportedOpError
from lean_automl.learners.base import F64, FitOptions, Problem, Rows, last_rounds, probabilities
from lean_automl.learners.encoding import Encoding, fit_encoding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import ProgramBuilder
    from numpy.typing import NDArray

    from lean_automl.features import FeaturePlan, Frame

PATIENCE: Final = 50


@dataclass(frozen=True)
class CatBoost:
    """Settings of one fit.

    Attributes:
        trees: Most boosting rounds.
        depth: Splits of each tree.
        learning_rate: Shrinkage; None leaves it to the library.
        l2: Regularisation of leaf values.
        own_categories: Whether CatBoost encodes categories itself, which cannot be lowered.
        soft: Whether `Rows.y` holds probabilities of the second class (binary only).
        leaf_bits: Width of the leaves when lowered.
    """

    trees: int = 1000
    depth: int = 6
    learning_rate: float | None = None
    l2: float = 3.0
    own_categories: bool = True
    soft: bool = False
    leaf_bits: LeafBits = 16

    name = "catboost"
    keeps_signs = True

    def fit(self, train: Rows, valid: Rows | None, problem: Problem, options: FitOptions) -> FittedCatBoost:
        """Fit; with `valid`, keep the best round."""
        from catboost import CatBoost as Library

        encoding: Encoding | None = None
        if self.own_categories:
            data = self._pool(train, None)
        else:
            encoding, matrix = fit_encoding(train, problem, options.seed)
            data = self._pool(train, matrix)
        model = Library(self._parameters(problem, options) | _constraints(problem))
        held = None if valid is None else self._pool(valid, encoding.matrix(valid.frame) if encoding else None)
        model.fit(data, eval_set=held, callbacks=[_StopWhen(options)])
        return FittedCatBoost(model, encoding, self, problem, int(model.tree_count_))

    def for_all_rows(self, fitted: Sequence[FittedCatBoost], growth: float) -> CatBoost:
        """The same with a fixed number of trees and learning rate."""
        rates = [float(one.model.get_all_params()["learning_rate"]) for one in fitted]
        return replace(self, trees=last_rounds(fitted, growth), learning_rate=float(np.mean(rates)))

    def _pool(self, rows: Rows, matrix: NDArray[np.float32] | None) -> Any:
        from catboost import FeaturesData, Pool

        if matrix is not None:
            return Pool(matrix, rows.y, weight=rows.weight)
        numbers = rows.frame.numbers if rows.frame.numbers.shape[1] else None
        codes = rows.frame.codes.astype(str).astype(bytes).astype(object) if rows.frame.codes.shape[1] else None
        return Pool(FeaturesData(numbers, codes), rows.y, weight=rows.weight)

    def _parameters(self, problem: Problem, options: FitOptions) -> dict[str, Any]:
        of_number = "MAE" if problem.learns_medians else "RMSE"
        loss = {Task.BINARY: "Logloss", Task.MULTICLASS: "MultiClass", Task.REGRESSION: of_number}[problem.task]
        return {
            "loss_function": "CrossEntropy" if self.soft else loss,
            **({"classes_count": problem.outputs} if problem.task is Task.MULTICLASS else {}),
            "iterations": self.trees,
            "depth": self.depth,
            "l2_leaf_reg": self.l2,
            **({} if self.learning_rate is None else {"learning_rate": self.learning_rate}),
            "od_type": "Iter",
            "od_wait": PATIENCE,
            "random_seed": options.seed,
            "thread_count": options.threads,
            "logging_level": "Silent",
            "allow_writing_files": False,
        }


def _constraints(problem: Problem) -> dict[str, Any]:
    """Parameters that keep the signs of the numeric features, which are the first columns."""
    signs = {column: sign for column, sign in enumerate(problem.signs) if sign}
    return {"monotone_constraints": signs} if signs else {}


class _StopWhen:
    """CatBoost callback: stop when the time is over."""

    def __init__(self, options: FitOptions) -> None:
        self._options = options

    def after_iteration(self, info: Any) -> bool:  # noqa: ARG002
        return not self._options.expired


@dataclass(frozen=True, eq=False)
class FittedCatBoost:
    """A fitted model and the encoding that it reads, if not its own."""

    model: Any
    encoding: Encoding | None
    settings: CatBoost
    problem: Problem
    rounds: int

    def shorten(self, rounds: int) -> FittedCatBoost:
        """Only the first trees; for lowering, not for `predict`."""
        return replace(self, rounds=min(rounds, self.rounds))

    def predict(self, frame: Frame) -> F64:
        """Probabilities (n, classes), or predictions (n, 1)."""
        matrix = None if self.encoding is None else self.encoding.matrix(frame)
        rows = Rows(frame, np.zeros(frame.rows))
        scores = self.model.predict(self.settings._pool(rows, matrix), prediction_type="RawFormulaVal")
        return probabilities(np.asarray(scores, dtype=np.float64), self.problem)

    def neutral(self) -> ObliviousModel:
        """The trees in neutral form, over the encoding's columns."""
        if self.encoding is None:
            raise UnsupportedOpError("a CatBoost model that encodes categories itself cannot be lowered")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.json"
            self.model.save_model(str(path), format="json")
            model = read_model(json.loads(path.read_text()))
        columns = tuple(
            self.encoding.bins(column, edges, edges.size + 1 if largest else 0)
            for column, (edges, largest) in enumerate(zip(model.borders, model.nan_is_largest, strict=True))
        )
        return ObliviousModel(model.trees[: self.rounds], columns, model.bias)

    def lower(self, plan: FeaturePlan, builder: ProgramBuilder) -> int:
        """Value number of the raw scores, float32 (n, scores)."""
        return lower_oblivious(self.neutral(), plan, builder, self.settings.leaf_bits)
