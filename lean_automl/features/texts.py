"""Free text as tokens: which tokens a column has, and which of them each row holds.

Tokens are words and pairs of words, as `TokenScore` reads them. Which are kept follows from how many rows have them,
never from a target.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from lean_automl_runtime.ir.texts import LONGEST_TOKEN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LIMIT: Final = 256  # words of a text that are read
MOST_TOKENS: Final = 2**14  # of words, and as many of pairs
FEWEST_ROWS: Final = 3
WORDS_ENOUGH: Final = 1.2  # of a category's values on average, for its words to say more than itself
APART: Final = r"[\x00-/:-@\[-`{-\x7f]+"

I32 = np.ndarray[Any, np.dtype[np.int32]]


@dataclass(frozen=True)
class Tokens:
    """The tokens of a text column.

    Attributes:
        column: Name.
        words: Kept words.
        pairs: Kept pairs, as positions in `words`.
        shares: Of the rows, those that hold each of `words` and then each of `pairs`.
        most: How many tokens a score may keep.
    """

    column: str
    words: tuple[str, ...]
    pairs: tuple[tuple[int, int], ...]
    shares: tuple[float, ...]
    most: int = MOST_TOKENS

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.words) + len(self.pairs)

    def text(self, number: int) -> str:
        """A token by its number."""
        if number < len(self.words):
            return self.words[number]
        first, second = self.pairs[number - len(self.words)]
        return f"{self.words[first]} {self.words[second]}"


@dataclass(frozen=True, eq=False)
class Bags:
    """The kept tokens of each row: row r has `ids[starts[r]:starts[r + 1]]`, each as often as it occurs.

    Attributes:
        tokens: What the numbers mean.
        starts: int64, shape (n + 1,).
        ids: int32.
    """

    tokens: Tokens
    starts: NDArray[np.int64]
    ids: I32

    def take(self, index: NDArray[Any]) -> Bags:
        """Some of the rows."""
        index = np.flatnonzero(index) if index.dtype == bool else index
        sizes = np.diff(self.starts)[index]
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        at = np.arange(starts[-1]) + np.repeat(self.starts[index] - starts[:-1], sizes)
        return Bags(self.tokens, starts, self.ids[at])

    def joined(self, more: Bags) -> Bags:
        """These rows and then the others."""
        starts = np.concatenate([self.starts, more.starts[1:] + self.starts[-1]])
        return Bags(self.tokens, starts, np.concatenate([self.ids, more.ids]))

    def sums(self, weights: NDArray[np.int64]) -> NDArray[np.int64]:
        """Of each row, the sum of its tokens' weights."""
        running = np.concatenate([[0], np.cumsum(weights[self.ids])])
        return np.asarray(running[self.starts[1:]] - running[self.starts[:-1]])


