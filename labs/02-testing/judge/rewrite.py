"""Rewrites Python source at random without changing what it does.

Each run of a suite sees another text of the code under test, faulty or correct alike. So a test that recognises the
text (a hash, a line, a shape of the syntax tree) instead of the behaviour also rejects correct code.

What stays: public names, parameters, defaults, the order in which anything with an effect happens. What changes: names
of locals and of private helpers, the order of functions and methods, docstrings, the direction of comparisons, the
order of two branches, how constants are written, whether a result has a name before it is returned, what is there for
nothing.
The code that is rewritten is the course's own, so the rewriter knows little of what it does not use
(no ``eval``, no ``locals()``, no private name shared between modules).
"""

from __future__ import annotations

import ast
import builtins
import random
from collections.abc import Iterable
from typing import TypeVar

Node = TypeVar("Node", bound=ast.AST)
Function = ast.FunctionDef | ast.AsyncFunctionDef

SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "zu")
MIRRORED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt,
    ast.Gt: ast.Lt,
    ast.LtE: ast.GtE,
    ast.GtE: ast.LtE,
    ast.Eq: ast.Eq,
    ast.NotEq: ast.NotEq,
}
# Right for whole numbers, dates and differences of dates; the course's code compares nothing that is not ordered.
NEGATED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}


def rewrite(source: str, rng: random.Random) -> str:
    """The same module in another text.

    Raises:
        SyntaxError: the source is no Python.
    """
    tree = ast.parse(source)
    names = _Names(rng, tree)
    _rename(tree, names)
    tree = _Shapes(rng, names).visit(tree)
    _shuffle(tree, rng)
    tree.body += _idle(rng, names)
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n" * rng.randint(1, 4)


class _Names:
    """Makes names that the module does not use."""

    def __init__(self, rng: random.Random, tree: ast.Module) -> None:
        self._rng = rng
        self._used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} | set(dir(builtins))

    def new(self) -> str:
        while (name := "".join(self._rng.choices(SYLLABLES, k=self._rng.randint(2, 4)))) in self._used:
            pass
        self._used.add(name)
        return name


# --- names --------------------------------------------------------------------------------------------------------------


def _rename(tree: ast.Module, names: _Names) -> None:
    """New names for private things of the module, and for the locals of each function."""
    top = {name for statement in tree.body for name in _bound(statement)}
    private = {name: "_" + names.new() for name in sorted(top) if name.startswith("_") and not name.startswith("__")}
    for node in ast.walk(tree):
        _apply(node, private)
    for function in _outer_functions(tree.body):
        parameters = {
            argument.arg
            for node in ast.walk(function)
            if isinstance(node, ast.arguments)
            for argument in _arguments(node)
        }
        kept = parameters | top | set(private.values())
        local = sorted(_locals(function) - kept)
        table = {name: names.new() for name in local}
        for node in ast.walk(function):
            _apply(node, table)


def _outer_functions(body: Iterable[ast.stmt]) -> Iterable[Function]:
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield statement
        elif isinstance(statement, ast.ClassDef):
            yield from _outer_functions(statement.body)


def _locals(function: Function) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif (
            (isinstance(node, ast.ExceptHandler) and node.name)
            or (isinstance(node, ast.MatchAs) and node.name)
            or (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node is not function)
        ):
            found.add(node.name)
    return found


def _arguments(node: ast.arguments) -> list[ast.arg]:
    extra = [argument for argument in (node.vararg, node.kwarg) if argument]
    return [*node.posonlyargs, *node.args, *node.kwonlyargs, *extra]


def _bound(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in statement.names}
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _apply(node: ast.AST, table: dict[str, str]) -> None:
    if isinstance(node, ast.Name):
        node.id = table.get(node.id, node.id)
    elif (isinstance(node, ast.ExceptHandler | ast.MatchAs) and node.name) or isinstance(
        node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    ):
        node.name = table.get(node.name, node.name)


# --- shapes -------------------------------------------------------------------------------------------------------------


