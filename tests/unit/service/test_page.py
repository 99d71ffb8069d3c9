"""The page of the service's API names exactly the endpoints that the service has."""

from __future__ import annotations

import re
from pathlib import Path

from sandbox.service.api import create_app
from sandbox.service.model import Model

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "service-api.md"


def test_every_endpoint_stands_on_the_page(model: Model) -> None:
    paths = create_app(model).openapi()["paths"]
    there = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    told = re.findall(r"^\| (GET|POST) \| `([^`]+)` \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert set(told) == there
    assert len(told) == len(there)
