"""Imported once by the process that trials are forked from: everything slow, and what compiles at first use."""

from __future__ import annotations

import gc
import importlib
import os
import signal

signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run decides what Ctrl-C means, also while this still loads
os.environ["NUMBA_THREADING_LAYER"] = "workqueue"  # the one layer that survives a fork
_STARTED_BY = os.getppid()

for _name in ("catboost", "lightgbm", "scipy.sparse", "sklearn.ensemble", "sklearn.linear_model"):
    importlib.import_module(_name)
    if os.getppid() != _STARTED_BY:  # it has ended: who reads its output must not wait for ours
        os._exit(1)

from lean_automl.learners.warmup import warm_up  # noqa: E402

warm_up(threads=(1,))
gc.freeze()  # no collection of a fork, nor of the end of this process, need look through all of this again
