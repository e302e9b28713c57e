"""Numbers in pieces: what a bin says of a number."""

import numpy as np

from lean_automl.learners.pieces import fit_pieces


def test_a_bin_tells_how_far_a_number_is_through_it() -> None:
    numbers = np.linspace(0, 100, 101, dtype=np.float32)[:, None]
    pieces = fit_pieces(numbers, 4)
    assert pieces.source.tolist() == [0] * 5, "standardised, and four bins"
    values = pieces.values(np.array([[-1e30], [0], [30], [50], [200], [np.inf], [np.nan]], dtype=np.float32))[:, 1:]
    wanted = [[0, 0, 0, 0], [0, 0, 0, 0], [1, 0.2, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0]]
    np.testing.assert_allclose(values, wanted, atol=1e-6)


def test_hostile_columns_give_finite_inputs() -> None:
    nothing = np.full(50, np.nan)
    same = np.full(50, 7.0)
    huge = np.where(np.arange(50) % 2, 3e38, -3e38)
    tiny = np.arange(50) * 1e-45
    infinite = np.where(np.arange(50) % 3 == 0, np.inf, np.arange(50))
    numbers = np.column_stack([nothing, same, huge, tiny, infinite]).astype(np.float32)
    pieces = fit_pieces(numbers, 8)
    inside = pieces.source[numbers.shape[1] :]
    assert not np.isin([0, 1, 3], inside).any(), "no bins where there is no room between edges"
    assert (inside == 4).sum() == 8
    assert np.isfinite(pieces.values(numbers)).all()
    assert (pieces.scale.deviation[numbers.shape[1] :] > 0).all()


def test_no_bins_leave_standardised_numbers() -> None:
    numbers = np.random.default_rng(0).normal(3, 2, size=(500, 3)).astype(np.float32)
    pieces = fit_pieces(numbers, 0)
    assert pieces.inputs == 3
    np.testing.assert_allclose(pieces.values(numbers).std(axis=0), 1.0, atol=1e-3)
