"""The way it is usually written: a pydantic model, a pandas frame and scikit-learn for each request, in a sync route."""

from __future__ import annotations

import os

import pandas as pd
from fastapi import FastAPI
from pydantic import BaseModel

from sandbox.service.features import FEATURES, row
from sandbox.service.model import load_pipeline
from sandbox.service.schema import Flight

app = FastAPI()
pipeline = load_pipeline(os.environ["SERVICE_MODELS"])


class Answer(BaseModel):
    late: bool
    probability: float
    model_version: str


@app.post("/predict")
def predict(flight: Flight) -> Answer:
    frame = pd.DataFrame([row(flight)], columns=FEATURES)
    probability = float(pipeline.predict_proba(frame.to_numpy("float32"))[0, 1])
    return Answer(late=probability >= 0.5, probability=probability, model_version="plain")
