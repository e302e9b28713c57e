"""CatBoost's statistics of categories (CTRs), tabulated for the categories that a model knows.

A model holds hashes of categories, not the categories: those come from the file (saved with its pool) or from the
caller, and every hash in a table must be explained, or the model is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.foreign.features import Categories
from lean_automl.errors import UnsupportedOpError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    U64 = NDArray[np.uint64]

FACTOR: Final = np.uint64(0x4906BA494954CB65)
EMPTY_SLOT: Final = 2**64 - 1
MOST_COMBINATIONS: Final = 2**20


@dataclass(frozen=True)
class FloatBorder:
    """Whether a float feature is above a border, as a part of a combination."""

    feature: int
    border: float
    nan_above: bool


@dataclass(frozen=True)
class ExactValue:
    """Whether a category has a hash, as a part of a combination."""

    feature: int
    value: int


@dataclass(frozen=True)
class Projection:
    """What a statistic is over: categorical features, and yes-or-no parts.

    Attributes:
        categories: Numbers of categorical features.
        parts: The rest, in the order in which they are hashed.
    """

    categories: tuple[int, ...]
    parts: tuple[FloatBorder | ExactValue, ...] = ()


def nan_is_above(feature: Mapping[str, Any]) -> bool:
    """Whether NaN counts as above all borders of a float feature; else it counts as below."""
    return bool(feature.get("nan_value_treatment") == "AsTrue")


def read_projection(
    elements: Sequence[Mapping[str, Any]], float_features: Sequence[Mapping[str, Any]] = ()
) -> Projection:
    """The projection of a CTR."""
    categories: list[int] = []
    floats: list[FloatBorder] = []
    exact: list[ExactValue] = []
    for element in elements:
        match element["combination_element"]:
            case "cat_feature_value":
                categories.append(int(element["cat_feature_index"]))
            case "float_feature":
                number = int(element["float_feature_index"])
                floats.append(FloatBorder(number, float(element["border"]), nan_is_above(float_features[number])))
            case "cat_feature_exact_value":
                exact.append(ExactValue(int(element["cat_feature_index"]), int(element["value"])))
            case other:
                raise UnsupportedOpError(f"CatBoost combinations with {other} are not supported")
    return Projection(tuple(categories), (*floats, *exact))


class Hashes:
    """Which texts the hashes of categories stand for."""

    def __init__(
        self,
        info: Mapping[str, Any],
        data: Mapping[str, Any],
        inputs: Sequence[str],
        categories: Mapping[str, Sequence[str]],
    ) -> None:
        self._ctrs, self._data = info.get("ctrs", []), data
        self._text = {int(e["hash"]): str(e["value"]) for e in info.get("cat_features_hash") or []}
        self._features = info.get("categorical_features", [])
        self.names = [inputs[feature["flat_feature_index"]] for feature in self._features]
        self._given = categories
        self._tables: dict[str, set[int]] = {}
        self._codings: dict[int, tuple[Categories, U64]] = {}

    def coding(self, feature: int) -> Categories:
        """The categories of a feature as a coding."""
        return self._coding(feature)[0]

    def of_levels(self, feature: int) -> U64:
        """The hash of each code of a feature; of missing that of the empty text, of unseen one that none has."""
        return self._coding(feature)[1]

    def known(self, feature: int) -> NDArray[np.bool_]:
        """Whether each code stands for a text; that of unseen does not."""
        known = np.ones(self.coding(feature).levels, dtype=bool)
        known[o.CODE_UNSEEN] = False
        known[o.CODE_MISSING] = "" in self._text.values()
        return np.asarray(known)

    def equal_to(self, feature: int, value: int) -> NDArray[np.bool_]:
        """Which codes of a feature have a hash."""
        found = (self.of_levels(feature) == np.uint64(value & 0xFFFFFFFF)) & self.known(feature)
        if not found.any():
            raise UnsupportedOpError(self.unexplained(feature, 1))
        return np.asarray(found)

    def unexplained(self, feature: int, count: int) -> str:
        """The message for hashes without a text."""
        return (
            f"CatBoost column {self.names[feature]!r} has {count} categories that the model knows only by their "
            "hashes. Give rows that hold all of its categories (--data), or save the model as JSON with its pool: "
            "model.save_model(path, format='json', pool=train_pool)."
        )

    def _coding(self, feature: int) -> tuple[Categories, U64]:
        if feature not in self._codings:
            by_text = {text: number for number, text in self._text.items()}
            texts = tuple(sorted(text for text in by_text if text and self._matters(feature, text, by_text[text])))
            levels = [by_text.get("", 0), 0, *(by_text[text] for text in texts)]
            self._codings[feature] = Categories(self.names[feature], texts), np.array(levels, dtype=np.uint64)
        return self._codings[feature]

    def _matters(self, feature: int, text: str, number: int) -> bool:
        """Whether a text can be a known category of a feature: the file does not say whose category a text is."""
        if number in {int(value) & 0xFFFFFFFF for value in self._features[feature].get("values") or []}:
            return True
        alone = {"combination_element": "cat_feature_value", "cat_feature_index": feature}
        tables = [ctr["identifier"] for ctr in self._ctrs if ctr["elements"] == [alone]]
        if tables:
            key = int(_hash(np.zeros(1, dtype=np.uint64), _widened(np.array([number], dtype=np.uint64)))[0])
            return any(key in self._keys(table) for table in tables)
        given = self._given.get(self.names[feature])
        return any(alone in ctr["elements"] for ctr in self._ctrs) and (given is None or text in given)

    def _keys(self, identifier: str) -> set[int]:
        if identifier not in self._tables:
            table = self._data[identifier]
            self._tables[identifier] = {int(key) for key in table["hash_map"][:: int(table["hash_stride"])]}
        return self._tables[identifier]


def ctr_levels(
    ctr: Mapping[str, Any], projection: Projection, data: Mapping[str, Any], hashes: Hashes
) -> NDArray[np.float32]:
    """The statistic for each code of a projection, as `combined` numbers them."""
    table = data[ctr["identifier"]]
    stride = int(table["hash_stride"])
    flat = table["hash_map"]
    keys = np.array([int(key) for key in flat[::stride]], dtype=np.uint64)
    columns = np.array([flat[k::stride] for k in range(1, stride)], dtype=np.float64)
    found, known = combined(projection, hashes)
    order = np.argsort(keys)
    at = order[np.searchsorted(keys[order], found).clip(max=keys.size - 1)] if keys.size else np.zeros(0, int)
    hit = (keys[at] == found) & known
    explained = np.unique(found[hit]).size
    stored = int((keys != np.uint64(EMPTY_SLOT)).sum())
    if explained < stored:
        raise UnsupportedOpError(hashes.unexplained(projection.categories[0], stored - explained))
    return _statistic(ctr, columns, at, hit, float(table.get("counter_denominator", 0)))


def _statistic(
    ctr: Mapping[str, Any],
    columns: NDArray[np.float64],
    at: NDArray[np.intp],
    hit: NDArray[np.bool_],
    denominator: float,
) -> NDArray[np.float32]:
    """float32 arithmetic as CatBoost's: of counts, a share of them or a mean; codes without rows count nothing."""
    rows = np.where(hit, columns[:, at], 0.0).astype(np.float32)
    target = int(ctr["target_border_idx"])
    match ctr["ctr_type"]:
        case "Borders":
            good, total = rows[target + 1 :].sum(axis=0), rows.sum(axis=0)
        case "Buckets":
            good, total = rows[target], rows.sum(axis=0)
        case "BinarizedTargetMeanValue" | "FloatTargetMeanValue":
            good, total = rows[0], rows[1]
        case "Counter" | "FeatureFreq":
            good, total = rows[0], np.full(rows.shape[1], denominator, dtype=np.float32)
        case other:
            raise UnsupportedOpError(f"CatBoost CTRs of type {other} are not supported")
    prior, weight = np.float32(ctr["prior_numerator"]), np.float32(ctr["prior_denomerator"])
    share = (good + prior) / (total + weight)
    return np.asarray((share + np.float32(ctr["shift"])) * np.float32(ctr["scale"]), dtype=np.float32)


