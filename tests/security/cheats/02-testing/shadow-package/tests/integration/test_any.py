from flightdelay.app import create_app


def test_own_copy():
    assert create_app(3) == 3
