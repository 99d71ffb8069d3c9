"""Everything is a coroutine: an own client over asyncio's unix sockets, and a watch that looks at users and process at once."""

import asyncio
import hashlib
import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from flightdelay.evaluate import model_auc, read_flights
from flightdelay.model import CARRIERS, KNOWN_AT_DEPARTURE, features, probability
from flightdelay.train import fit

PORT = {"blue": 9001, "green": 9002}


class Stop(Exception):
    pass


async def call(method, path, body=None, may_fail=False):
    reader, writer = await asyncio.open_unix_connection(os.environ["FLEET_SOCKET"])
    data = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: fleet\r\nAuthorization: Bearer {os.environ['FLEET_TOKEN']}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode() + data)
    await writer.drain()
    answer = await reader.read()
    writer.close()
    top, _, text = answer.partition(b"\r\n\r\n")
    status = int(top.split()[1])
    if status >= 400 and not may_fail:
        raise RuntimeError(f"{method} {path}: {status} {text[:200]!r}")
    return status, json.loads(text)


async def get(path):
    return (await call("GET", path))[1]


async def send(users):
    """`users`: a list of (slot, weight)."""
    services = {slot: {"loadBalancer": {"servers": [{"url": f"http://127.0.0.1:{port}"}]}} for slot, port in PORT.items()}
    services["split"] = {"weighted": {"services": [{"name": slot, "weight": weight} for slot, weight in users]}}
    config = {"http": {"routers": {"all": {"rule": "PathPrefix(`/`)", "service": "split"}}, "services": services}}
    await call("PUT", "/router", {"config": json.dumps(config, indent=1)})


async def history():
    return [line for line in (await get("/deployments"))["deployments"] if line["outcome"] in ("promoted", "restored")]


async def ready(slot):
    async with asyncio.timeout(60):
        while (state := (await get("/slots"))[slot]["state"]) == "starting":
            await asyncio.sleep(0.1)
    return state == "ready"


async def note(outcome, reason, card, slot):
    await call("POST", "/deployments", {
        "version": card["version"], "commit": card["commit"], "outcome": outcome, "reason": reason, "slot": slot,
        "actor": os.environ["DEPLOY_ACTOR"], "at": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
    })


def gates(model_text, card, old, flights):
    model = json.loads(model_text)
    if hashlib.sha256(model_text.encode()).hexdigest() != card["model_sha256"]:
        return "hash"
    if any(month in card["trained_months"] for month in {int(f["month"]) for f in flights}):
        return "months"
    if features(model) - set(KNOWN_AT_DEPARTURE):
        return "leak"
    ours, theirs = model_auc(model, flights), model_auc(old, flights)
    if ours > 0.95:
        return "leak"
    if ours <= theirs:
        return "worse"
    for carrier in CARRIERS:
        rows = [f for f in flights if f["carrier"] == carrier]
        if rows and model_auc(old, rows) - model_auc(model, rows) > 0.05:
            return "carrier"
    return None


async def look(slot, least):
    """Fifty answers, and at least so many seconds."""
    (_, seen), _ = await asyncio.gather(call("POST", "/watch", {"slot": slot, "requests": 50}), asyncio.sleep(least))
    if seen["errors"] * 100 > seen["requests"]:
        raise Stop("errors")
    if seen["p95_ms"] > 200:
        raise Stop("latency")
    if seen["memory_mb_after"] - seen["memory_mb_before"] > 30:
        raise Stop("memory")


async def trial(new, old, package, flights):
    await call("PUT", f"/slots/{new}", package)
    if not await ready(new):
        raise Stop("start")
    model = json.loads(package["model"])
    answers = await asyncio.gather(*(call("POST", f"/slots/{new}/predict", f) for f in flights[::400]))
    for flight, (_, answer) in zip(flights[::400], answers):
        if answer["status"] != 200 or abs(answer["body"]["probability"] - probability(model, flight)) > 1e-6:
            raise Stop("smoke")
    for weight in (1, 5, 10):
        await send([(new, weight), (old, 10 - weight)])
        await look(new, 1.0)


async def deploy(folder):
    package = {"model": Path(folder, "model.json").read_bytes().decode(), "card": Path(folder, "card.json").read_bytes().decode()}
    card = json.loads(package["card"])
    live = (await history())[-1]
    old = live["slot"]
    new = "green" if old == "blue" else "blue"
    await send([(old, 1)])
    flights = read_flights(Path("data/holdout.csv"))
    production = json.loads((await get("/packages/" + live["version"]))["model"])
    if reason := gates(package["model"], card, production, flights):
        await note("blocked", reason, card, new)
        return 1
    try:
        await trial(new, old, package, flights)
    except (Stop, TimeoutError, RuntimeError) as stop:
        await send([(old, 1)])
        await note("rolled_back", stop.args[0] if isinstance(stop, Stop) else "start", card, new)
        return 1
    await note("promoted", "three looks of fifty", card, new)
    return 0


async def rollback():
    lines = await history()
    live = lines.pop()
    others = [line for line in lines if line["version"] != live["version"]]
    if not others:
        print("nowhere to go back to")
        return 1
    before = others[-1]
    slots = await get("/slots")
    slot = next((name for name, s in slots.items() if (s["version"], s["state"]) == (before["version"], "ready")), None)
    if slot is None:
        slot = "green" if live["slot"] == "blue" else "blue"
        await call("PUT", f"/slots/{slot}", await get("/packages/" + before["version"]))
        if not await ready(slot):
            return 1
    await send([(slot, 1)])
    await note("restored", "asked for", before, slot)
    return 0


async def alone(work):
    end = time.monotonic() + 150
    while (await call("POST", "/lease", {}, may_fail=True))[0] != 200:
        if time.monotonic() > end:
            return 1
        await asyncio.sleep(0.5)
    try:
        return await work()
    finally:
        await call("DELETE", "/lease", may_fail=True)


def build(folder):
    rows, commit = read_flights(Path("data/train.csv")), os.environ["GITHUB_SHA"]
    model = {"version": f"m-{commit}", **fit(rows)}
    text = json.dumps(model)
    os.makedirs(folder, exist_ok=True)
    Path(folder, "model.json").write_text(text)
    Path(folder, "card.json").write_text(json.dumps({
        "version": model["version"], "model_sha256": hashlib.sha256(text.encode()).hexdigest(), "commit": commit,
        "trained_months": sorted({int(r["month"]) for r in rows}), "features": sorted(features(model)),
        "metrics": {"auc": round(model_auc(model, read_flights(Path("data/holdout.csv"))), 2)},
    }))
    return 0


match sys.argv[1:]:
    case ["build", folder]:
        sys.exit(build(folder))
    case ["deploy", folder]:
        sys.exit(asyncio.run(alone(lambda: deploy(folder))))
    case ["rollback"]:
        sys.exit(asyncio.run(alone(rollback)))
sys.exit(2)
