"""Small tables for tests: every kind of column, missing values, and a target that depends on them."""

import numpy as np
import pandas as pd


def mixed_frame(rows: int = 400, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 90, rows).astype(float)
    income = np.exp(rng.normal(10, 1, rows))
    age[rng.random(rows) < 0.05] = np.nan
    city = rng.choice(["Oslo", "Rome", "Lima", "Kyōto", "Bonn"], rows, p=[0.4, 0.3, 0.2, 0.08, 0.02]).astype(object)
    city[rng.random(rows) < 0.05] = None
    member = rng.random(rows) < 0.5
    since = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 10**8, rows), unit="s")
    score = (
        0.03 * np.nan_to_num(age, nan=50)
        + 0.5 * np.log(income)
        + 1.5 * (city == "Rome")
        - 1.0 * member
        + 0.3 * since.month.to_numpy()
        + rng.normal(0, 0.5, rows)
    )
    return pd.DataFrame(
        {
            "age": age,
            "income": income,
            "city": city,
            "member": member,
            "since": since,
            "number": score,
            "flag": np.where(score > np.median(score), "yes", "no"),
            "grade": np.array(["low", "mid", "high"], dtype=object)[np.digitize(score, np.quantile(score, [0.3, 0.7]))],
        }
    )


TARGETS = {"binary": "flag", "multiclass": "grade", "regression": "number"}


def mixed_frame_for(task: str, rows: int = 400, seed: int = 0) -> tuple[pd.DataFrame, str]:
    """The table with one target."""
    frame = mixed_frame(rows, seed)
    target = TARGETS[task]
    return frame.drop(columns=[name for name in TARGETS.values() if name != target]), target