class _Shapes(ast.NodeTransformer):
    """Another way to write the same expression or statement, now and then."""

    def __init__(self, rng: random.Random, names: _Names) -> None:
        self._rng, self._names = rng, names

    def _now(self) -> bool:
        return self._rng.random() < 0.5

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.body = self._body(node.body)
        return node

    def visit_Module(self, node: ast.Module) -> ast.AST:
        node.body = self._body(node.body)
        return node

    def _function(self, node: Function) -> ast.AST:
        # Decorators, annotations and defaults belong to the public face; only the body is rewritten.
        node.body = self._body(node.body)
        if self._now():
            node.body.insert(1 if _is_docstring(node.body[0]) else 0, self._unused())
        return node

    def _unused(self) -> ast.stmt:
        first, second = self._rng.sample(range(2, 999), 2)
        forms = (
            f"{first} + {second}",
            f"{first} < {second}",
            f"({first}, {second})",
            f"min({first}, {second})",
            f"[{first}]",
        )
        return ast.parse(f"{self._names.new()} = {self._rng.choice(forms)}").body[0]

    def _body(self, body: list[ast.stmt]) -> list[ast.stmt]:
        result: list[ast.stmt] = []
        for statement in body:
            if statement is body[0] and _is_docstring(statement):
                words = " ".join(self._rng.choices(SYLLABLES, k=self._rng.randint(1, 9)))
                result.append(ast.Expr(ast.Constant(words)))
                continue
            changed = self.visit(statement)
            result.extend(changed if isinstance(changed, list) else [changed])
        return result

    def visit_Return(self, node: ast.Return) -> ast.AST | list[ast.AST]:
        self.generic_visit(node)
        if node.value is None or not self._now():
            return node
        name = self._names.new()
        return [ast.Assign([ast.Name(name, ast.Store())], node.value), ast.Return(ast.Name(name, ast.Load()))]

    def visit_If(self, node: ast.If) -> ast.AST:
        self.generic_visit(node)
        if node.orelse and self._now():
            node.test, node.body, node.orelse = ast.UnaryOp(ast.Not(), node.test), node.orelse, node.body
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        if self._now():
            node.test, node.body, node.orelse = ast.UnaryOp(ast.Not(), node.test), node.orelse, node.body
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        if len(node.ops) != 1 or type(node.ops[0]) not in MIRRORED:
            return node
        if self._now():
            node.left, node.ops, node.comparators = node.comparators[0], [MIRRORED[type(node.ops[0])]()], [node.left]
        if self._now():
            node.ops = [NEGATED[type(node.ops[0])]()]
            return ast.UnaryOp(ast.Not(), node)
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if type(node.value) is int and 1 < node.value < 10_000 and self._now():
            return self._number(node.value)
        if type(node.value) is str and len(node.value) > 2 and self._now():
            cut = self._rng.randint(1, len(node.value) - 1)
            return ast.BinOp(ast.Constant(node.value[:cut]), ast.Add(), ast.Constant(node.value[cut:]))
        return node

    def _number(self, value: int) -> ast.expr:
        part = self._rng.randint(1, value - 1)
        if self._now():
            return ast.BinOp(ast.Constant(part), ast.Add(), ast.Constant(value - part))
        return ast.BinOp(ast.Constant(value + part), ast.Sub(), ast.Constant(part))

    # A constant inside these is part of a form, not a value.
    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node

    def visit_match_case(self, node: ast.match_case) -> ast.AST:
        node.body = [statement for old in node.body for statement in self._statements(old)]
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def _statements(self, statement: ast.stmt) -> list[ast.stmt]:
        changed = self.visit(statement)
        return changed if isinstance(changed, list) else [changed]


# --- order --------------------------------------------------------------------------------------------------------------


def _shuffle(node: ast.Module | ast.ClassDef, rng: random.Random) -> None:
    """Neighbouring functions in another order; those with decorators stay, since a decorator may have an effect."""
    run: list[ast.stmt] = []
    body: list[ast.stmt] = []
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and not statement.decorator_list:
            run.append(statement)
            continue
        rng.shuffle(run)
        body += [*run, statement]
        run = []
        if isinstance(statement, ast.ClassDef):
            _shuffle(statement, rng)
    rng.shuffle(run)
    node.body = body + run


def _idle(rng: random.Random, names: _Names) -> list[ast.stmt]:
    """Private functions that nobody calls, so that sizes and counts differ too."""
    made = []
    for _ in range(rng.randint(0, 3)):
        name, argument, other = names.new(), names.new(), names.new()
        sign, number = rng.choice("+-*%"), rng.randint(2, 99)
        made += ast.parse(
            f"def _{name}({argument}):\n    {other} = {argument} {sign} {number}\n    return {other} > {number}"
        ).body
    return made


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
