"""The table of student families, in the order in which their first trials run."""

from __future__ import annotations

from typing import Final

from lean_automl.errors import ConfigError
from lean_automl.student.additive import AdditiveTables
from lean_automl.student.distilled import DistilledOblivious
from lean_automl.student.family import Context, Family
from lean_automl.student.linear import LinearWeights
from lean_automl.student.mlp import SmallMLP
from lean_automl.student.oblivious import Oblivious
from lean_automl.student.ragged import RaggedForest

FAMILIES: Final[dict[str, Family]] = {
    family.name: family
    for family in (LinearWeights(), Oblivious(), RaggedForest(), DistilledOblivious(), AdditiveTables(), SmallMLP())
}


def check_families(names: tuple[str, ...] | None) -> None:
    """Raise `ConfigError` for a name that is not a family."""
    for name in names or ():
        if name not in FAMILIES:
            raise ConfigError(f"--families: {name!r} is not one of: {', '.join(FAMILIES)}.")


def choose_families(names: tuple[str, ...] | None, context: Context) -> list[Family]:
    """The families to search.

    Raises:
        ConfigError: A name is not known, or a family that was asked for cannot be used here.
    """
    check_families(names)
    if names is None:
        return [family for family in FAMILIES.values() if family.suits(context)]
    for name in names:
        if not FAMILIES[name].suits(context):
            raise ConfigError(
                f"--families: {name!r} cannot be used here: distilled needs more rows, and mlp needs limits that its "
                "smallest network keeps, and torch: pip install 'lean-automl[torch]'."
            )
    return [FAMILIES[name] for name in names]
