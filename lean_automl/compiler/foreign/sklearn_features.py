"""Follows scikit-learn's fitted transformers from raw columns to the columns of a model's matrix.

Encoders are not re-implemented: each is asked what it makes of every category, of a missing value and of one that it
has not seen. Rows that a transformer refuses (`handle_unknown="error"`) have no right answer; there a category that
it has not seen counts as none of the known ones.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl.compiler.foreign.categories import equal_to
from lean_automl.compiler.foreign.features import (
    Categories,
    Coding,
    Feature,
    Intervals,
    Levels,
    Number,
    Step,
    StepKind,
    then,
)
from lean_automl.compiler.foreign.sklearn_bins import binarised, discretised
from lean_automl.errors import UnsupportedOpError

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNSEEN: Final = "\x00 never seen \x00"


@dataclass(frozen=True)
class Text:
    """A string raw column whose missing values became `fill`; None where they stayed missing."""

    column: str
    fill: str | None


Stage = Feature | Text


def follow(transformer: Any, stages: Sequence[Stage]) -> list[Stage]:
    """What a fitted transformer makes of its input columns.

    Raises:
        UnsupportedOpError: It is not supported; the message names it.
    """
    if transformer is None or isinstance(transformer, str):
        return [] if transformer == "drop" else list(stages)
    name = type(transformer).__name__
    if hasattr(transformer, "get_support") and not hasattr(transformer, "coef_"):
        return [stage for stage, kept in zip(stages, transformer.get_support(), strict=True) if kept]
    reader = READERS.get(name)
    if reader is None or not type(transformer).__module__.startswith("sklearn."):
        raise UnsupportedOpError(
            f"scikit-learn transformer {name} is not supported. Supported: {', '.join(sorted(READERS))}, selectors of "
            "features, 'passthrough' and 'drop'."
        )
    return reader(transformer, stages)


def is_sparse(transformer: Any, given: bool) -> bool:
    """Whether a transformer yields a sparse matrix, given one or not."""
    match type(transformer).__name__:
        case "ColumnTransformer":
            return bool(transformer.sparse_output_)
        case "OneHotEncoder":
            return bool(transformer.sparse_output)
        case "KBinsDiscretizer":
            return bool(transformer.encode == "onehot")
        case "OrdinalEncoder" | "TargetEncoder":
            return False
        case "FeatureUnion":
            return any(is_sparse(step, given) for _, step in transformer.transformer_list)
        case "Pipeline":
            for _, step in transformer.steps:
                given = is_sparse(step, given)
    return given


def as_features(stages: Sequence[Stage], reader: str) -> tuple[Feature, ...]:
    """The columns of a model's matrix, which must be numbers by now."""
    for stage in stages:
        if isinstance(stage, Text):
            raise UnsupportedOpError(f"{reader} reads column {stage.column!r} as text: encode it before")
    return tuple(stage for stage in stages if not isinstance(stage, Text))


def _pipeline(transformer: Any, stages: Sequence[Stage]) -> list[Stage]:
    for _, step in transformer.steps:
        stages = follow(step, stages)
    return list(stages)


def _column_transformer(transformer: Any, stages: Sequence[Stage]) -> list[Stage]:
    found: list[Stage] = []
    for name, step, _ in transformer.transformers_:
        own = [stages[i] for i in transformer._transformer_to_input_indices[name]]
        if own:
            found += _weighted(transformer, name, follow(step, own))
    return found


def _feature_union(transformer: Any, stages: Sequence[Stage]) -> list[Stage]:
    return [
        stage
        for name, step in transformer.transformer_list
        for stage in _weighted(transformer, name, follow(step, stages))
    ]


def _weighted(transformer: Any, name: str, stages: Sequence[Stage]) -> list[Stage]:
    """The columns of one part of a ColumnTransformer or FeatureUnion times its weight."""
    weight = (transformer.transformer_weights or {}).get(name)
    if weight is None:
        return list(stages)
    return _stepped(stages, f"{type(transformer).__name__}(transformer_weights=...)", lambda _: [_times(weight)])


