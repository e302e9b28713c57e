"""A function that answers an HTTP event; `model.lam` lies beside this file."""

import json
from pathlib import Path

from lean_automl_runtime import LeanAutoMLError, load

model = load(Path(__file__).with_name("model.lam"))  # once, when the process starts


def handler(event, context):  # noqa: ARG001
    try:
        answer = model.predict_one(json.loads(event["body"]))
    except (ValueError, LeanAutoMLError) as error:
        return {"statusCode": 422, "body": json.dumps({"error": str(error)})}
    probabilities = dict(zip(model.classes, map(float, answer.probabilities), strict=True))
    return {"statusCode": 200, "body": json.dumps({"prediction": answer.value, "probabilities": probabilities})}
