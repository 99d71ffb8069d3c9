"""What a lab's ``checks.py`` is written with: decorators that mark checks, and ways to say what was seen.

A check is a pytest test. Its docstring's first line is the title that the learner reads. It speaks through
``assert …, "message"`` or :func:`fail`; any other exception is a bug of the check and never costs points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

MARK = "__check__"
CASES = "__check_cases__"
NEEDS = "__check_needs__"


class Case(Protocol):
    """One part of a check: a fault, or anything else with a name and a title."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...


@dataclass(frozen=True)
class SimpleCase:
    """A ready-made :class:`Case`; ``value`` is for the check's own use."""

    name: str
    title: str
    value: Any = None


@dataclass(frozen=True)
class CheckMark:
    """What ``@check`` records on a function."""

    points: float
    after: tuple[str, ...]
    hint: str
    timeout: float


@dataclass(frozen=True)
class CasesMark:
    """What ``@each_fault`` or ``@each_case`` records on a function."""

    argument: str
    group: str = ""
    cases: tuple[Case, ...] | Callable[[], Iterable[Case]] = ()


class CheckFailed(AssertionError):
    """The learner's work does not do what the check asks."""

    def __init__(self, message: str, observed: str = "", expected: str = "") -> None:
        super().__init__(message)
        self.message, self.observed, self.expected = message, observed, expected


class Blocked(Exception):
    """This machine lacks a tool, so the check cannot tell. Names the tool and how to get it."""

    def __init__(self, tool: str, how: str = "") -> None:
        super().__init__(f"{tool} is not here. {how}".strip())
        self.tool, self.how = tool, how


def check(
    *, points: float, after: str | Iterable[str] = (), hint: str = "", timeout: float = 120
) -> Callable[[Function], Function]:
    """Mark a function ``check_NAME`` as a graded check.

    Args:
        points: what it is worth; parts share it out.
        after: names of checks above it in the file (without ``check_``) that must pass first.
        hint: the first thing to look at, shown with a failure.
        timeout: seconds after which the check is stopped and reads as a time-out; what a loaded machine takes is not counted.
    """
    names = (after,) if isinstance(after, str) else tuple(after)

    def mark(function: Function) -> Function:
        setattr(function, MARK, CheckMark(points, tuple(name.removeprefix("check_") for name in names), hint, timeout))
        return function

    return mark


def each_fault(group: str) -> Callable[[Function], Function]:
    """Run the check once for each fault of ``faults/GROUP.toml``, at the same time on all cores; argument ``fault``."""

    def mark(function: Function) -> Function:
        setattr(function, CASES, CasesMark("fault", group=group))
        return function

    return mark


def each_case(cases: Iterable[Case] | Callable[[], Iterable[Case]]) -> Callable[[Function], Function]:
    """Run the check once for each case, at the same time on all cores; argument ``case``."""

    def mark(function: Function) -> Function:
        setattr(function, CASES, CasesMark("case", cases=cases if callable(cases) else tuple(cases)))
        return function

    return mark


def needs(*tools: str) -> Callable[[Function], Function]:
    """Block the check where one of these tools (names of ``sandbox.tools``) is missing."""

    def mark(function: Function) -> Function:
        setattr(function, NEEDS, (*getattr(function, NEEDS, ()), *tools))
        return function

    return mark


def fail(message: str, *, observed: object = "", expected: object = "") -> NoReturn:
    """Fail the check: what was seen, what was expected, where to look next; never the line that fixes it."""
    raise CheckFailed(message, _text(observed), _text(expected))


def _text(value: object) -> str:
    return value if isinstance(value, str) else repr(value)
