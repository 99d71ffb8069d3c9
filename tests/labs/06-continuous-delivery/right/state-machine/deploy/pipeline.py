import os
import pathlib
import sys
import time
from datetime import datetime, timezone

sys.path.insert(0, os.getcwd())
from deploy.fleet import Fleet, Refused
from deploy.steps import after, before, make
from deploy.steps.context import Context, Stop
from flightdelay.evaluate import read_flights


class Pipeline:
    def __init__(self):
        self.fleet = Fleet()

    def __enter__(self):
        while True:
            try:
                self.fleet.take_lease()
                return self
            except Refused:
                time.sleep(1)

    def __exit__(self, *_):
        self.fleet.return_lease()

    def served(self):
        return [line for line in self.fleet.deployments() if line["outcome"] in ("promoted", "restored")]

    def log(self, outcome, reason, card, slot):
        now = datetime.now(timezone.utc).astimezone().isoformat()
        self.fleet.record({"outcome": outcome, "reason": reason, "version": card["version"], "commit": card["commit"],
                           "slot": slot, "actor": os.environ["DEPLOY_ACTOR"], "at": now})

    def deploy(self, folder):
        model, card = ((folder / f"{name}.json").read_bytes().decode() for name in ("model", "card"))
        ctx = Context(self.fleet, model, card, read_flights(pathlib.Path("data/holdout.csv")), self.served()[-1])
        self.log("started", "asked to", ctx.card, ctx.free)
        try:
            for step in before.ALL + after.ALL:
                step(ctx)
        except Stop as stop:
            outcome, reason = stop.args
            if ctx.touched:
                ctx.split(0)
            self.log(outcome, reason, ctx.card, ctx.free)
            return 3
        self.log("promoted", "ok", ctx.card, ctx.free)
        return 0

    def rollback(self):
        *_, before, now = self.served()
        ctx = Context(self.fleet, "", "", [], now)
        package = self.fleet.package(before["version"])
        ctx.model, ctx.card_text = package["model"], package["card"]
        if self.fleet.slots()[ctx.free]["version"] != before["version"]:
            after.start(ctx)
        ctx.split(100)
        self.log("restored", "rollback", before, ctx.free)
        return 0


if sys.argv[1] == "build":
    make.candidate(pathlib.Path(sys.argv[2]))
    sys.exit(0)
with Pipeline() as pipeline:
    if sys.argv[1] == "deploy":
        code = pipeline.deploy(pathlib.Path(sys.argv[2]))
    else:
        code = pipeline.rollback()
sys.exit(code)
