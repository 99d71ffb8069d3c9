"""Steps that touch the free slot, and then users."""

import json
import time

from deploy.steps.context import Stop
from flightdelay.model import probability


def tidy(ctx):
    ctx.split(0)
    if ctx.fleet.slots()[ctx.free]["state"] != "empty":
        ctx.fleet.stop(ctx.free)


def start(ctx):
    ctx.touched = True
    ctx.fleet.start(ctx.free, ctx.model, ctx.card_text)
    until = time.time() + 40
    while ctx.fleet.slots()[ctx.free]["state"] == "starting":
        if time.time() > until:
            raise Stop("rolled_back", "start")
        time.sleep(0.1)
    if ctx.fleet.slots()[ctx.free]["state"] == "failed":
        raise Stop("rolled_back", "start")


def smoke(ctx):
    model = json.loads(ctx.model)
    for row in (ctx.flights[0], ctx.flights[-1], ctx.flights[77]):
        status, answer = ctx.fleet.predict(ctx.free, row)
        if status != 200 or abs(answer["probability"] - probability(model, row)) > 0.001:
            raise Stop("rolled_back", "smoke")


def canary(share):
    def step(ctx):
        ctx.split(share)
        seen = ctx.fleet.watch(ctx.free, 80)
        limits = {
            "errors": seen["errors"] > 0.02 * seen["requests"],
            "latency": seen["p95_ms"] > 200 or seen["requests"] < 20,
            "memory": seen["memory_mb_after"] - seen["memory_mb_before"] > 30,
        }
        for reason, broken in limits.items():
            if broken:
                raise Stop("rolled_back", reason)

    return step


ALL = [tidy, start, smoke, canary(5), canary(10), canary(50), canary(100)]
