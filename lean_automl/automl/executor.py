"""Where fits run: in processes of this machine, or on a Ray cluster. Imports nothing slow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lean_automl.learners import TORCH
from lean_automl.search.workers import Workers, start_server

if TYPE_CHECKING:
    from lean_automl.config import FitConfig

SHORTEST_WITH_NETWORKS_S: Final = 45.0  # a shorter run is better without the seconds that torch takes


def begin_loading(config: FitConfig) -> None:
    """Let the process that trials are forked from import the learners, beside what this process has to import."""
    if config.executor == "local":
        start_server(_preload(config))


def make_workers(config: FitConfig) -> Workers:
    """The places for fits that the settings ask for."""
    if config.executor == "local":
        return Workers(config.threads, _preload(config))
    from lean_automl.search.ray_workers import RayWorkers

    return RayWorkers(config.address, _preload(config))


def _preload(config: FitConfig) -> tuple[str, ...]:
    return (TORCH,) if config.budget.time_limit_s >= SHORTEST_WITH_NETWORKS_S else ()
