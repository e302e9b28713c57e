"""Passes: a Program made smaller and faster, exactly or within a bound on the loss.

`optimise` runs the exact ones and belongs to every compilation; `shrink` and `choose` spend a budget on lossy ones.
"""

from lean_automl.compiler.passes.base import Pass
from lean_automl.compiler.passes.judge import Check, Judge, loss_of
from lean_automl.compiler.passes.report import Figures, PassReport, figures_of, noted, recalled
from lean_automl.compiler.passes.round_off import round_off
from lean_automl.compiler.passes.run import EXACT, LAST, optimise, run_passes
from lean_automl.compiler.passes.shrink import Budget, Shrunk, choose, repeat, shrink

__all__ = [
    "EXACT",
    "LAST",
    "Budget",
    "Check",
    "Figures",
    "Judge",
    "Pass",
    "PassReport",
    "Shrunk",
    "choose",
    "figures_of",
    "loss_of",
    "noted",
    "optimise",
    "recalled",
    "repeat",
    "round_off",
    "run_passes",
    "shrink",
]
