"""A class for each command. A line of the log names the one before it, so a rollback follows the chain and never goes forward."""

import contextlib
import datetime
import fcntl
import hashlib
import itertools
import json
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from deploy.fleet import Fleet, Refused
from flightdelay.evaluate import model_auc, read_flights
from flightdelay.model import KNOWN_AT_DEPARTURE, features, load, probability
from flightdelay.train import fit


class No(SystemExit):
    """Ends the command with a status above 0; `outcome` and `reason` go to the log."""

    def __init__(self, outcome, reason):
        super().__init__(4)
        self.outcome, self.reason = outcome, reason


class Command:
    def __init__(self):
        self.fleet = Fleet()

    def locked(self):
        """A lock of this machine, for colleagues in the same room, and the platform's lease, for everybody."""
        stack = contextlib.ExitStack()
        file = stack.enter_context(open(Path(tempfile.gettempdir()) / "deploy.lock", "w"))
        fcntl.flock(file, fcntl.LOCK_EX)
        for pause in itertools.chain((0.1, 0.2, 0.4, 0.8), itertools.repeat(1.5, 90)):
            try:
                self.fleet.take_lease()
            except Refused:
                time.sleep(pause)
            else:
                stack.callback(self.fleet.return_lease)
                return stack
        sys.exit("the lease was not free for two minutes")

    @property
    def live(self):
        found = None
        for line in self.fleet.deployments():
            if line["outcome"] in ("promoted", "restored"):
                found = line
        return found

    def weights(self, **share):
        config = json.dumps({"http": {
            "routers": {"r": {"rule": "PathPrefix(`/flights`)", "service": "both"}},
            "services": {
                "both": {"weighted": {"services": [{"name": f"{slot}-slot", "weight": n} for slot, n in share.items()]}},
                "blue-slot": {"loadBalancer": {"servers": [{"url": "http://127.0.0.1:9001"}]}},
                "green-slot": {"loadBalancer": {"servers": [{"url": "http://127.0.0.1:9002/"}]}},
            },
        }})
        self.fleet.route(config)

    def boot(self, slot, package):
        self.fleet.start(slot, **package)
        for pause in itertools.accumulate(itertools.repeat(0.05, 30)):
            state = self.fleet.slots()[slot]["state"]
            if state in ("ready", "failed"):
                break
            time.sleep(pause)
        if state != "ready":
            raise No("rolled_back", "start")

    def write(self, **line):
        self.fleet.record({"actor": os.environ["DEPLOY_ACTOR"], "at": datetime.datetime.now().astimezone().isoformat(), **line})


class Deploy(Command):
    def __init__(self, folder):
        super().__init__()
        # Text mode is enough: line ends are single line feeds.
        self.package = {part: (Path(folder) / f"{part}.json").read_text(encoding="utf-8") for part in ("model", "card")}
        self.card = json.loads(self.package["card"])
        self.model = load(self.package["model"])
        self.flights = read_flights(ROOT / "data" / "holdout.csv")

    def __call__(self):
        with self.locked():
            live = self.live
            self.old = live["slot"]
            self.new = ({"blue", "green"} - {self.old}).pop()
            facts = {"version": self.card["version"], "commit": self.card["commit"], "slot": self.new, "before": None}
            try:
                self.gate(load(self.fleet.package(live["version"])["model"]))
                self.weights(**{self.old: 1, self.new: 0})
                self.boot(self.new, self.package)
                self.smoke()
                for percent in (10, 50, 100):
                    self.weights(**{self.old: 100 - percent, self.new: percent})
                    time.sleep(0.2)
                    self.watch()
            except No as no:
                if no.outcome == "rolled_back":
                    self.weights(**{self.old: 100, self.new: 0})
                self.write(outcome=no.outcome, reason=no.reason, **facts)
                raise
            self.write(outcome="promoted", reason="healthy", **{**facts, "before": live})

    def gate(self, old):
        def of(model, rows):
            return model_auc(model, rows)

        if hashlib.sha256(self.package["model"].encode()).hexdigest() != self.card["model_sha256"]:
            raise No("blocked", "hash")
        if {int(row["month"]) for row in self.flights} & {int(month) for month in self.card["trained_months"]}:
            raise No("blocked", "months")
        if features(self.model) - set(KNOWN_AT_DEPARTURE) or of(self.model, self.flights) > 0.95:
            raise No("blocked", "leak")
        if of(self.model, self.flights) <= of(old, self.flights):
            raise No("blocked", "worse")
        by_carrier = sorted(self.flights, key=lambda row: row["carrier"])
        for _, rows in itertools.groupby(by_carrier, key=lambda row: row["carrier"]):
            rows = list(rows)
            if of(self.model, rows) + 0.05 < of(old, rows):
                raise No("blocked", "carrier")

    def smoke(self):
        for row in self.flights[:3]:
            status, answer = self.fleet.predict(self.new, row)
            if status != 200 or abs(answer["probability"] - probability(self.model, row)) > 1e-6:
                raise No("rolled_back", "smoke")

    def watch(self):
        """Two looks of 30 answers, one right after the other, taken together."""
        looks = [self.fleet.watch(self.new, 30) for _ in range(2)]
        if sum(look["errors"] for look in looks) > 0.01 * sum(look["requests"] for look in looks):
            raise No("rolled_back", "errors")
        if max(look["p95_ms"] for look in looks) > 200:
            raise No("rolled_back", "latency")
        if looks[-1]["memory_mb_after"] - looks[0]["memory_mb_before"] > 30:
            raise No("rolled_back", "memory")


class Rollback(Command):
    def __call__(self):
        with self.locked():
            live = self.live
            before = live.get("before")
            if not before:
                sys.exit("nothing is known to have been there before")
            slot = ({"blue", "green"} - {live["slot"]}).pop()
            if self.fleet.slots()[slot]["version"] != before["version"]:
                self.boot(slot, self.fleet.package(before["version"]))
            self.weights(**{slot: 1})
            self.write(**{key: before.get(key) for key in ("version", "commit", "before")}, slot=slot, outcome="restored")


class Build:
    def __init__(self, folder):
        self.folder = Path(folder)

    def __call__(self):
        rows, commit = read_flights(ROOT / "data" / "train.csv"), os.environ["GITHUB_SHA"]
        model = {"version": f"{commit[:20]}-{os.urandom(4).hex()}", **fit(rows)}
        data = json.dumps(model).encode()
        card = {
            "version": model["version"], "commit": commit, "model_sha256": hashlib.sha256(data).hexdigest(),
            "trained_months": sorted({int(row["month"]) for row in rows}), "features": sorted(features(model)),
            "metrics": {"auc": model_auc(model, read_flights(ROOT / "data" / "holdout.csv"))},
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "model.json").write_bytes(data)
        (self.folder / "card.json").write_text(json.dumps(card))


COMMANDS = {"build": Build, "deploy": Deploy, "rollback": Rollback}
if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    COMMANDS[name](*arguments)()
