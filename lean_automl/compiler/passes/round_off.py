"""What is rounded where bytes are scarce, before anything is judged: the search then judges what is left of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lean_automl.compiler.passes.quantise_leaves import QuantiseLeaves
from lean_automl.compiler.passes.quantise_weights import QuantiseWeights
from lean_automl.compiler.passes.round_tables import RoundTables
from lean_automl.compiler.passes.run import optimise

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

BITS: Final = 8  # of leaves, and of weights of layers


def round_off(program: Program) -> Program:
    """The Program with leaves and weights of 8 bits and other floats of 11, about half as large or less.

    What it predicts changes a little.
    """
    return optimise(QuantiseWeights(BITS).run(RoundTables().run(QuantiseLeaves(BITS).run(program))))