def _times(weight: float) -> Step:
    return Step(StepKind.MULTIPLY, float(weight))


def _function(transformer: Any, stages: Sequence[Stage]) -> list[Stage]:
    if transformer.func is not None:
        name = getattr(transformer.func, "__name__", repr(transformer.func))
        raise UnsupportedOpError(
            f"FunctionTransformer({name}) runs code of its own, which a Program cannot hold: compute its columns "
            "before the model"
        )
    return list(stages)


def _stepped(stages: Sequence[Stage], name: str, steps: Callable[[int], list[Step]]) -> list[Stage]:
    """Each column with the steps of its number."""
    return [then(feature, *steps(j)) for j, feature in enumerate(as_features(stages, name))]


def _standard(transformer: Any, stages: Sequence[Stage]) -> list[Stage]:
    centre = transformer.mean_ if transformer.with_mean else None
    return _centred(stages, "StandardScaler", centre, transformer.scale_ if transformer.with_std else None)


def _robust(transformer: Any, stages: Sequence[Stage]) -> list[Stage]:
    centre = transformer.center_ if transformer.with_centering else None
    return _centred(stages, "RobustScaler", centre, transformer.scale_ if transformer.with_scaling else None)


def _centred(stages: Sequence[Stage], name: str, centre: Any, scale: Any) -> list[Stage]:
    def steps(j: int) -> list[Step]:
        found = [] if centre is None else [Step(StepKind.SUBTRACT, float(centre[j]))]
        return found if scale is None else [*found, Step(StepKind.DIVIDE, float(scale[j]))]

    return _stepped(stages, name, steps)


def _min_max(transformer: Any, stages: Sequence[Stage]) -> list[Stage]:
    def steps(j: int) -> list[Step]:
        found = [
            Step(StepKind.MULTIPLY, float(transformer.scale_[j])),
            Step(StepKind.ADD, float(transformer.min_[j])),
        ]
        return found + (_limits(*transformer.feature_range) if transformer.clip else [])

    return _stepped(stages, "MinMaxScaler", steps)


def _max_abs(transformer: Any, stages: Sequence[Stage]) -> list[Stage]:
    def steps(j: int) -> list[Step]:
        limits = _limits(-1.0, 1.0) if getattr(transformer, "clip", False) else []
        return [Step(StepKind.DIVIDE, float(transformer.scale_[j])), *limits]

    return _stepped(stages, "MaxAbsScaler", steps)


def _bins(transformer: Any, stages: Sequence[Stage]) -> list[Stage]:
    return list(discretised(transformer, as_features(stages, "KBinsDiscretizer")))


def _binarizer(transformer: Any, stages: Sequence[Stage]) -> list[Stage]:
    return list(binarised(transformer, as_features(stages, "Binarizer")))


def _limits(low: float, high: float) -> list[Step]:
    return [Step(StepKind.LOW, float(low)), Step(StepKind.HIGH, float(high))]


def _imputer(transformer: Any, stages: Sequence[Stage]) -> list[Stage]:
    _check_marker(transformer)
    found: list[Stage] = []
    for stage, fill in zip(stages, transformer.statistics_, strict=True):
        if isinstance(fill, str):
            found.append(_filled_text(stage, fill))
        elif fill is None or np.isnan(fill):
            continue  # a column without any value, which scikit-learn leaves out
        else:
            found += [
                then(feature, Step(StepKind.FILL, float(fill))) for feature in as_features([stage], "SimpleImputer")
            ]
    if transformer.add_indicator:
        texts = [isinstance(fill, str) for fill in transformer.statistics_]
        raw = [_unfilled_text(s) if is_text else s for s, is_text in zip(stages, texts, strict=True)]
        found += _indicators(transformer.indicator_, raw)
    return found


def _check_marker(transformer: Any) -> None:
    """Refuse another sign of missing values than NaN or None."""
    marker = transformer.missing_values
    if not (marker is None or (isinstance(marker, float) and np.isnan(marker)) or type(marker).__name__ == "NAType"):
        raise UnsupportedOpError(
            f"{type(transformer).__name__}(missing_values={marker!r}) is not supported: mark missing values with NaN "
            "and train again"
        )


