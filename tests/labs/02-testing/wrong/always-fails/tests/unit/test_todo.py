def test_todo():
    raise NotImplementedError("to be written")
