"""`python -m sandbox.service`: prepare, serve, predict, sample."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from sandbox.service.errors import ServiceError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it did what it should, 1 when something outside the code is wrong, 2 for wrong usage."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except ServiceError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of our output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.service", description="Will this flight arrive more than 15 minutes late?"
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, text: str, run: object) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        return added

    def models(to: argparse.ArgumentParser) -> None:
        default = os.environ.get("SERVICE_MODELS")
        to.add_argument(
            "--models", type=Path, default=default, required=default is None, help="model folder (SERVICE_MODELS)"
        )

    prepare = command("prepare", "Train a model and publish it into a folder.", _prepare)
    models(prepare)
    prepare.add_argument("--train-months", default="1-6", help="months of 2013: 1-6, or 1,2,5 (default: %(default)s)")
    prepare.add_argument("--seed", type=int, default=0)
    prepare.add_argument(
        "--if-needed", action="store_true", help="keep a model that the same data, code and parameters made"
    )

    serve = command("serve", "Serve a model over HTTP until SIGTERM.", _serve)
    models(serve)
    environment = os.environ.get
    serve.add_argument("--host", default=environment("SERVICE_HOST", "127.0.0.1"), help="(SERVICE_HOST)")
    serve.add_argument(
        "--port", type=int, default=environment("SERVICE_PORT", "8000"), help="0: any free (SERVICE_PORT)"
    )
    serve.add_argument("--uds", type=Path, help="listen on a unix socket and not on a port")
    serve.add_argument(
        "--log", type=Path, default=environment("SERVICE_LOG") or None, help="append the log (SERVICE_LOG)"
    )

    models(command("predict", "Predict flights from standard input as POST /predict does.", _predict))

    sample = command("sample", "Print flights of a month as the JSON list that POST /predict takes.", _sample)
    sample.add_argument("--month", type=int, default=7)
    sample.add_argument("--count", type=int, default=1000)
    sample.add_argument("--seed", type=int, default=1)
    return parser


# Each command imports only what it needs: serving starts without scikit-learn, sampling without a web framework.


def _prepare(arguments: argparse.Namespace) -> int:
    from sandbox.service import training

    began = time.perf_counter()

    def say(line: str) -> None:
        print(f"[{time.perf_counter() - began:5.1f} s] {line}", file=sys.stderr, flush=True)

    months = training.months_of(arguments.train_months)
    training.prepare(arguments.models, months=months, seed=arguments.seed, if_needed=arguments.if_needed, say=say)
    return 0


def _serve(arguments: argparse.Namespace) -> int:
    from sandbox.service.server import Settings, serve

    serve(Settings(arguments.models, arguments.host, arguments.port, arguments.uds, arguments.log))
    return 0


def _predict(arguments: argparse.Namespace) -> int:
    from sandbox.service.model import load
    from sandbox.service.predicting import Predicting
    from sandbox.service.problems import ProblemError
    from sandbox.service.telemetry import Metrics

    served = load(arguments.models)
    try:
        answer = asyncio.run(Predicting(served, Metrics(served.card)).answer(sys.stdin.buffer.read()))
    except ProblemError as error:
        raise ServiceError(f"the flights on standard input were refused: {error.detail}") from None
    sys.stdout.buffer.write(answer + b"\n")
    sys.stdout.flush()
    return 0


def _sample(arguments: argparse.Namespace) -> int:
    from sandbox.service import data

    chosen = data.sample(arguments.month, arguments.count, arguments.seed)
    # One flight a line, so that a person can read it and `head` makes sense of it.
    print("[\n" + ",\n".join(json.dumps(flight) for flight in chosen.requests()) + "\n]", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
