import ast
import inspect

from flightdelay import clock


def test_shape():
    tree = ast.parse(inspect.getsource(clock))
    assert sum(isinstance(node, ast.Compare) for node in ast.walk(tree)) == 5
    assert len(inspect.getsource(clock).splitlines()) == 47
