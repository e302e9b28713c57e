"""A YDF model and its standalone C++: `ydf_model.py FOLDER TARGET TASK`, in a Python that has ydf and pandas.

Reads `train.parquet` and `test.parquet` with raw columns; writes `ydf_model.h` and `ydf.json`.
"""

import json
import re
import sys
from pathlib import Path

import pandas as pd
import ydf

folder, target, task = Path(sys.argv[1]), sys.argv[2], sys.argv[3]


def table(name: str) -> pd.DataFrame:
    """Raw columns; an empty text is a missing one."""
    frame = pd.read_parquet(folder / f"{name}.parquet")
    texts = [column for column in frame if not pd.api.types.is_numeric_dtype(frame[column])]
    return frame.assign(**{column: frame[column].astype(object).where(frame[column].notna(), "") for column in texts})


# Names of features may not have every character.
train, test = (table(name).rename(columns=lambda text: re.sub(r"\W", "_", text)) for name in ("train", "test"))
target = re.sub(r"\W", "_", target)
raw = {re.sub(r"\W", "_", name): name for name in table("test").columns}
kind = ydf.Task.REGRESSION if task == "regression" else ydf.Task.CLASSIFICATION
model = ydf.GradientBoostedTreesLearner(label=target, task=kind, num_threads=1, random_seed=0).train(train, verbose=0)
scored = model.evaluate(test)
options = {} if task == "regression" else {"classification_output": "PROBABILITY"}
header = model.to_standalone_cc(name="ydf_model", algorithm="ROUTING", categorical_from_string=True, **options)
if isinstance(header, dict):
    header = next(text for name, text in header.items() if name.endswith(".h")).decode()
(folder / "ydf_model.h").write_text(header)
body = re.search(r"struct Instance \{(.*?)\n\};", header, re.S).group(1)
found = [pair for pair in re.findall(r"^\s+(\w+) (\w+)(?:\s*=\s*[^;]+)?;", body, re.M) if pair[0] != "typedef"]
plain = {re.sub(r"[^0-9a-zA-Z]+", "_", name).strip("_").lower(): name for name in model.input_feature_names()}
fields = [(form, name, raw[plain[name.strip("_").lower()]]) for form, name in found]
metric = scored.rmse if task == "regression" else scored.characteristics[0].roc_auc
note = {"fields": fields, "metric": float(metric), "trees": model.num_trees(), "version": ydf.__version__}
(folder / "ydf.json").write_text(json.dumps(note))
