"""Fit one system and let it predict, in the Python that has it: `worker.py SYSTEM asked.json`; prints JSON at the end.

Reads train.parquet and test.parquet of the folder, and writes predicted.parquet: `probability_LABEL` for each class, or
`prediction`. What can be compiled is saved with all of its rounds and with ever fewer as `ROUNDS.SUFFIX`, beside the
rows that it reads. Free text, which boosters read as a category of its own for each row, is left out for them; dates
are days. None of that is charged to them when they are compiled.
"""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

Asked = dict[str, Any]
MOST_LEVELS = 1_000
SHARES = (1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.08, 0.05, 0.03, 0.015, 0.007, 0.003)
METRICS = {
    "autogluon": {"binary": "roc_auc", "multiclass": "log_loss", "regression": "root_mean_squared_error"},
    "flaml": {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"},
}
SHARE_OF_TUNING = 0.8  # of the time; the rest is for the last fit
MOST_ROUNDS, PATIENCE = 2_000, 50


def in_days(x: pd.DataFrame) -> pd.DataFrame:
    """The table with dates as numbers of days."""
    dates = [name for name in x.columns if pd.api.types.is_datetime64_any_dtype(x[name])]
    return x.assign(**{name: (x[name] - pd.Timestamp(0, tz=x[name].dt.tz)) / pd.Timedelta(days=1) for name in dates})


class Booster:
    """Reads numbers and categories; classes are their positions among the sorted labels.

    `fit` sets `model`, and `rounds` if models of fewer rounds can be saved and compiled.
    """

    suffix, rounds = "txt", 0

    def prepare(self, x: pd.DataFrame, train: bool) -> pd.DataFrame:
        x = in_days(x)
        if train:
            texts = [name for name in x.columns if not pd.api.types.is_numeric_dtype(x[name])]
            self.left_out = [name for name in texts if x[name].nunique() > MOST_LEVELS]
            read = [name for name in texts if name not in self.left_out]
            self.levels = {name: sorted(x[name].dropna().astype(str).unique()) for name in read}
        x = x.drop(columns=self.left_out)
        for name, levels in self.levels.items():
            x[name] = pd.Categorical(x[name].astype(str).where(x[name].notna(), None), categories=levels)
        return x

    def as_texts(self, x: pd.DataFrame) -> pd.DataFrame:
        """Prepared rows with categories as texts."""
        return x.astype(dict.fromkeys(self.levels, object))

    def without_missing(self, x: pd.DataFrame) -> pd.DataFrame:
        """The same with the empty text for a missing one, as CatBoost wants it."""
        return self.as_texts(x).fillna(dict.fromkeys(self.levels, ""))

    def read(self, rows: pd.DataFrame) -> pd.DataFrame:
        """What a compiled model reads of prepared rows."""
        return self.as_texts(rows)

    def predict(self, asked: Asked, rows: pd.DataFrame) -> Any:
        return self.model.predict(rows) if asked["task"] == "regression" else self.model.predict_proba(rows)

    def answers(self, asked: Asked, values: Any) -> pd.DataFrame:
        if asked["task"] == "regression":
            return pd.DataFrame({"prediction": np.asarray(values, dtype=float).ravel()})
        return pd.DataFrame(values, columns=[f"probability_{label}" for label in self.labels])

    def run(self, asked: Asked, train: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
        y = train.pop(asked["target"])
        if asked["task"] != "regression":
            codes, found = pd.factorize(y, sort=True)
            self.labels, y = [str(label) for label in found], pd.Series(codes)
        x, rows = self.prepare(train, train=True), self.prepare(test, train=False)
        begin = time.perf_counter()
        self.fit(asked, x, y)
        self.fit_s = time.perf_counter() - begin
        if asked["compiled"]:
            self.save_all(Path(asked["folder"]), rows)
        return self.answers(asked, self.predict(asked, rows))

    def save_all(self, folder: Path, rows: pd.DataFrame) -> None:
        """What is compiled, and what that needs."""
        self.read(rows).to_parquet(folder / "rows.parquet")
        levels = {name: ["", *own] for name, own in self.levels.items()}
        (folder / "levels.json").write_text(json.dumps(levels))
        for share in SHARES if self.rounds else ():
            rounds = max(1, round(share * self.rounds))
            self.save(rounds, folder / f"{rounds}.{self.suffix}")


class Watch:
    """Stops a fit of LightGBM when its score has not become better for a while, or the time is over."""

    order = 30

    def __init__(self, until: float) -> None:
        self.until, self.best, self.best_round = until, -np.inf, 0

    def __call__(self, now: Any) -> None:
        import lightgbm as lgb

        scores = now.evaluation_result_list
        if scores:
            score = scores[0][2] if scores[0][3] else -scores[0][2]
            if score > self.best:
                self.best, self.best_round = score, now.iteration
        is_stale = bool(scores) and now.iteration - self.best_round >= PATIENCE
        if is_stale or time.monotonic() > self.until:
            raise lgb.callback.EarlyStopException(self.best_round, scores)


class LightGBM(Booster):
    """Tuned by Optuna on a fifth of the rows, and fitted again on all of them."""

    package = "lightgbm"

    def fit(self, asked: Asked, x: pd.DataFrame, y: pd.Series) -> None:
        import lightgbm as lgb
        import optuna
        from sklearn.model_selection import train_test_split

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        begin, limit_s, task = time.monotonic(), asked["time_limit_s"], asked["task"]
        fixed = {"objective": task, "verbosity": -1, "num_threads": asked["threads"], "seed": asked["seed"]}
        fixed["metric"] = {"binary": "auc", "multiclass": "multi_logloss", "regression": "rmse"}[task]
        if task == "multiclass":
            fixed["num_class"] = int(y.max()) + 1
        strata = None if task == "regression" or y.value_counts().min() < 2 else y
        own, held = train_test_split(np.arange(len(x)), test_size=0.2, random_state=asked["seed"], stratify=strata)
        tuned: dict[str, Any] = {"score": -np.inf}

        def objective(trial: optuna.Trial) -> float:
            settings = {
                "num_leaves": trial.suggest_int("num_leaves", 4, 256, log=True),
                "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.3, log=True),
                "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 5, 200, log=True),
                "feature_fraction": trial.suggest_float("feature_fraction", 0.4, 1.0),
                "bagging_fraction": trial.suggest_float("bagging_fraction", 0.5, 1.0),
                "bagging_freq": 1,
                "lambda_l2": trial.suggest_float("lambda_l2", 1e-3, 100.0, log=True),
            }
            data = lgb.Dataset(x.iloc[own], y.iloc[own])
            judge = lgb.Dataset(x.iloc[held], y.iloc[held], reference=data)
            watch = Watch(begin + SHARE_OF_TUNING * limit_s)
            lgb.train(fixed | settings, data, MOST_ROUNDS, valid_sets=[judge], callbacks=[watch])
            if watch.best > tuned["score"]:
                tuned.update(score=watch.best, settings=settings, rounds=watch.best_round + 1)
            return watch.best

        study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=asked["seed"]))
        study.optimize(objective, timeout=SHARE_OF_TUNING * limit_s)
        last = Watch(begin + limit_s)
        self.booster = lgb.train(fixed | tuned["settings"], lgb.Dataset(x, y), tuned["rounds"], callbacks=[last])
        self.rounds = self.booster.current_iteration()

    def save(self, rounds: int, path: Path) -> None:
        self.booster.save_model(path, num_iteration=rounds)

    def predict(self, asked: Asked, rows: pd.DataFrame) -> Any:
        found = self.booster.predict(rows, num_iteration=self.rounds)
        return np.stack([1 - found, found], axis=1) if asked["task"] == "binary" else found


