"""An endpoint for a model: `MODEL=model.lam uvicorn app:app`."""

import os

from fastapi import FastAPI, HTTPException
from lean_automl_runtime import LeanAutoMLError, load

model = load(os.environ.get("MODEL", "model.lam"))
app = FastAPI()


@app.post("/predict")
async def predict(row: dict[str, str | float | bool | None]) -> dict:
    try:
        answer = model.predict_one(row)
    except LeanAutoMLError as error:  # a value that its column cannot hold
        raise HTTPException(422, str(error)) from error
    probabilities = dict(zip(model.classes, map(float, answer.probabilities), strict=True))
    return {"prediction": answer.value, "probabilities": probabilities}
