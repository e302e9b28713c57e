"""`compile_model`: from another library's model to a Program."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from lean_automl_runtime.ir import Column, ColumnKind

from lean_automl.compiler.foreign.heads import chosen_labels
from lean_automl.compiler.foreign.lightgbm import LIBRARY as LIGHTGBM
from lean_automl.compiler.foreign.load import load_source
from lean_automl.compiler.foreign.model import lower, raw_columns
from lean_automl.compiler.foreign.parity import TOLERANCE, SourceParity, check_source
from lean_automl.compiler.foreign.request import Loaded, Request
from lean_automl.compiler.foreign.xgboost import LIBRARY as XGBOOST
from lean_automl.compiler.passes import optimise
from lean_automl.data import did_you_mean
from lean_automl.data.kinds import guess_kind
from lean_automl.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd
    from lean_automl_runtime.ir import Program

    from lean_automl.compiler.foreign.model import SourceModel

DEFAULT: Final = Request()
ROUNDS: Final = (LIGHTGBM, XGBOOST)


@dataclass(frozen=True, eq=False)
class Compiled:
    """A model that was compiled.

    Attributes:
        program: What it became.
        library: Whose model it was.
        notes: What the caller should know.
        parity: Agreement with the library on the sample; None without a sample, or without the library.
    """

    program: Program
    library: str
    notes: tuple[str, ...] = ()
    parity: SourceParity | None = field(default=None)


def compile_model(source: Any, request: Request = DEFAULT, sample: pd.DataFrame | None = None) -> Program:
    """The Program of a model of LightGBM, XGBoost, CatBoost, scikit-learn or ONNX.

    Args:
        source: Path of a model file, LightGBM's model string, or a live object.
        request: What the caller knows and wants.
        sample: Rows with the model's raw columns; the Program is compared with the library on them.

    Raises:
        UnsupportedOpError: A part of the model cannot be represented; the message names it.
        ParityError: The Program disagrees with the library on the sample.
        DataError: The file is not a model.
        ConfigError: The file is a pickle that the caller does not trust.
    """
    return compile_checked(source, request, sample).program


def compile_checked(
    source: Any, request: Request = DEFAULT, sample: pd.DataFrame | None = None, tolerance: float = TOLERANCE
) -> Compiled:
    """As `compile_model`, with what is known about the result."""
    if sample is not None:
        request = with_sample(request, sample)
    loaded = load_source(source, request)
    _check_described(request, loaded.model.inputs)
    loaded = _as_asked(loaded, request)
    program = optimise(lower(loaded.model, _declared(loaded.model, request)))
    notes, parity = loaded.model.notes, None
    if sample is not None and loaded.predict is not None:
        parity = check_source(loaded, program, sample, tolerance)
    elif sample is not None:
        notes += (f"{loaded.model.library} is not installed: agreement with it was not checked",)
    return Compiled(program, loaded.model.library, notes, parity)


def _as_asked(loaded: Loaded, request: Request) -> Loaded:
    """The model with the labels of the request.

    Raises:
        ConfigError: The request asks for what the model does not have.
    """
    model = loaded.model
    if request.rounds is not None and model.library not in ROUNDS:
        raise ConfigError(
            f"--rounds: a choice of rounds is for {' and '.join(ROUNDS)} models, and this is {model.library}."
        )
    if not request.classes:
        return loaded
    if not model.head.classes:
        raise ConfigError("classes are given, and the model is a regressor.")
    labels = chosen_labels(request.classes, len(model.head.classes))
    return replace(loaded, model=replace(model, head=replace(model.head, classes=labels)))


def _declared(model: SourceModel, request: Request) -> dict[str, Column]:
    """The described columns, and those of truth values that the model reads as numbers."""
    read = raw_columns(model.scores.used, model.inputs, {})
    numbers = {column.name for column in read if column.dtype != "string"}
    booleans = {name: Column(name, ColumnKind.BOOLEAN, "float32") for name in request.booleans & numbers}
    return {**booleans, **request.declared}


def _check_described(request: Request, inputs: tuple[str, ...]) -> None:
    """Refuse descriptions of columns that the model does not have: a mistyped name would change nothing."""
    for column in request.columns:
        if column.name not in inputs:
            hint = did_you_mean(column.name, inputs)
            raise ConfigError(f"column {column.name!r} is described, and the model has no such column.{hint}")


def with_sample(request: Request, sample: pd.DataFrame) -> Request:
    """The request, completed with what rows show: names, which columns hold text, and their categories."""
    import pandas as pd

    kinds = {str(name): guess_kind(values).kind for name, values in sample.items() if values.notna().any()}
    booleans = {name for name, kind in kinds.items() if kind is ColumnKind.BOOLEAN}
    text = {str(name) for name, values in sample.items() if not pd.api.types.is_numeric_dtype(values)}
    counted = text | {str(name) for name, values in sample.items() if pd.api.types.is_integer_dtype(values)}
    categories = {name: tuple(sorted({str(value) for value in sample[name].dropna()} - {""})) for name in counted}
    return replace(
        request,
        names=request.names or tuple(map(str, sample.columns)),
        text=request.text | (text - booleans),
        booleans=frozenset(booleans),
        categories={**categories, **request.categories},
    )