def _filled_text(stage: Stage, fill: str) -> Text:
    if isinstance(stage, Text):
        return stage
    if isinstance(stage, Levels) or stage.steps:
        raise UnsupportedOpError(f"SimpleImputer fills column with text {fill!r} that holds numbers")
    return Text(stage.column, fill)


def _unfilled_text(stage: Stage) -> Stage:
    return Text(stage.column, None) if isinstance(stage, Number) else stage


def _indicators(transformer: Any, stages: Sequence[Stage]) -> list[Stage]:
    """Whether values are missing, as 0 and 1."""
    _check_marker(transformer)
    found: list[Stage] = []
    for stage in [stages[i] for i in transformer.features_]:
        if isinstance(stage, Text):
            found.append(Levels(Categories(stage.column, ()), (float(stage.fill is None), 0.0)))
        elif isinstance(stage, Number):
            filled = any(step.kind is StepKind.FILL for step in stage.steps)
            found.append(Levels(Intervals(stage.column, ()), (0.0, float(not filled))))
        else:
            raise UnsupportedOpError("MissingIndicator of an encoded column is not supported")
    return found


def _encoder(transformer: Any, stages: Sequence[Stage]) -> list[Stage]:
    """OneHotEncoder, OrdinalEncoder or TargetEncoder: one table for each input column, made by asking."""
    name = type(transformer).__name__
    widths = _output_widths(transformer)
    columns = [_known(stage, known, name) for stage, known in zip(stages, transformer.categories_, strict=True)]
    usual = [np.array([known[0]], dtype=object) for known in transformer.categories_]
    found: list[Stage] = []
    start = 0
    for j, (coding, asked, refused) in enumerate(columns):
        rows = [np.repeat(own, len(asked)) for own in usual]
        rows[j] = np.array([*asked, None], dtype=object)[:-1]
        tolerant = getattr(transformer, "handle_unknown", "ignore") != "error"
        answered = _ask(transformer, rows, np.ones(len(asked), bool) if tolerant else ~np.array(refused))
        block = answered[:, start : start + widths[j]]
        found += [Levels(coding, tuple(block[:, k].tolist())) for k in range(widths[j])]
        start += widths[j]
    return found


def _output_widths(transformer: Any) -> list[int]:
    count = len(transformer.categories_)
    if type(transformer).__name__ == "OneHotEncoder":
        return [int(n) for n in transformer._n_features_outs]
    classes = getattr(transformer, "classes_", None)
    return [len(classes) if classes is not None and len(classes) > 2 else 1] * count


