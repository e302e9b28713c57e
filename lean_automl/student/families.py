"""The table of student families, in the order in which their first trials run."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from lean_automl.errors import ConfigError
from lean_automl.student.additive import AdditiveTables
from lean_automl.student.distilled import DistilledOblivious
from lean_automl.student.family import Context, Family
from lean_automl.student.linear import LinearWeights
from lean_automl.student.mlp import SmallMLP
from lean_automl.student.oblivious import Oblivious
from lean_automl.student.ordered import OrderedOblivious
from lean_automl.student.ragged import RaggedForest

FAMILIES: Final[dict[str, Family]] = {
    family.name: family
    for family in (
        LinearWeights(),
        Oblivious(),
        OrderedOblivious(),
        RaggedForest(),
        DistilledOblivious(),
        AdditiveTables(),
        SmallMLP(),
    )
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
                f"--families: {name!r} cannot be used here: distilled needs more rows, mlp needs limits that its "
                "smallest network keeps and torch (pip install 'lean-automl[torch]'), ordered needs --monotone, and "
                "with --monotone oblivious, distilled and mlp cannot be used; --quantiles has ragged and additive."
            )
    return [FAMILIES[name] for name in names]


def left_out_for_signs(context: Context) -> tuple[str, ...]:
    """A line on the families whose models cannot keep the signs of features, if there are signs."""
    if not any(context.problem.signs):
        return ()
    free = replace(context, problem=replace(context.problem, signs=()))
    lost = [name for name, family in FAMILIES.items() if family.suits(free) and not family.suits(context)]
    return (
        f"--monotone: {', '.join(lost)} cannot keep it and are left out; so are members of the teacher that cannot",
    )