@dataclass(frozen=True, eq=False)
class _Words:
    """All words of some texts.

    Attributes:
        row: Row of each, ascending.
        code: Position in `known` of each.
        known: Distinct words.
    """

    row: NDArray[np.int64]
    code: NDArray[np.int64]
    known: list[str]

    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Row, first and second word of each two that follow each other."""
        beside = self.row[1:] == self.row[:-1]
        return self.row[1:][beside], self.code[:-1][beside], self.code[1:][beside]


def _read(texts: NDArray[Any]) -> _Words:
    """The first `LIMIT` words of each text; a lone surrogate is no text to Arrow, so it counts as "?"."""
    try:
        array = pa.array(texts, pa.string())
    except UnicodeEncodeError:
        array = pa.array([text.encode("utf-8", "replace").decode() for text in texts], pa.string())
    parts = pc.split_pattern_regex(pc.ascii_lower(array), APART)
    if isinstance(parts, pa.ChunkedArray):
        parts = parts.combine_chunks()
    encoded = pc.list_flatten(parts).dictionary_encode()
    row = np.asarray(pc.list_parent_indices(parts), dtype=np.int64)
    code = np.asarray(encoded.indices, dtype=np.int64)
    known = encoded.dictionary.to_pylist()
    if "" in known:  # before the first word, and behind the last
        present = code != known.index("")
        row, code = row[present], code[present]
    first = np.searchsorted(row, row)
    early = np.arange(row.size) - first < LIMIT
    return _Words(row[early], code[early], known)


def fit_tokens(column: str, texts: NDArray[Any], most: int = MOST_TOKENS) -> Tokens | None:
    """The tokens that enough rows have, the most frequent ones; None if there are none."""
    words = _read(texts)
    rows = len(texts)
    short = np.array([len(word.encode()) <= LONGEST_TOKEN for word in words.known], dtype=bool)
    kept, counts = _frequent(words.row, words.code, len(words.known))
    fits = short[kept]
    kept, counts = kept[fits], counts[fits]
    if not kept.size:
        return None
    position = np.full(len(words.known), -1, dtype=np.int64)
    position[kept] = np.arange(kept.size)
    row, first, second = words.pairs()
    first, second = position[first], position[second]
    known = (first >= 0) & (second >= 0)
    keys, numbers = np.unique(first[known] * kept.size + second[known], return_inverse=True)
    paired, pair_counts = _frequent(row[known], numbers, keys.size)
    texts_of = [words.known[code] for code in kept.tolist()]
    pairs = [divmod(int(key), int(kept.size)) for key in keys[paired]]
    fit = [len(texts_of[a].encode()) + len(texts_of[b].encode()) < LONGEST_TOKEN for a, b in pairs]
    pairs = [pair for pair, is_short in zip(pairs, fit, strict=True) if is_short]
    pair_counts = pair_counts[np.array(fit, dtype=bool)]
    shares = np.concatenate([counts, pair_counts]) / max(1, rows)
    return Tokens(column, tuple(texts_of), tuple(pairs), tuple(shares.tolist()), most)


def _frequent(
    row: NDArray[np.int64], code: NDArray[np.int64], codes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Codes that enough rows have, and how many rows, the most frequent first."""
    cells = np.sort(row * codes + code)  # NumPy's own `unique` hashes, which takes minutes for such numbers
    cells = cells[np.append(True, cells[1:] != cells[:-1])] if cells.size else cells
    counts = np.bincount(cells % codes if codes else cells, minlength=codes)
    order = np.argsort(-counts, kind="stable")[:MOST_TOKENS]
    order = order[counts[order] >= FEWEST_ROWS]
    return order.astype(np.int64), counts[order].astype(np.int64)


def says_more_than_itself(categories: Sequence[str]) -> bool:
    """Whether the values of a category are mostly more than one word."""
    words = _read(np.array(categories, dtype=object))
    return words.row.size >= WORDS_ENOUGH * max(1, len(categories))


def bags(tokens: Tokens, texts: NDArray[Any]) -> Bags:
    """The kept tokens of each text."""
    words = _read(texts)
    number = {word: position for position, word in enumerate(tokens.words)}
    position = np.array([number.get(word, -1) for word in words.known], dtype=np.int64)
    own = position[words.code] if words.code.size else words.code
    row, first, second = words.pairs()
    first, second = (position[code] if code.size else code for code in (first, second))
    paired = _pair_numbers(tokens, first, second)
    rows = np.concatenate([words.row[own >= 0], row[paired >= 0]])
    ids = np.concatenate([own[own >= 0], paired[paired >= 0]])
    order = np.argsort(rows, kind="stable")
    starts = np.searchsorted(rows[order], np.arange(len(texts) + 1)).astype(np.int64)
    return Bags(tokens, starts, ids[order].astype(np.int32))


def _pair_numbers(tokens: Tokens, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of each pair of words, -1 where it is not kept."""
    if not tokens.pairs:
        return np.full(first.size, -1, dtype=np.int64)
    width = len(tokens.words) + 1
    keys = np.array([a * width + b for a, b in tokens.pairs], dtype=np.int64)
    order = np.argsort(keys)
    wanted = np.where((first >= 0) & (second >= 0), first * width + second, -1)
    at = np.minimum(np.searchsorted(keys[order], wanted), keys.size - 1)
    return np.where(keys[order][at] == wanted, order[at] + len(tokens.words), -1)
