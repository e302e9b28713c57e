"""Predict with an exported `model.onnx`: onnxruntime and a table, nothing of lean_automl.

Usage: python onnx_only.py model.onnx rows.parquet expected.csv
"""

import os
import sys

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # before the import

import numpy as np
import onnxruntime
import pandas as pd


def main(model: str, rows: str, expected: str) -> None:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    frame = pd.read_parquet(rows)
    feeds = {}
    for column in session.get_inputs():  # one input for each raw column, with the column's name and type
        values = frame[column.name]
        if column.type == "tensor(string)":
            array = values.astype(object).where(values.notna(), "").to_numpy(dtype=object)
        else:
            array = values.to_numpy(dtype={"tensor(float)": "float32", "tensor(double)": "float64"}[column.type])
        feeds[column.name] = array.reshape(-1, 1)
    label, probabilities = session.run(["label", "probabilities"], feeds)
    wanted = pd.read_csv(expected)
    same = float(np.mean(label == wanted["prediction"].to_numpy()))
    apart = float(np.abs(probabilities[:, 1] - wanted.iloc[:, 2].to_numpy()).max())
    print(f"onnxruntime {onnxruntime.__version__}, {len(frame):,} rows of raw columns")
    print(f"labels that agree: {same:.2%}; greatest difference of a probability: {apart:.1e}")
    if same < 1.0 or apart > 1e-5:
        sys.exit("the predictions do not agree")


if __name__ == "__main__":
    main(*sys.argv[1:])
