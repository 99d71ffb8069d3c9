"""Grading: checks as pytest tests, run by our plugin in a process of their own.

These are the public names that a lab's ``checks.py`` imports. Everything else a lab needs is a fixture.
"""

from sandbox.grading.api import Blocked, CheckFailed, SimpleCase, check, each_case, each_fault, fail, needs
from sandbox.grading.fault import Fault

__all__ = ["Blocked", "CheckFailed", "Fault", "SimpleCase", "check", "each_case", "each_fault", "fail", "needs"]