class CatBoost(Booster):
    """With its defaults, stopped early on a tenth of the rows."""

    package, suffix = "catboost", "cbm"

    def prepare(self, x: pd.DataFrame, train: bool) -> pd.DataFrame:
        return self.without_missing(super().prepare(x, train))

    def fit(self, asked: Asked, x: pd.DataFrame, y: pd.Series) -> None:
        from catboost import CatBoostClassifier, CatBoostRegressor
        from sklearn.model_selection import train_test_split

        kind = CatBoostRegressor if asked["task"] == "regression" else CatBoostClassifier
        settings = {"random_seed": asked["seed"], "thread_count": asked["threads"], "allow_writing_files": False}
        own, held = train_test_split(np.arange(len(x)), test_size=0.1, random_state=asked["seed"])
        self.model = kind(verbose=0, cat_features=list(self.levels), early_stopping_rounds=PATIENCE, **settings)
        self.model.fit(x.iloc[own], y.iloc[own], eval_set=(x.iloc[held], y.iloc[held]))
        self.rounds = self.model.tree_count_

    def save(self, rounds: int, path: Path) -> None:
        shorter = self.model.copy()
        shorter.shrink(ntree_end=rounds)
        shorter.save_model(str(path))


class Flaml(Booster):
    """Its boosters where they are to be compiled, all of its learners where not; it gets categories as codes."""

    package = "flaml"

    def prepare(self, x: pd.DataFrame, train: bool) -> pd.DataFrame:
        x = super().prepare(x, train)
        return x.assign(**{name: x[name].cat.codes.astype(float) for name in self.levels})

    def fit(self, asked: Asked, x: pd.DataFrame, y: pd.Series) -> None:
        from flaml import AutoML

        boosters = ["lgbm", "xgboost", "xgb_limitdepth"] if asked["compiled"] else "auto"
        settings = {"metric": METRICS["flaml"][asked["task"]], "time_budget": asked["time_limit_s"]}
        settings |= {"n_jobs": asked["threads"], "seed": asked["seed"], "verbose": 0, "estimator_list": boosters}
        self.model = AutoML()
        self.model.fit(x, y, task="regression" if asked["task"] == "regression" else "classification", **settings)
        own = self.model.model.estimator
        self.booster = getattr(own, "booster_", None) or (own.get_booster() if hasattr(own, "get_booster") else None)
        self.suffix = "txt" if self.model.best_estimator == "lgbm" else "json"
        self.rounds = 0 if self.booster is None else own.n_estimators

    def read(self, rows: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame(self.model.preprocess(rows))

    def save(self, rounds: int, path: Path) -> None:
        if self.suffix == "txt":
            self.booster.save_model(path, num_iteration=rounds)
        else:
            self.booster[:rounds].save_model(path)


class Chimera(Booster):
    """ChimeraBoost with its defaults; its own format is not one that is compiled."""

    package = "chimeraboost"

    def prepare(self, x: pd.DataFrame, train: bool) -> pd.DataFrame:
        return self.as_texts(super().prepare(x, train))

    def fit(self, asked: Asked, x: pd.DataFrame, y: pd.Series) -> None:
        from chimeraboost import ChimeraBoostClassifier, ChimeraBoostRegressor

        kind = ChimeraBoostRegressor if asked["task"] == "regression" else ChimeraBoostClassifier
        self.model = kind(random_state=asked["seed"], thread_count=asked["threads"])
        self.model.fit(x, y, cat_features=list(self.levels))


class Bag(Booster):
    """Five folds of CatBoost and five of LightGBM, averaged, without a time limit."""

    package = "catboost"

    def fit(self, asked: Asked, x: pd.DataFrame, y: pd.Series) -> None:
        import lightgbm as lgb
        from catboost import CatBoostClassifier, CatBoostRegressor
        from sklearn.model_selection import KFold, StratifiedKFold

        regression = asked["task"] == "regression"
        cat, light = (CatBoostRegressor, lgb.LGBMRegressor) if regression else (CatBoostClassifier, lgb.LGBMClassifier)
        self.members, texts = [], self.without_missing(x)
        split = (KFold if regression else StratifiedKFold)(5, shuffle=True, random_state=asked["seed"])
        for own, held in split.split(x, y):
            both, threads = (x.iloc[held], y.iloc[held]), asked["threads"]
            second = light(n_estimators=MOST_ROUNDS, learning_rate=0.05, n_jobs=threads, verbose=-1)
            stop = lgb.early_stopping(PATIENCE, verbose=False)
            self.members.append((second.fit(x.iloc[own], y.iloc[own], eval_set=[both], callbacks=[stop]), False))
            first = cat(
                verbose=0,
                cat_features=list(self.levels),
                early_stopping_rounds=PATIENCE,
                random_seed=asked["seed"],
                thread_count=threads,
                allow_writing_files=False,
            )
            first.fit(texts.iloc[own], y.iloc[own], eval_set=(texts.iloc[held], y.iloc[held]))
            self.members.append((first, True))

    def predict(self, asked: Asked, rows: pd.DataFrame) -> Any:
        found = []
        for member, reads_texts in self.members:
            own = self.without_missing(rows) if reads_texts else rows
            found.append(member.predict(own) if asked["task"] == "regression" else member.predict_proba(own))
        return np.mean(found, axis=0)


class AutoGluon:
    """Its own treatment of all columns."""

    package = "autogluon.tabular"
    settings: ClassVar = {"presets": "best_quality", "dynamic_stacking": False}

    def run(self, asked: Asked, train: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
        from autogluon.tabular import TabularPredictor

        begin, task, path = time.perf_counter(), asked["task"], f"{asked['folder']}/autogluon"
        metric = METRICS["autogluon"][task]
        predictor = TabularPredictor(asked["target"], problem_type=task, eval_metric=metric, path=path, verbosity=0)
        predictor.fit(train, time_limit=self.time_limit_s(asked), num_cpus=asked["threads"], **self.settings)
        model = self.chosen(predictor, asked)
        self.fit_s = time.perf_counter() - begin
        if task == "regression":
            return pd.DataFrame({"prediction": predictor.predict(test, model=model, as_pandas=False)})
        return predictor.predict_proba(test, model=model).add_prefix("probability_").reset_index(drop=True)

    def time_limit_s(self, asked: Asked) -> float:
        return float(asked["time_limit_s"])

    def chosen(self, predictor: Any, asked: Asked) -> str | None:  # noqa: ARG002
        return None


class QuickAutoGluon(AutoGluon):
    """With its limit on the mean time of a row, at a batch of one."""

    settings: ClassVar = {
        "presets": "high_quality",
        "dynamic_stacking": False,
        "infer_limit": 0.002,
        "infer_limit_batch_size": 1,
    }


class DistilledAutoGluon(AutoGluon):
    """Six tenths of the time for the ensemble, the rest for `distill`; the best student answers."""

    def time_limit_s(self, asked: Asked) -> float:
        return 0.6 * asked["time_limit_s"]

    def chosen(self, predictor: Any, asked: Asked) -> str | None:
        students = predictor.distill(time_limit=0.4 * asked["time_limit_s"], verbosity=0)
        board = predictor.leaderboard()
        own = board[board.model.isin(students)].sort_values("score_val", ascending=False)
        return None if own.empty else str(own.model.iloc[0])


class Ydf:
    """Gradient boosted trees with its defaults."""

    package = "ydf"

    def run(self, asked: Asked, train: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
        import ydf

        classifies, target = asked["task"] != "regression", asked["target"]
        task = ydf.Task.CLASSIFICATION if classifies else ydf.Task.REGRESSION
        train, test = self.filled(train, target), self.filled(test, target)
        if classifies:
            train[target] = train[target].astype(str)
        begin = time.perf_counter()
        seed, threads = asked["seed"], asked["threads"]
        learner = ydf.GradientBoostedTreesLearner(label=target, task=task, num_threads=threads, random_seed=seed)
        model = learner.train(train, verbose=0)
        self.fit_s = time.perf_counter() - begin
        found = model.predict(test)
        if not classifies:
            return pd.DataFrame({"prediction": found})
        found = np.stack([1 - found, found], axis=1) if found.ndim == 1 else found
        return pd.DataFrame(found, columns=[f"probability_{label}" for label in model.label_classes()])

    def filled(self, x: pd.DataFrame, target: str) -> pd.DataFrame:
        """A missing text is the empty one; a time is a number of days."""
        x = in_days(x)
        for name in x.columns.drop(target, errors="ignore"):
            if not pd.api.types.is_numeric_dtype(x[name]):
                x[name] = x[name].astype(object).where(x[name].notna(), "").astype(str)
        return x


SYSTEMS = {
    "lightgbm-tuned": LightGBM,
    "catboost": CatBoost,
    "chimeraboost": Chimera,
    "bag": Bag,
    "flaml": Flaml,
    "ydf": Ydf,
    "autogluon-best": AutoGluon,
    "autogluon-quick": QuickAutoGluon,
    "autogluon-distill": DistilledAutoGluon,
}


if __name__ == "__main__":
    name, path = sys.argv[1:]
    asked = json.loads(Path(path).read_text())
    system = SYSTEMS[name]()
    train, test = (pd.read_parquet(f"{asked['folder']}/{part}.parquet") for part in ("train", "test"))
    system.run(asked, train, test).to_parquet(f"{asked['folder']}/predicted.parquet")
    print(json.dumps({"version": version(system.package), "fit_s": round(system.fit_s, 1)}))
