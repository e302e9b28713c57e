"""`LeanClassifier` and `LeanRegressor`."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from lean_automl.automl.front import Point, read_front
from lean_automl.automl.pipeline import FitRequest, fit
from lean_automl.data import SchemaOverrides, Task
from lean_automl.search.losses import pinball
from lean_automl.sklearn.errors import translated
from lean_automl.sklearn.inputs import (
    Names,
    make_table,
    native_labels,
    read_answers,
    read_features,
    read_weight,
    with_class_weight,
)
from lean_automl.sklearn.served import Served
from lean_automl.sklearn.settings import config_of, names_of
from lean_automl.sklearn.watch import Lines
from lean_automl.student.deploy import ARTIFACT_FILE, ONNX_FILE

if TYPE_CHECKING:
    from os import PathLike

    from lean_automl.automl.result import RunResult
    from lean_automl.config import FitConfig
    from lean_automl.sklearn.inputs import Answers, Array


class _Estimator(BaseEstimator):  # type: ignore[misc]
    """What both have in common: the parameters, a fit, and what may be asked afterwards.

    The parameters are the options of `lean_automl fit`; they are checked by `fit`.

    Args:
        max_latency_ms: For one row, raw record to prediction; None is no limit.
        max_size_kb: For each file, in units of 1,000 bytes; None is no limit.
        latency_quantile: Which quantile the latency limit is for.
        serve_with: Engine that the limits hold for, and that predicts: auto, native, numba, reference or onnx.
        time_limit: Seconds for a fit, which takes all of them unless `max_trials` ends the search first.
        max_trials: Students to try at most.
        metric: Name of a scikit-learn scorer that chooses the model; None for the task's default.
        families: Student families to search; None for all.
        holdout: Share of the rows that no step sees until the end, for the scores in `result_`.
        folds: Folds of the teacher's cross-validation.
        threads: Processes that fit at the same time; None for all cores.
        random_state: Seed, or what draws one.
        class_weight: `balanced` for classes that weigh the same in training; a mapping from labels to what their rows
            weigh, in training and in scores; None for rows that weigh the same.
        monotone: Columns that predictions, or the probability of the second class, may only rise (1) or only fall (-1)
            with, as a mapping or as `age=+1,debt=-1`.
        quantiles: Quantiles to predict instead of the mean, such as (0.1, 0.5, 0.9): `predict` has a column for each,
            and `score` is the pinball loss below zero.
        one_se: Whether the cheapest model is taken that is within one standard error of the best.
        features: Features of your own, each a text such as `ratio = debt / (income + 1)`.
        columns: Kind by column name, where inference is wrong.
        drop: Columns to leave out.
        id_columns: Columns that name rows; left out.
        time_column: Column that orders the rows: train on the past, judge on the rest.
        group_column: Column whose rows of one value stay together; left out. `fit` may get groups instead.
        teacher: Whether a teacher is built; without one a fit is quicker.
        feature_search: Whether features beyond the columns are searched for.
        measure: Whether latencies are measured that no limit asks for, as figures in `result_`.
        out: Folder to make, as `lean_automl fit --out` does; None for a temporary one, which is removed.
        overwrite: Whether `out` may replace the folder of an earlier run.
        verbose: 0 for silence, 1 for a line a step, 2 for a line for each thing tried.

    Attributes:
        n_features_in_: Number of columns in `fit`.
        feature_names_in_: Their names, if all are text.
        result_: All figures of the run.
        front_: The students that no other beats in score, size and latency at once.
        artifact_: Bytes of the file that predicts.
        feature_importances_: Shares of what the loss loses when a column is shuffled, on 1,000 rows of `fit` at most.
    """

    def __init__(  # noqa: PLR0913 - scikit-learn takes each parameter by its name
        self,
        *,
        max_latency_ms: float | None = None,
        max_size_kb: float | None = None,
        latency_quantile: float = 0.99,
        serve_with: str = "auto",
        time_limit: float = 60.0,
        max_trials: int | None = None,
        metric: str | None = None,
        families: Any = None,
        holdout: float | None = None,
        folds: int = 5,
        threads: int | None = None,
        random_state: Any = 0,
        class_weight: str | dict[Any, float] | None = None,
        monotone: Any = None,
        quantiles: Any = None,
        one_se: bool = False,
        features: Any = None,
        columns: Any = None,
        drop: Any = None,
        id_columns: Any = None,
        time_column: str | None = None,
        group_column: str | None = None,
        teacher: bool = True,
        feature_search: bool = True,
        measure: bool = True,
        out: str | PathLike[str] | None = None,
        overwrite: bool = False,
        verbose: int = 0,
    ) -> None:
        self.max_latency_ms = max_latency_ms
        self.max_size_kb = max_size_kb
        self.latency_quantile = latency_quantile
        self.serve_with = serve_with
        self.time_limit = time_limit
        self.max_trials = max_trials
        self.metric = metric
        self.families = families
        self.holdout = holdout
        self.folds = folds
        self.threads = threads
        self.random_state = random_state
        self.class_weight = class_weight
        self.monotone = monotone
        self.quantiles = quantiles
        self.one_se = one_se
        self.features = features
        self.columns = columns
        self.drop = drop
        self.id_columns = id_columns
        self.time_column = time_column
        self.group_column = group_column
        self.teacher = teacher
        self.feature_search = feature_search
        self.measure = measure
        self.out = out
        self.overwrite = overwrite
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn may expect of inputs: columns of any kind, and missing values."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "artifact_")

    def __getstate__(self) -> dict[str, Any]:
        """The bytes of the model instead of the loaded one."""
        state: dict[str, Any] = dict(super().__getstate__())
        if "_served" in state:
            state["_served"] = state["_served"].engine
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        engine = state.get("_served")
        super().__setstate__(state)
        if engine is not None:
            self._served = Served(self.artifact_, engine)

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Search, export, check and measure one model.

        Args:
            X: A DataFrame of pandas or polars, an Arrow table, or an array. Missing values and text are fine.
            y: Labels, or numbers.
            sample_weight: Weights of the rows; rows of weight zero are left out.
            groups: Rows of one group stay together whenever rows are held out.

        Raises:
            ValueError: The rows or a parameter cannot be used.
            InfeasibleError: No model meets the limits; the message has the nearest miss.
        """
        started = time.monotonic()
        with translated():
            config = config_of(self.get_params(deep=False))
            frame = read_features(self, X, reset=True)
            answers = read_answers(self, y, frame, classifies=isinstance(self, ClassifierMixin))
            weight = with_class_weight(read_weight(sample_weight, frame), self.class_weight, answers)
            table, names = make_table(frame, answers, weight, groups)
            with self._folder() as folder:
                task = None if answers.classes is None else Task.MULTICLASS
                request = FitRequest(
                    table,
                    names.target,
                    folder,
                    self._overrides(names),
                    Task.REGRESSION if task is None else task,
                    bool(self.overwrite),
                    started,
                )
                result = fit(request, config, Lines(self.verbose))
                self._take(result, folder, config)
        if answers.classes is not None:
            self.classes_ = answers.classes
        self._rate(frame, answers, config.seed)
        return self

    def export(self, path: str | PathLike[str], to: str | None = None) -> Path:
        """Write the model as a file that needs neither scikit-learn nor this package.

        Args:
            path: The file to write; one that exists is replaced.
            to: `lam` for lean_automl_runtime, `onnx` for any ONNX runtime, `c` for one C header; None to go by the
                suffix of the path (`.lam`, `.onnx`, `.h`).

        Raises:
            ValueError: There is no such form, or `serve_with='onnx'` made an ONNX file alone.
        """
        check_is_fitted(self)
        path = Path(path)
        with translated():
            content = self._served.export(to or {".h": "c"}.get(path.suffix, path.suffix.removeprefix(".")))
        path.write_bytes(content)
        return path

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the `.lam` file: `export` with `to="lam"`. To keep the estimator itself, pickle it."""
        return self.export(path, "lam")

    def front(self) -> pd.DataFrame:
        """The students that no other beats in score, size and latency at once: a row for each, the best score first.

        Sizes are in units of 1,000 bytes, latencies in microseconds: the median of a call, a quick look.
        """
        check_is_fitted(self)
        rows = []
        for point in self.front_:
            row = {name: value for name, value in asdict(point).items() if name not in ("sizes", "latency_us")}
            row |= {f"{file} kB": size / 1000 for file, size in point.sizes.items()}
            rows.append(row | {f"{file} us": latency for file, latency in point.latency_us.items()})
        return pd.DataFrame(rows)

    @contextlib.contextmanager
    def _folder(self) -> Iterator[Path]:
        """Where the run writes."""
        if self.out is not None:
            yield Path(self.out)
            return
        with tempfile.TemporaryDirectory(prefix="lean_automl_") as folder:
            yield Path(folder) / "model"

    def _overrides(self, names: Names) -> SchemaOverrides:
        return SchemaOverrides(
            kinds=dict(self.columns or {}),
            drop=names_of(self.drop),
            id=names_of(self.id_columns),
            time=self.time_column,
            group=self.group_column if names.group is None else names.group,
            weight=names.weight,
        )

    def _take(self, result: RunResult, folder: Path, config: FitConfig) -> None:
        """What is kept of the files."""
        file = folder / ARTIFACT_FILE
        engine = config.target
        if not file.exists():
            file, engine = folder / ONNX_FILE, "onnx"
        self.result_ = result
        self.front_: tuple[Point, ...] = tuple(read_front(folder))
        self.artifact_ = file.read_bytes()
        self._served = Served(self.artifact_, engine)

    def _rate(self, frame: pd.DataFrame, answers: Answers, seed: int) -> None:
        truth = answers.values
        if answers.classes is not None:
            truth = self._positions()[truth]
        self.feature_importances_: Array = self._served.importances(frame, truth, seed)

    def _positions(self) -> Array:
        """For each of `classes_`, its position in the file."""
        found = pd.Index(np.array(self._served.classes, dtype=object))
        return np.asarray(found.get_indexer(pd.Index(native_labels(self.classes_), dtype=object)))

    def _rows(self, X: Any) -> pd.DataFrame:
        check_is_fitted(self)
        return read_features(self, X, reset=False)


class LeanClassifier(ClassifierMixin, _Estimator):  # type: ignore[misc]
    """A classifier that is one fast, measured file.

    Attributes:
        classes_: Labels of `fit`, sorted; the order of the probabilities.
    """

    __doc__ = f"{__doc__}\n{_Estimator.__doc__}"

    def predict(self, X: Any) -> Array:
        """Labels, by the compiled model."""
        with translated():
            rows = self._rows(X)
            order = np.argsort(self._positions())
            labels: Array = self.classes_[order[self._served.labels(rows)]]
        return labels

    def predict_proba(self, X: Any) -> Array:
        """Probabilities, float32 of shape (n, classes), in the order of `classes_`, by the compiled model."""
        with translated():
            rows = self._rows(X)
            chances: Array = self._served.probabilities(rows)[:, self._positions()]
        return chances


class LeanRegressor(RegressorMixin, _Estimator):  # type: ignore[misc]
    """A regressor that is one fast, measured file."""

    def predict(self, X: Any) -> Array:
        """Numbers, by the compiled model; a column for each of `quantiles`, if they were asked for."""
        with translated():
            rows = self._rows(X)
            numbers = self._served.numbers(rows)
        return numbers

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R2 as in scikit-learn, or for quantiles the mean pinball loss, below zero so that greater is better."""
        if not self.quantiles:
            return float(super().score(X, y, sample_weight))
        losses = pinball(np.asarray(y, dtype=np.float64), self.predict(X).reshape(len(y), -1), self.quantiles)
        return -float(np.average(losses, weights=sample_weight))
