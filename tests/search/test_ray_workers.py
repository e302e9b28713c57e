"""The same run on a cluster of two nodes, one of which is killed in mid-run."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lean_automl_runtime import load_artifact
from tables import mixed_frame_for

from lean_automl.automl.pipeline import FitRequest, fit
from lean_automl.cli.progress import Silent
from lean_automl.config import Budget, FitConfig
from lean_automl.errors import ConfigError
from lean_automl.learners.base import FitOptions
from lean_automl.search.ray_workers import RayWorkers
from lean_automl.search.workers import Job, Workers, load_shared

ray = pytest.importorskip("ray", reason="pip install 'lean-automl[ray]'")
cluster_utils = pytest.importorskip("ray.cluster_utils")
pytestmark = pytest.mark.slow
LONG = 600.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A node with two CPUs, where tests run."""
    made = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    yield made
    made.shutdown()


def deadline() -> float:
    return time.monotonic() + LONG


def only(workers: Workers) -> Job:
    (job,) = workers.wait()
    return job


def test_calls_data_and_failures(cluster: Any) -> None:
    with RayWorkers(cluster.address) as workers:
        assert workers.places == 1
        assert workers.wait_until_ready(deadline())
        workers.start(pow, (2, 10), deadline(), "tag")
        job = only(workers)
        assert (job.value, job.error, job.tag) == (1024, None, "tag")
        stored = workers.share(np.arange(1000.0))
        workers.start(load_shared, (stored,), deadline())
        assert only(workers).value.sum() == 499500.0
        workers.start(int, ("x",), deadline())
        assert "ValueError: invalid literal" in str(only(workers).error)
        workers.start(os._exit, (3,), deadline())
        assert only(workers).error is not None
        workers.start(time.sleep, (LONG,), time.monotonic() - 1.0)
        assert str(only(workers).error).startswith("stopped: ")
        assert workers.free == 1
        assert workers.exclusive(max)(2, 3) == 3
        end = time.monotonic() + 100.0
        workers.start(getattr, (FitOptions(deadline=end), "deadline"), deadline())
        assert only(workers).value == pytest.approx(end, abs=0.1), "the clocks are those of one machine here"
        assert workers.wait() == []


class KillsANode(Silent):
    """Removes a node from a cluster as soon as a trial has ended."""

    def __init__(self, cluster: Any, node: Any) -> None:
        self.cluster, self.node = cluster, node

    def trial_ended(self, *_: object) -> None:
        if self.node is not None:
            node, self.node = self.node, None
            self.cluster.remove_node(node, allow_graceful=False)


def run(out: Path, watcher: Silent, **where: Any) -> Any:
    frame, target = mixed_frame_for("binary", 400)
    budget = Budget(time_limit_s=LONG, max_trials=6, teacher=False, measure=False, feature_search=False)
    config = FitConfig(budget=budget, families=("linear", "oblivious"), folds=2, **where)
    fit(FitRequest(frame, target, out), config, watcher)
    return load_artifact(out / "model.lam")


def test_a_node_that_dies_costs_nothing(cluster: Any, tmp_path: Path) -> None:
    local = run(tmp_path / "local", Silent(), threads=2)
    node = cluster.add_node(num_cpus=1)
    watcher = KillsANode(cluster, node)
    spread = run(tmp_path / "spread", watcher, executor="ray", address=cluster.address)
    assert watcher.node is None, "the node was killed"
    assert spread.digest == local.digest


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.0.0.1", "ray://127.0.0.1:1"])
def test_no_cluster_is_told(address: str) -> None:
    with pytest.raises(ConfigError, match="no Ray cluster was found at"), RayWorkers(address):
        pass
