def test_red():
    assert False
