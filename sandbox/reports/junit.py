"""JUnit XML, the form that CI servers read."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from sandbox.grading.results import LabResult

# XML 1.0 has no place for most control characters, not even escaped.
UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(result: LabResult) -> str:
    """One test case per check. A check that could not tell is an error, so that no CI takes it for a pass."""
    kinds = {"failed": "failure", "error": "error", "blocked": "error", "skipped": "skipped"}
    count = {
        kind: sum(kinds.get(check.status) == kind for check in result.checks)
        for kind in ("failure", "error", "skipped")
    }
    suite = ElementTree.Element(
        "testsuite", name=result.lab, tests=str(len(result.checks)), failures=str(count["failure"]),
        errors=str(count["error"]), skipped=str(count["skipped"]), time=f"{result.duration_s:.3f}", timestamp=result.started_at,
    )  # fmt: skip
    for check in result.checks:
        case = ElementTree.SubElement(
            suite, "testcase", classname=result.lab, name=_fit(check.title), time=f"{check.duration_s:.3f}"
        )
        if check.status != "passed":
            text = "\n".join(filter(None, [check.message, check.observed and f"seen: {check.observed}",
                                           check.expected and f"expected: {check.expected}"]))  # fmt: skip
            outcome = ElementTree.SubElement(case, kinds[check.status], message=_fit(check.message))
            outcome.text = _fit(text)
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _fit(text: str) -> str:
    return UNFIT.sub("\ufffd", text)
