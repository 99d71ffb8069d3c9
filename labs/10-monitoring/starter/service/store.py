"""The operations store: it lives elsewhere and takes its time. Not part of your work: the checks bring their own copy."""

from __future__ import annotations

import asyncio


async def find(flight_id: int) -> dict[str, object] | None:
    """The flight with this id (1 to 336776), or None."""
    await asyncio.sleep(0.02)
    if not 1 <= flight_id <= 336_776:
        return None
    return {"flight_id": flight_id, "origin": ("EWR", "JFK", "LGA")[flight_id % 3], "hour": 5 + flight_id % 18}
