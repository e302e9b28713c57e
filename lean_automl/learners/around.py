"""Fitted models in others, which change what they read or what they say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from lean_automl.learners.base import rounds_take_time

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, eq=False)
class Around:
    """What such a model has of the one in it.

    Attributes:
        model: The one in it.
    """

    model: Any

    @property
    def rounds(self) -> int:
        """Of the model."""
        return int(self.model.rounds)

    @property
    def rounds_take_time(self) -> bool:
        """Of the model."""
        return rounds_take_time(self.model)

    def shorten(self, rounds: int) -> Self:
        """With the model's first rounds."""
        return replace(self, model=self.model.shorten(rounds))


def bare(fitted: Sequence[Any]) -> list[Any]:
    """Fitted models as their learners made them."""
    return [_innermost(one) for one in fitted]


def _innermost(fitted: Any) -> Any:
    return _innermost(fitted.model) if isinstance(fitted, Around) else fitted
