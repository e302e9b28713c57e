"""From an estimator's parameters to what a run takes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sklearn.utils import check_random_state

from lean_automl.config import MAX_SEED, Budget, Constraints, FitConfig, Monotone, parse_monotone
from lean_automl.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


def config_of(parameters: Mapping[str, Any]) -> FitConfig:
    """The settings, checked.

    Raises:
        ConfigError: A parameter has a value or a type that is not allowed.
    """
    get = parameters.__getitem__
    if get("serve_with") == "c":
        raise ConfigError("serve_with='c' makes a C header, which cannot predict here: export('model.h') writes one.")
    try:
        latency, size = get("max_latency_ms"), get("max_size_kb")
        return FitConfig(
            constraints=Constraints(
                max_latency_us=None if latency is None else latency * 1000,
                max_size_bytes=None if size is None else size * 1000,
                latency_quantile=get("latency_quantile"),
            ),
            budget=Budget(
                time_limit_s=get("time_limit"),
                max_trials=get("max_trials"),
                teacher=bool(get("teacher")),
                measure=bool(get("measure")),
                feature_search=bool(get("feature_search")),
            ),
            target=get("serve_with"),
            metric=get("metric"),
            families=None if get("families") is None else names_of(get("families")),
            class_weight=None if isinstance(get("class_weight"), dict) else get("class_weight"),  # rows have them
            monotone=monotone_of(get("monotone")),
            quantiles=tuple(float(q) for q in get("quantiles") or ()),
            one_se=bool(get("one_se")),
            features=names_of(get("features")),
            holdout=get("holdout"),
            folds=get("folds"),
            threads=get("threads") or os.cpu_count() or 1,
            seed=seed_of(get("random_state")),
        )
    except TypeError as error:
        raise ConfigError(f"a parameter has a value of a wrong type: {error}.") from error


def monotone_of(value: str | Mapping[str, int] | None) -> Monotone:
    """Names and signs, from a mapping or from the text of the command line."""
    if value is None:
        return ()
    return parse_monotone((value,)) if isinstance(value, str) else tuple((str(k), v) for k, v in value.items())


def names_of(value: str | Iterable[str] | None) -> tuple[str, ...]:
    """One name or several."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(str(name) for name in value)


def seed_of(random_state: Any) -> int:
    """A seed: the one that is given, or one that is drawn."""
    if isinstance(random_state, int):
        return random_state
    return int(check_random_state(random_state).randint(MAX_SEED))
