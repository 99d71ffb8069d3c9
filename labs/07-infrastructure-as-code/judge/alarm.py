"""What an alarm that is made of queries looks at."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

Query = Mapping[str, Any]
SAME = re.compile(r"\s*(?:FILL\(\s*(\w+)\s*,\s*(?:0|REPEAT)\s*\)|(\w+))\s*", re.IGNORECASE)
"""Expressions that leave every number of a metric as it is."""


def watched(queries: Sequence[Query]) -> tuple[Mapping[str, Any] | None, str]:
    """The metric that decides, and the expression that stands between it and the alarm where that may change a number.

    CloudWatch compares the one query that returns data with the threshold; the others only feed it.
    """
    by_id = {str(query.get("Id")): query for query in queries}
    query: Query = next((q for q in queries if q.get("ReturnData", True)), {})
    expression = ""
    # As many steps as there are queries: an expression may name another, and two may name each other.
    for _ in queries:
        if "Expression" not in query:
            break
        if not (found := SAME.fullmatch(str(query["Expression"]))):
            expression = str(query["Expression"])
            break
        query = by_id.get(found[1] or found[2], {})
    return query.get("MetricStat"), expression
