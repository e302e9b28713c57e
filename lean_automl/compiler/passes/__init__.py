"""Passes: a Program made smaller and faster, exactly or within a bound on the loss.

`optimise` runs the exact ones and belongs to every compilation; `shrink` and `choose` spend a budget on lossy ones.
"""

from lean_automl.compiler.passes.base import Pass
from lean_automl.compiler.passes.report import Check, Figures, Meter, PassReport, loss_of, noted
from lean_automl.compiler.passes.run import EXACT, optimise, run_passes
from lean_automl.compiler.passes.shrink import Budget, Shrunk, choose, repeat, shrink

__all__ = [
    "EXACT",
    "Budget",
    "Check",
    "Figures",
    "Meter",
    "Pass",
    "PassReport",
    "Shrunk",
    "choose",
    "loss_of",
    "noted",
    "optimise",
    "repeat",
    "run_passes",
    "shrink",
]
