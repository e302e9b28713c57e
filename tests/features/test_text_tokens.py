"""Tokens of texts: what is kept, and the same tokens for each row as the ops read."""

from __future__ import annotations

import numpy as np
import pytest
from lean_automl_runtime.ir.texts import tokens_of

from lean_automl.features.texts import LIMIT, Tokens, bags, fit_tokens, says_more_than_itself

TEXTS = np.array(
    [
        *["The red dress, the RED dress!", "red Dress", "", "é red é", "dress: 12-A", "a\0b red", "日本 語 red"],
        *["the " * 400, "x" * 100 + " red dress", "x" * 40 + " " + "y" * 40, "\ud800 red", "Éé E\u0301"],
    ]
    * 3,
    dtype=object,
)


def fitted() -> Tokens:
    found = fit_tokens("text", TEXTS)
    assert found is not None
    return found


def test_rows_have_the_tokens_that_the_op_reads() -> None:
    tokens = fitted()
    number = {tokens.text(n): n for n in range(tokens.count)}
    made = bags(tokens, TEXTS)
    for row, text in enumerate(TEXTS):
        known = sorted(number[token] for token in tokens_of(text.replace("\ud800", "?"), LIMIT) if token in number)
        assert sorted(made.ids[made.starts[row] : made.starts[row + 1]].tolist()) == known


def test_kept_tokens_are_short_and_in_enough_rows() -> None:
    tokens = fitted()
    kept = [tokens.text(n) for n in range(tokens.count)]
    assert len(set(kept)) == len(kept) == len(tokens.shares)
    assert {"red", "dress", "red dress", "the", "日本 語", "é", "12 a"} <= set(kept)
    assert max(len(token.encode()) for token in kept) <= 64
    assert all(0 < share <= 1 for share in tokens.shares)
    assert fit_tokens("text", TEXTS[:2]) is None  # in too few rows


@pytest.mark.parametrize("texts", [[], [""], ["", "..."], ["never heard of", "zzz"]])
def test_texts_without_tokens(texts: list[str]) -> None:
    made = bags(fitted(), np.array(texts, dtype=object))
    assert made.starts.tolist() == [0] * (len(texts) + 1)
    assert made.ids.size == 0


def test_rows_can_be_taken_and_joined() -> None:
    made = bags(fitted(), TEXTS)
    index = np.array([5, 0, 5, 2])
    again = bags(fitted(), TEXTS[index])
    taken = made.take(index)
    assert taken.starts.tolist() == again.starts.tolist()
    weights = np.arange(made.tokens.count)
    both = taken.joined(made)
    assert both.sums(weights).tolist() == [*again.sums(weights), *made.sums(weights)]
    mask = np.zeros(len(TEXTS), dtype=bool)
    mask[3] = True
    assert made.take(mask).sums(weights).tolist() == made.sums(weights)[3:4].tolist()


def test_codes_of_one_word_say_no_more_than_themselves() -> None:
    assert not says_more_than_itself(["A12", "B7", "C1"])
    assert says_more_than_itself(["PC 17599", "A/5 21171", "113803"])
