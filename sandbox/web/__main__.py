"""`python -m sandbox.web --port N --site DIR`: serve the course on 127.0.0.1 until SIGTERM."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from sandbox.web.server import create_app


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.web", description="Serve the course site on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--site", type=Path, required=True, help="folder that the site is built into")
    parser.add_argument("--course", type=Path, help="the course to grade; default: the one that this program lies in")
    arguments = parser.parse_args(argv)
    # Streams of running checks never end by themselves: at a stop they get two seconds, then their runs are ended.
    uvicorn.run(
        create_app(arguments.site, arguments.course),
        host="127.0.0.1",
        port=arguments.port,
        log_level="warning",
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