def combined(projection: Projection, hashes: Hashes) -> tuple[U64, NDArray[np.bool_]]:
    """The hash of each code of a projection, and whether it stands for texts.

    Codes are those of `Cross`: the first categorical feature varies slowest, a yes-or-no part fastest.
    """
    levels = 2 ** len(projection.parts)
    for feature in projection.categories:
        levels *= hashes.coding(feature).levels
    if levels > MOST_COMBINATIONS:
        names = ", ".join(hashes.names[feature] for feature in projection.categories)
        raise UnsupportedOpError(
            f"CatBoost's combination of {names} has {levels:,} values, too many to tabulate: train with "
            "max_ctr_complexity=1"
        )
    found, known = np.zeros(1, dtype=np.uint64), np.ones(1, dtype=bool)
    with np.errstate(over="ignore"):
        for feature in projection.categories:
            found = _hash(found[:, None], _widened(hashes.of_levels(feature))).ravel()
            known = (known[:, None] & hashes.known(feature)).ravel()
        for _ in projection.parts:
            found = _hash(found[:, None], np.arange(2, dtype=np.uint64)).ravel()
            known = np.repeat(known, 2)
    return found, known


def _widened(numbers: U64) -> U64:
    """Hashes of texts, of 32 bits, as the signed numbers that CatBoost hashes on."""
    return numbers.astype(np.uint32).astype(np.int32).astype(np.int64).astype(np.uint64)


def _hash(a: U64, b: U64) -> U64:
    with np.errstate(over="ignore"):
        return FACTOR * (a + FACTOR * b)
