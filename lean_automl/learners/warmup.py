"""Compiles, once for each machine, what is compiled at first use: `python -m lean_automl.learners.warmup`.

ChimeraBoost and the numba engine compile their kernels when they first run, 15 to 30 seconds in all, and keep them on
disk. Without this step the first `fit` pays for it within its time limit.
"""

from __future__ import annotations

import os
import time


def warm_up(threads: tuple[int, ...] = (1, 2)) -> None:
    """Compile the kernels of ChimeraBoost and of the numba engine, or load them from disk."""
    os.environ.setdefault("CHIMERABOOST_NO_NOTICE", "1")
    import numpy as np
    from lean_automl_runtime.engines import make_engine
    from lean_automl_runtime.ir import Column, ColumnKind, ProgramBuilder

    from lean_automl.data import Task
    from lean_automl.features import FeaturePlan, Frame
    from lean_automl.features.plan import Category, Number
    from lean_automl.learners.base import FitOptions, Problem, Rows
    from lean_automl.learners.chimeraboost import ChimeraBoost

    rng = np.random.default_rng(0)
    rows = 2_000
    numbers = rng.normal(size=(rows, 3)).astype(np.float32)
    codes = rng.integers(0, 4, size=(rows, 1)).astype(np.int32)
    frame = Frame(numbers, codes, (4,))
    plan = FeaturePlan((Number("a"), Number("b"), Number("c")), (Category("d", ("x", "y")),))
    columns = (
        *(Column(name, ColumnKind.NUMERIC, "float32") for name in "abc"),
        Column("d", ColumnKind.CATEGORICAL, "string"),
    )
    for task, outputs, linear in (
        (Task.REGRESSION, 1, True),
        (Task.BINARY, 2, True),
        (Task.BINARY, 2, False),
        (Task.MULTICLASS, 3, False),
    ):
        y = numbers[:, 0].astype(np.float64) if task is Task.REGRESSION else rng.integers(0, outputs, size=rows)
        train = Rows(frame, y)
        settings = ChimeraBoost(trees=5, depth=3, linear=linear, subsample=0.8, colsample=0.8)
        for count in threads:
            options = FitOptions(threads=count)
            fitted = settings.fit(train, train.take(np.arange(500)), Problem(task, outputs), options)
        builder = ProgramBuilder(columns)
        score = fitted.lower(plan, builder)
        program = builder.build({"prediction": score})
        make_engine(program).run([*(numbers[:, j] for j in range(3)), np.array(["x"] * rows, dtype=object)])


if __name__ == "__main__":
    begin = time.monotonic()
    warm_up()
    print(f"kernels are compiled ({time.monotonic() - begin:.0f} s)")