def _ask(transformer: Any, rows: list[NDArray[Any]], asked: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The encoder's output; of rows that are not asked, zeros for one-hot codes and NaN for others."""
    import pandas as pd

    names = getattr(transformer, "feature_names_in_", range(len(rows)))
    frame = pd.DataFrame(dict(enumerate(rows)))
    for j, known in enumerate(transformer.categories_):
        if known.dtype != object and known.dtype.kind in "fiub":
            frame[j] = frame[j].astype(
                known.dtype if asked.all() and known.dtype.kind != "f" and _all_whole(frame[j]) else float
            )
    frame.columns = list(names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answered = transformer.transform(frame[asked])
    answered = np.asarray(answered.toarray() if hasattr(answered, "toarray") else answered, dtype=np.float64)
    empty = 0.0 if type(transformer).__name__ == "OneHotEncoder" else np.nan
    full = np.full((len(frame), answered.shape[1]), empty)
    full[asked] = answered
    return full


def _all_whole(values: Any) -> bool:
    return not any(value is None or value != value for value in values)  # noqa: PLR0124 - NaN


def _known(stage: Stage, known: NDArray[Any], name: str) -> tuple[Coding, list[Any], list[bool]]:
    """The coding of an encoder's input column; what to ask for each code; whether the encoder may refuse that."""
    values = list(known)
    missing = [v for v in values if v is None or (isinstance(v, float) and np.isnan(v))]
    present = [v for v in values if not any(v is m for m in missing) and not (isinstance(v, float) and np.isnan(v))]
    if isinstance(stage, Levels):
        return _known_codes(stage, present, missing, name)
    if all(isinstance(v, str) for v in present) and (present or isinstance(stage, Text)):
        return _known_text(stage, present, missing)
    if isinstance(stage, Text) or not all(isinstance(v, int | float | np.number | np.bool_) for v in present):
        raise UnsupportedOpError(
            f"{name} has categories that are neither all text nor all numbers, such as {present[:2]!r}"
        )
    return _known_numbers(stage, present, missing, name)


def _known_codes(
    stage: Levels, present: list[Any], missing: list[Any], name: str
) -> tuple[Coding, list[Any], list[bool]]:
    """What another encoder made: its numbers are asked for."""
    if not all(isinstance(v, int | float | np.number) for v in present):
        raise UnsupportedOpError(f"{name} reads {stage.coding.column!r} as text after it was encoded as numbers")
    refused = [not missing if np.isnan(v) else v not in present for v in stage.values]
    return stage.coding, list(stage.values), refused


def _known_text(stage: Stage, present: list[str], missing: list[Any]) -> tuple[Coding, list[Any], list[bool]]:
    if isinstance(stage, Number) and stage.steps:
        raise UnsupportedOpError(f"column {stage.column!r} is computed with before it is encoded as text")
    assert not isinstance(stage, Levels)
    kept = [v for v in present if v]
    if len(kept) < len(present) and (missing or (isinstance(stage, Text) and stage.fill)):
        raise UnsupportedOpError(
            f"column {stage.column!r} has the empty text for a category beside missing values, and a Program takes "
            "both for missing. Make one of them the other and train again."
        )
    absent: Any
    if isinstance(stage, Text):
        absent, refused = stage.fill, stage.fill not in present
    elif "" in present and not missing:
        absent, refused = "", False
    else:
        absent, refused = (missing[0], False) if missing else (np.nan, True)
    return Categories(stage.column, tuple(kept)), [absent, UNSEEN, *kept], [refused, True, *[False] * len(kept)]


def _known_numbers(
    stage: Number, present: list[Any], missing: list[Any], name: str
) -> tuple[Coding, list[Any], list[bool]]:
    steps = [step for step in stage.steps if step.kind is not StepKind.FLOAT32]
    if any(step.kind is not StepKind.FILL for step in steps):
        raise UnsupportedOpError(f"{name} encodes column {stage.column!r} after it is scaled: encode the column itself")
    boolean = bool(present) and all(isinstance(v, bool | np.bool_) for v in present)
    numbers = np.array([float(v) for v in present])
    coding, codes = equal_to(stage.column, numbers, boolean)
    other = _number_between(numbers)
    asked: list[Any] = [other] * coding.levels
    refused = [True] * coding.levels
    for code, value in zip(codes, present, strict=True):
        asked[code], refused[code] = value, False
    fill = steps[0].value if steps else None
    if fill is not None:
        asked[-1], refused[-1] = fill, fill not in numbers
    else:
        asked[-1], refused[-1] = np.nan, not missing
    return coding, asked, refused


def _number_between(numbers: NDArray[np.float64]) -> float:
    return float(np.max(numbers, initial=0.0)) + 1.0


READERS: Final[dict[str, Callable[[Any, Sequence[Stage]], list[Stage]]]] = {
    "Pipeline": _pipeline,
    "ColumnTransformer": _column_transformer,
    "FeatureUnion": _feature_union,
    "FunctionTransformer": _function,
    "StandardScaler": _standard,
    "RobustScaler": _robust,
    "MinMaxScaler": _min_max,
    "MaxAbsScaler": _max_abs,
    "KBinsDiscretizer": _bins,
    "Binarizer": _binarizer,
    "SimpleImputer": _imputer,
    "MissingIndicator": _indicators,
    "OneHotEncoder": _encoder,
    "OrdinalEncoder": _encoder,
    "TargetEncoder": _encoder,
}
