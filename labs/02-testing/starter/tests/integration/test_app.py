"""Integration tests of flightdelay.app, through TestClient and with a model that you write."""
