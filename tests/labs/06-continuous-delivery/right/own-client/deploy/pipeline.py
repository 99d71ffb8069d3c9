"""Talks to the platform with httpx; knows the live slot by the version in it, not by the slot in the log."""

import contextlib
import functools
import json
import math
import operator
import os
import sys
import time
from collections import defaultdict
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import httpx
import yaml

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from flightdelay.evaluate import model_auc, read_flights
from flightdelay.model import KNOWN_AT_DEPARTURE, features, probability



@functools.cache
def client():
    return httpx.Client(
        transport=httpx.HTTPTransport(uds=os.environ["FLEET_SOCKET"]), base_url="http://fleet", timeout=60,
        headers={"Authorization": "Bearer " + os.environ["FLEET_TOKEN"]},
    )


class Problem(Exception):
    pass


def call(method, path, body=None):
    answer = client().request(method, path, json=body)
    answer.raise_for_status()
    return answer.json()


def history():
    return [d for d in call("GET", "/deployments")["deployments"] if d.get("outcome") in {"promoted", "restored"}]


def where(version):
    return next((name for name, slot in call("GET", "/slots").items() if slot["version"] == version), None)


def another(slot):
    return {"blue": "green"}.get(slot, "blue")


def everything_to(slot):
    table = yaml.safe_load(call("GET", "/router")["config"])
    for router in table["http"]["routers"].values():
        router["service"] = slot
    call("PUT", "/router", {"config": yaml.safe_dump(table)})


def a_part_to(slot, tenths):
    table = yaml.safe_load(call("GET", "/router")["config"])
    parts = [{"name": slot, "weight": tenths}, {"name": another(slot), "weight": 10 - tenths}]
    table["http"]["services"]["canary"] = {"weighted": {"services": parts}}
    for router in table["http"]["routers"].values():
        router["service"] = "canary"
    call("PUT", "/router", {"config": yaml.safe_dump(table)})


def boot(slot, package):
    call("PUT", f"/slots/{slot}", package)
    deadline = time.monotonic() + 45
    while time.monotonic() < deadline:
        if (state := call("GET", "/slots")[slot]["state"]) == "ready":
            return
        if state == "failed":
            break
        time.sleep(0.05)
    raise Problem("start")


def papers(package, flights, old):
    card, new = json.loads(package["card"]), json.loads(package["model"])
    yield "hash", sha256(package["model"].encode()).hexdigest() != card["model_sha256"]
    yield "months", bool(set(card["trained_months"]) & {int(f["month"]) for f in flights})
    yield "leak", not features(new).issubset(KNOWN_AT_DEPARTURE)
    yield "worse", model_auc(new, flights) <= model_auc(old, flights)
    groups = defaultdict(list)
    for f in flights:
        groups[f["carrier"]].append(f)
    yield "carrier", any(model_auc(old, g) - model_auc(new, g) > 0.05 for g in groups.values())


def health(slot, package, flights):
    model = json.loads(package["model"])
    for f in flights[10:13]:
        seen = call("POST", f"/slots/{slot}/predict", f)
        yield "smoke", seen["status"] != 200 or abs(seen["body"]["probability"] - probability(model, f)) > 1e-4
    for move in (functools.partial(a_part_to, slot, 1), functools.partial(a_part_to, slot, 5), functools.partial(everything_to, slot)):
        move()
        seen = call("POST", "/watch", {"slot": slot, "requests": 50})
        yield "memory", seen["memory_mb_after"] - seen["memory_mb_before"] >= 25
        yield "errors", seen["errors"] > 0.01 * max(seen["requests"], 1)
        yield "latency", seen["p95_ms"] >= 200


def remember(outcome, reason, card):
    call("POST", "/deployments", {
        "version": card["version"], "commit": card["commit"], "outcome": outcome, "reason": reason,
        "actor": os.environ["DEPLOY_ACTOR"], "at": datetime.now(UTC).isoformat(),
    })
    return outcome in ("promoted", "restored")


def first_true(pairs):
    for reason, wrong in pairs:
        if wrong:
            raise Problem(reason)


def deploy(folder):
    package = {name: (Path(folder) / f"{name}.json").read_bytes().decode() for name in ("model", "card")}
    card, flights = json.loads(package["card"]), read_flights(HERE.parent / "data" / "holdout.csv")
    old = history()[-1]["version"]
    live = where(old)
    everything_to(live)
    try:
        first_true(papers(package, flights, json.loads(call("GET", f"/packages/{old}")["model"])))
    except Problem as problem:
        return remember("blocked", str(problem), card)
    slot = another(live)
    try:
        boot(slot, package)
        first_true(health(slot, package, flights))
    except (Problem, httpx.HTTPError) as problem:
        everything_to(live)
        return remember("rolled_back", str(problem), card)
    return remember("promoted", "passed", card)


def rollback():
    past = history()
    before, now = past[-2], past[-1]
    slot = where(before["version"])
    if slot is None:
        slot = another(where(now["version"]))
        boot(slot, call("GET", f"/packages/{before['version']}"))
    everything_to(slot)
    return remember("restored", "rollback", before)


def build(folder):
    rows = read_flights(HERE.parent / "data" / "train.csv")
    # Plain gradient descent on centred numbers, in place of fit().
    names = ["hour", "wind", "visibility", "temp", "precip"]
    middle = {n: sum(r[n] for r in rows) / len(rows) for n in names}
    spread = {n: (sum((r[n] - middle[n]) ** 2 for r in rows) / len(rows)) ** 0.5 for n in names}
    points = [([(r[n] - middle[n]) / spread[n] for n in names], r["late"]) for r in rows]
    bias, weights = 0.0, [0.0] * len(names)
    for _ in range(40):
        bias_slope, slopes = 0.0, [0.0] * len(names)
        for x, late in points:
            miss = late - 1 / (1 + math.exp(-bias - sum(map(operator.mul, weights, x))))
            bias_slope += miss
            for i, value in enumerate(x):
                slopes[i] += miss * value
        bias += 4 * bias_slope / len(points)
        weights = [w + 4 * s / len(points) for w, s in zip(weights, slopes)]
    scaled = {n: w / spread[n] for n, w in zip(names, weights)}
    commit = os.environ["GITHUB_SHA"]
    model = {
        "version": "2.0." + str(int(commit[:12], 16)), "weights": scaled, "carriers": {},
        "bias": bias - sum(scaled[n] * middle[n] for n in names),
    }
    text = json.dumps(model, sort_keys=True)
    Path(folder).mkdir(parents=True, exist_ok=True)
    Path(folder, "model.json").write_text(text)
    Path(folder, "card.json").write_text(json.dumps({
        "version": model["version"], "model_sha256": sha256(text.encode()).hexdigest(), "commit": commit,
        "trained_months": sorted(int(m) for m in {r["month"] for r in rows}), "features": names,
        "metrics": {"auc": model_auc(model, read_flights(HERE.parent / "data" / "holdout.csv"))},
    }))


if sys.argv[1] == "build":
    sys.exit(build(sys.argv[2]))
with contextlib.ExitStack() as stack:
    for _ in range(100):
        if client().post("/lease", json={}).status_code == 200:
            stack.callback(call, "DELETE", "/lease")
            break
        time.sleep(0.5)
    else:
        sys.exit("no lease")
    went = deploy(sys.argv[2]) if sys.argv[1] == "deploy" else rollback()
sys.exit(0 if went else 1)
