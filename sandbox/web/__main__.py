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
    arguments = parser.parse_args(argv)
    uvicorn.run(create_app(arguments.site), host="127.0.0.1", port=arguments.port, log_level="warning")


if __name__ == "__main__":
    main()
