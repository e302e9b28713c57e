"""Sizes of the reference Programs. Together they move every feature of the cost model, each by a factor of ten or more.

A feature that only one or two of them move cannot be told from their noise: name at least three for a new one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

EDGES: Final = 63
WORDS: Final = 24


@dataclass(frozen=True, slots=True)
class Shape:
    """Size of a reference Program.

    Attributes:
        form: `oblivious`, `linear_leaves`, `ragged`, `uneven` (ragged trees of unlike depths), `tables` or `dense`.
        size: Trees, terms or hidden units (0 hidden units: a linear model).
        depth: Of the trees; an uneven one has as many leaves as an even one of that depth.
        numeric: Numeric columns.
        categorical: String columns.
        categories: Of each string column.
        times: Datetime columns, of each of which four fields are read.
        classes: More than two take a vector of that many scores, for all but `linear_leaves`; 1 is a regression.
        edges: Of the bins of each number.
        missing: Share of the values of records.
        letters: By which every category is longer than its number asks.
        tables: Numbers that a category becomes, but in `dense`.
        texts: Columns of free text, of each of which four counts are read.
        scored: Texts whose tokens are scored, too.
        words: Of each text.
        unused: Numbers, and as many texts, of records that the Program does not know.
        whole: Whether numbers are small whole ones, and times are seconds.
        pieces: Inputs of a dense layer that each number becomes.
    """

    form: str
    size: int
    depth: int = 0
    numeric: int = 8
    categorical: int = 0
    categories: int = 12
    times: int = 0
    classes: int = 2
    edges: int = EDGES
    missing: float = 0.0
    letters: int = 0
    tables: int = 1
    texts: int = 0
    scored: int = 0
    words: int = WORDS
    unused: int = 0
    whole: bool = False
    pieces: int = 1

    @property
    def scores(self) -> int:
        """Numbers that the link makes probabilities of, or that are handed back."""
        return 1 if self.classes <= 2 else self.classes

    @property
    def name(self) -> str:
        """For messages: `oblivious 300 x 6, columns 6/8/0`."""
        depth = f" x {self.depth}" if self.depth else ""
        classes = {1: ", regression", 2: ""}.get(self.classes, f", {self.classes} classes")
        edges = f", {self.edges} edges" if self.edges != EDGES else ""
        missing = f", {100 * self.missing:g} % missing" if self.missing else ""
        letters = f", {self.letters} letters" if self.letters else ""
        tables = f", {self.tables} tables" if self.tables > 1 else ""
        texts = f"/{self.texts}" if self.texts else ""
        words = f", {self.words} words" if self.words != WORDS else ""
        unused = f", {self.unused} unused" if self.unused else ""
        columns = f"{self.numeric}/{self.categorical}/{self.times}{texts}"
        scored = f", {self.scored} scored" if self.scored else ""
        whole = ", whole" if self.whole else ""
        pieces = f", {self.pieces} pieces" if self.pieces > 1 else ""
        rest = f"{classes}{edges}{missing}{letters}{tables}{scored}{words}{unused}{whole}{pieces}"
        return f"{self.form} {self.size}{depth}, columns {columns}{rest}"


def adult_like(trees: int = 300, depth: int = 6) -> Shape:
    """Six numeric and eight categorical columns, oblivious trees."""
    return Shape("oblivious", trees, depth, numeric=6, categorical=8)


REFERENCE_SHAPES: Final = (
    Shape("oblivious", 1, 2, numeric=2),
    Shape("oblivious", 30, 2),
    Shape("oblivious", 300, 2),
    Shape("oblivious", 1000, 2, numeric=20),
    Shape("oblivious", 100, 4),
    Shape("oblivious", 1000, 4),
    Shape("oblivious", 100, 6),
    Shape("oblivious", 600, 6, numeric=20),
    Shape("oblivious", 200, 8),
    Shape("oblivious", 800, 8, numeric=30),
    Shape("oblivious", 200, 4, classes=7),
    Shape("oblivious", 40, 6, classes=3),
    Shape("oblivious", 60, 4, numeric=16, classes=20),
    Shape("oblivious", 5, 4, numeric=8, classes=26),
    Shape("oblivious", 120, 5, numeric=10, classes=10),
    Shape("oblivious", 60, 4, numeric=24, edges=3),
    Shape("oblivious", 60, 4, numeric=24, edges=12),
    Shape("oblivious", 30, 4, numeric=40),
    Shape("oblivious", 30, 4, numeric=200),
    Shape("oblivious", 30, 4, numeric=2, categorical=20),
    Shape("oblivious", 30, 4, numeric=4, categorical=2, categories=2000),
    Shape("oblivious", 30, 4, numeric=4, categorical=10, categories=300),
    Shape("oblivious", 30, 4, numeric=4, times=1),
    Shape("oblivious", 30, 4, numeric=4, times=1, whole=True),
    Shape("oblivious", 100, 4, numeric=2, categorical=2, times=3),
    Shape("oblivious", 300, 4, numeric=6, times=6),
    Shape("oblivious", 100, 4, numeric=6, times=4, whole=True),
    adult_like(300),
    Shape("oblivious", 30, 4, numeric=30, missing=0.3),
    Shape("oblivious", 30, 4, numeric=4, categorical=16, missing=0.3),
    Shape("oblivious", 60, 4, numeric=20, categorical=6, missing=0.05),
    Shape("dense", 16, numeric=20, categorical=4, missing=0.1),
    Shape("oblivious", 30, 4, numeric=4, categorical=4, letters=40),
    Shape("oblivious", 30, 4, numeric=4, categorical=2, letters=300),
    Shape("ragged", 60, 4, numeric=6, categorical=3, missing=0.5, letters=120),
    Shape("ragged", 40, 4, numeric=2, categorical=10, tables=6),
    Shape("ragged", 60, 3, numeric=2, categorical=30, tables=4, classes=12),
    Shape("oblivious", 40, 4, numeric=2, categorical=12, tables=3),
    Shape("oblivious", 30, 4, numeric=4, texts=1),
    Shape("linear_leaves", 60, 4, numeric=6, categorical=2, texts=2, scored=2),
    Shape("dense", 0, numeric=4, categorical=2, texts=3, scored=1),
    Shape("oblivious", 60, 4, numeric=2, texts=2, words=4),
    Shape("oblivious", 60, 4, numeric=2, texts=2, scored=2, words=4),
    Shape("ragged", 60, 4, numeric=6, texts=1, words=80),
    Shape("ragged", 60, 4, numeric=6, texts=1, scored=1, words=80),
    Shape("oblivious", 40, 4, numeric=12, whole=True),
    Shape("oblivious", 60, 4, numeric=80, whole=True),
    Shape("ragged", 60, 4, numeric=40, whole=True),
    Shape("dense", 0, numeric=30, whole=True),
    Shape("oblivious", 20, 4, numeric=4, unused=10),
    Shape("oblivious", 60, 4, numeric=3, categorical=3, unused=30),
    Shape("tables", 10, numeric=6, categorical=4, unused=20),
    Shape("linear_leaves", 30, 3, numeric=4),
    Shape("linear_leaves", 100, 4),
    Shape("linear_leaves", 400, 4, numeric=24),
    Shape("linear_leaves", 200, 5, numeric=6, categorical=6),
    Shape("ragged", 10, 3, numeric=4),
    Shape("ragged", 30, 5),
    Shape("ragged", 300, 5, numeric=12),
    Shape("ragged", 200, 7, numeric=20),
    Shape("ragged", 1000, 4, numeric=8, categorical=4),
    Shape("ragged", 90, 4, classes=9),
    Shape("ragged", 380, 3, numeric=16, classes=19),
    Shape("uneven", 20, 4, numeric=6),
    Shape("uneven", 70, 4, numeric=20, classes=7),
    Shape("uneven", 80, 5, numeric=16),
    Shape("uneven", 400, 4, numeric=10),
    Shape("uneven", 300, 5, numeric=24),
    Shape("tables", 8),
    Shape("tables", 16, numeric=16, edges=7),
    Shape("tables", 12, numeric=12, classes=8),
    Shape("tables", 40, numeric=10, categorical=10, classes=19),
    Shape("tables", 60, numeric=16, classes=5),
    Shape("tables", 20, numeric=6, categorical=8),
    Shape("tables", 60, numeric=40),
    Shape("tables", 200, numeric=20),
    Shape("dense", 0, numeric=6, categorical=4),
    Shape("dense", 0, numeric=60),
    Shape("dense", 0, numeric=8, classes=26),
    Shape("dense", 16),
    Shape("dense", 64, numeric=40),
    Shape("dense", 128, numeric=12),
    Shape("dense", 32, numeric=8, classes=6),
    Shape("dense", 64, numeric=4, categorical=6),
    Shape("dense", 16, numeric=12, categorical=30),
    Shape("dense", 32, numeric=2, categorical=14, categories=200),
    Shape("dense", 48, numeric=8, pieces=32),
    Shape("dense", 32, numeric=12, categorical=6, pieces=16),
    Shape("dense", 24, numeric=60, pieces=6),
    Shape("oblivious", 100, 4, classes=1),
    Shape("oblivious", 300, 6, numeric=24, categorical=4, classes=1),
    Shape("ragged", 100, 5, numeric=6, categorical=2, classes=1),
    Shape("tables", 12, numeric=12, classes=1),
    Shape("dense", 0, numeric=12, classes=1),
    Shape("dense", 32, numeric=8, pieces=16, classes=1),
)
HELD_OUT_SHAPES: Final = (
    Shape("oblivious", 60, 5, numeric=10, categorical=3),
    Shape("oblivious", 100, 5, numeric=16, categorical=4, classes=4),
    Shape("oblivious", 500, 3, numeric=50, categorical=10, categories=100),
    Shape("oblivious", 250, 7, numeric=5, categorical=5, times=2),
    adult_like(150, 4),
    adult_like(800, 6),
    Shape("linear_leaves", 120, 4, numeric=12, categorical=4),
    Shape("linear_leaves", 300, 3, numeric=16),
    Shape("ragged", 100, 5, numeric=12),
    Shape("ragged", 500, 5, numeric=16, categorical=4),
    Shape("uneven", 150, 5, numeric=12, categorical=4),
    Shape("uneven", 120, 4, numeric=12, classes=4),
    Shape("uneven", 60, 4, numeric=4, categorical=12, tables=4, classes=6),
    Shape("oblivious", 60, 4, numeric=8, categorical=4, texts=1, scored=1, words=12),
    Shape("oblivious", 100, 4, numeric=30, whole=True),
    Shape("oblivious", 80, 5, numeric=6, categorical=2, unused=12),
    Shape("oblivious", 100, 4, numeric=10, categorical=6, missing=0.2, letters=20),
    Shape("tables", 30, numeric=20, categorical=4),
    Shape("tables", 14, numeric=6, categorical=8),
    Shape("dense", 32, numeric=16, categorical=2),
    Shape("dense", 24, numeric=10, categorical=12),
    Shape("dense", 32, numeric=10, categorical=4, pieces=20),
    Shape("oblivious", 60, 5, numeric=10, categorical=3, classes=1),
    Shape("uneven", 100, 4, numeric=12, classes=1),
    Shape("dense", 0, numeric=8, categorical=2, classes=1),
    Shape("dense", 0, numeric=20, categorical=5, times=1),
)
