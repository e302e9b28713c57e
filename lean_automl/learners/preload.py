"""Imported once by the process that trials are forked from: everything slow, and what compiles at first use."""

from __future__ import annotations

import os

os.environ["NUMBA_THREADING_LAYER"] = "workqueue"  # the one layer that survives a fork

import catboost  # noqa: F401
import lightgbm  # noqa: F401
import scipy.sparse  # noqa: F401
import sklearn.ensemble
import sklearn.linear_model  # noqa: F401

from lean_automl.learners.warmup import warm_up

warm_up(threads=(1,))
