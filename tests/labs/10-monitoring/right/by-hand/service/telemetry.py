"""Counts by hand, in the text format, without the client library's metrics of our own."""

import threading
import time

from prometheus_client import REGISTRY, generate_latest

from service import model

BOUNDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0]
SCORES = [0.2, 0.4, 0.5, 0.6, 0.8, 1.0]
lock = threading.Lock()
requests, durations, classes, empty = {}, {}, {"true": 0, "false": 0}, {name: 0 for name in model.NULLABLE}
scores = [0] * len(SCORES), [0.0, 0]
flying = 0


def record(method, route, status, took):
    with lock:
        requests[method, route, status] = requests.get((method, route, status), 0) + 1
        counts, sums = durations.setdefault((method, route), ([0] * len(BOUNDS), [0.0, 0]))
        for place, bound in enumerate(BOUNDS):
            counts[place] += took <= bound
        sums[0] += took
        sums[1] += 1


def observe(rows, found):
    with lock:
        for row, score in zip(rows, found):
            classes["true" if model.is_late(score) else "false"] += 1
            for place, bound in enumerate(SCORES):
                scores[0][place] += score <= bound
            scores[1][0] += score
            scores[1][1] += 1
            for name in empty:
                empty[name] += row[name] is None


def histogram(name, labels, bounds, counts, sums):
    comma = "," if labels else ""
    for bound, count in zip(bounds, counts):
        yield f'{name}_bucket{{{labels}{comma}le="{bound}"}} {count}'
    yield f'{name}_bucket{{{labels}{comma}le="+Inf"}} {sums[1]}'
    yield f"{name}_sum{{{labels}}} {sums[0]}"
    yield f"{name}_count{{{labels}}} {sums[1]}"


def page():
    with lock:
        lines = ["# HELP http_requests_total Requests.", "# TYPE http_requests_total counter"]
        lines += [f'http_requests_total{{method="{m}",route="{r}",status="{s}"}} {n}' for (m, r, s), n in requests.items()]
        lines += ["# HELP http_request_duration_seconds Seconds.", "# TYPE http_request_duration_seconds histogram"]
        for (m, r), (counts, sums) in durations.items():
            lines += histogram("http_request_duration_seconds", f'method="{m}",route="{r}"', BOUNDS, counts, sums)
        lines += ["# HELP http_requests_in_flight Now.", "# TYPE http_requests_in_flight gauge", f"http_requests_in_flight {flying}"]
        lines += ["# HELP predictions_total Rows.", "# TYPE predictions_total counter"]
        lines += [f'predictions_total{{late="{k}"}} {v}' for k, v in classes.items()]
        lines += ["# HELP prediction_probability Scores.", "# TYPE prediction_probability histogram"]
        lines += histogram("prediction_probability", "", SCORES, *scores)
        lines += ["# HELP prediction_inputs_null_total Empty.", "# TYPE prediction_inputs_null_total counter"]
        lines += [f'prediction_inputs_null_total{{feature="{k}"}} {v}' for k, v in empty.items()]
        lines += ["# HELP model_info Model.", "# TYPE model_info gauge", f'model_info{{version="{model.VERSION}"}} 1']
        lines += ["# HELP model_trained_timestamp_seconds Trained.", "# TYPE model_trained_timestamp_seconds gauge"]
        lines += [f"model_trained_timestamp_seconds {model.TRAINED_AT}"]
    return generate_latest(REGISTRY).decode() + "\n".join(lines) + "\n"


class Measure:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        global flying
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        began, seen = time.perf_counter(), ["500"]

        async def watch(message):
            if message["type"] == "http.response.start":
                seen[0] = str(message["status"])
            await send(message)

        flying += 1
        try:
            return await self.app(scope, receive, watch)
        finally:
            flying -= 1
            route = scope.get("route")
            record(scope["method"], getattr(route, "path", "none"), seen[0], time.perf_counter() - began)
