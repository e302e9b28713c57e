"""Lowers CatBoost's oblivious trees: bins of numbers, of categories and of combinations of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.bins import BinColumn, CategoryBins, NumericBins, compact, reposition
from lean_automl.compiler.foreign.catboost_ctr import FloatBorder, Hashes, Projection
from lean_automl.compiler.foreign.features import Feature, Levels, Number
from lean_automl.compiler.foreign.tree_input import emit_code, emit_number
from lean_automl.compiler.trees import ObliviousTree, oblivious_op

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import ProgramBuilder
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class ObliviousForest:
    """Oblivious trees over columns of bins.

    Attributes:
        trees: In order.
        columns: Bins of float features, or of projections, by number.
        bias: Added to the sum, shape (outputs,).
        floats: Raw column of each float feature.
        projections: What `CategoryBins.feature` numbers.
        hashes: The categories.
    """

    trees: tuple[ObliviousTree, ...]
    columns: tuple[BinColumn, ...]
    bias: NDArray[np.float64]
    floats: tuple[str, ...]
    projections: tuple[Projection, ...]
    hashes: Hashes

    @property
    def used(self) -> list[Feature]:
        """Features that some split reads."""
        numbers = {int(number) for tree in self.trees for number in tree.feature}
        found: list[Feature] = []
        for number in sorted(numbers):
            column = self.columns[number]
            if isinstance(column, NumericBins):
                found.append(Number(self.floats[column.feature]))
                continue
            projection = self.projections[column.feature]
            found += [Levels(self.hashes.coding(feature), ()) for feature in projection.categories]
            for part in projection.parts:
                if isinstance(part, FloatBorder):
                    found.append(Number(self.floats[part.feature]))
                else:
                    found.append(Levels(self.hashes.coding(part.feature), ()))
        return found

    def lower(self, builder: ProgramBuilder) -> int:
        """Value number of the scores, float32 (n, outputs)."""
        if not self.columns:
            return builder.add(oblivious_op(_any_bin(builder), self.trees, self.bias, 32))
        trees, columns = compact(self.trees, self.columns)
        source, order = self._emit(columns, builder)
        return builder.add(oblivious_op(source, reposition(trees, order), self.bias, 32))

    def _emit(self, columns: Sequence[BinColumn], builder: ProgramBuilder) -> tuple[int, list[int]]:
        """Value number of the bins, and the position in it of each column."""
        numeric = [i for i, column in enumerate(columns) if isinstance(column, NumericBins)]
        order = list(numeric)
        parts = []
        if numeric:
            parts.append(self._emit_numbers([columns[i] for i in numeric], builder))  # type: ignore[misc]
        for number, projection in enumerate(self.projections):
            own = [i for i, c in enumerate(columns) if isinstance(c, CategoryBins) and c.feature == number]
            if own:
                table = np.column_stack([columns[i].bins for i in own])  # type: ignore[union-attr]
                dtype = np.uint8 if table.max() < 256 else np.uint16
                parts.append(builder.add(o.Lookup((self._emit_projection(projection, builder),), table.astype(dtype))))
                order += own
        joined = parts[0] if len(parts) == 1 else builder.add(o.Concat(tuple(parts)))
        position = {column: at for at, column in enumerate(order)}
        return joined, [position[i] for i in range(len(columns))]

    def _emit_numbers(self, columns: Sequence[NumericBins], builder: ProgramBuilder) -> int:
        values = tuple(emit_number(self.floats[column.feature], builder) for column in columns)
        joined = values[0] if len(values) == 1 else builder.add(o.Concat(values))
        offsets = np.concatenate([[0], np.cumsum([column.edges.size for column in columns])]).astype(np.int32)
        edges = np.concatenate([column.edges for column in columns]).astype(np.float32)
        return builder.add(o.Bin((joined,), edges, offsets, np.array([c.nan_bin for c in columns], dtype=np.int32)))

    def _emit_projection(self, projection: Projection, builder: ProgramBuilder) -> int:
        """Value number of the code that `catboost_ctr.combined` describes."""
        codes = [emit_code(self.hashes.coding(feature), builder) for feature in projection.categories]
        levels = [self.hashes.coding(feature).levels for feature in projection.categories]
        for part in projection.parts:
            levels.append(2)
            if isinstance(part, FloatBorder):
                codes.append(self._emit_border(part, builder))
            else:
                equal = self.hashes.equal_to(part.feature, part.value).astype(np.uint8)[:, None]
                codes.append(builder.add(o.Lookup((emit_code(self.hashes.coding(part.feature), builder),), equal)))
        code = codes[0]
        for more, stride in zip(codes[1:], levels[1:], strict=True):
            code = builder.add(o.Cross((code, more), stride))
        return code

    def _emit_border(self, part: FloatBorder, builder: ProgramBuilder) -> int:
        number = emit_number(self.floats[part.feature], builder)
        edges = np.array([part.border], dtype=np.float32)
        nan_bin = np.array([int(part.nan_above)], dtype=np.int32)
        return builder.add(o.Bin((number,), edges, np.array([0, 1], dtype=np.int32), nan_bin))


def _any_bin(builder: ProgramBuilder) -> int:
    """Trees without a split still read something."""
    column = builder.columns[0]
    if column.dtype == "string":
        code = builder.add(o.Encode((0,), ()))
        return builder.add(o.Lookup((code,), np.zeros((o.CODE_FIRST, 1), dtype=np.uint8)))
    none = np.zeros(0, dtype=np.float32)
    number = emit_number(column.name, builder)
    return builder.add(o.Bin((number,), none, np.zeros(2, dtype=np.int32), np.zeros(1, dtype=np.int32)))
