"""Tests of the model. They have no place in the image."""

from service.model import Model


def test_rain_makes_late() -> None:
    model = Model("model/model.json")
    assert model.probability({"hour": 17, "precip": 0.3}) > model.probability({"hour": 17})
