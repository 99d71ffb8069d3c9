"""The HTTP side of the flight-delay service."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from service import model, store, telemetry

app = FastAPI(title="Flight delay")
telemetry.instrument(app)


class Flight(BaseModel):
    """One flight before departure; weather may be unknown (null)."""

    model_config = ConfigDict(extra="forbid")

    carrier: str = Field(min_length=2, max_length=2)
    origin: str = Field(min_length=3, max_length=3)
    hour: int = Field(ge=0, le=23)
    distance: int = Field(gt=0, le=6000)
    temp: float | None = None
    wind_speed: float | None = None
    visibility: float | None = None
    pressure: float | None = None
    precip: float | None = None


class Prediction(BaseModel):
    """What the model says: late or not, and with which probability."""

    late: bool
    probability: float


def predict_rows(flights: list[Flight]) -> list[Prediction]:
    """Predictions in the order of the flights."""
    rows = [flight.model_dump() for flight in flights]
    scores = model.predict(rows)
    telemetry.observe_predictions(rows, scores)
    return [Prediction(late=model.is_late(score), probability=score) for score in scores]


@app.post("/predict")
async def predict(flight: Flight) -> Prediction:
    """Will this flight be late?"""
    return predict_rows([flight])[0]


@app.post("/predict/batch")
async def predict_batch(flights: Annotated[list[Flight], Field(min_length=1, max_length=100)]) -> list[Prediction]:
    """The same for up to 100 flights."""
    return predict_rows(flights)


@app.get("/flights/{flight_id}")
async def flight(flight_id: int) -> dict[str, object]:
    """What the operations store knows about a flight."""
    found = await store.find(flight_id)
    if found is None:
        raise HTTPException(404, f"no flight {flight_id}")
    return found


@app.get("/model")
async def model_card() -> dict[str, object]:
    """Which model answers."""
    return {"version": model.VERSION, "trained_at": model.TRAINED_AT}


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process is alive."""
    return {"status": "ok"}
