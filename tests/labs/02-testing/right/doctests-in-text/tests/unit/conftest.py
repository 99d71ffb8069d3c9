"""What a text of an error says is nobody's promise."""


def pytest_configure(config):
    config.addinivalue_line("markers", "border: stands on a border")
    config._inicache["doctest_optionflags"] = ["ELLIPSIS", "IGNORE_EXCEPTION_DETAIL"]
