"""Against whatever runs on port 8000."""

import httpx


def test_health():
    assert httpx.get("http://127.0.0.1:8000/healthz").status_code == 200
