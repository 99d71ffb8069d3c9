"""Runs inside a jail: carries one connection between its standard streams and a unix socket. Standard library only.

For a system whose Docker runs in a virtual machine: a unix socket in a shared folder does not lead into it.
Usage: ``relay.py SOCKET``.
"""

from __future__ import annotations

import os
import socket
import sys
import threading


def main(path: str) -> None:
    """Copy both ways until the service closes."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)

    def inward() -> None:
        while data := os.read(0, 65536):
            connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)

    threading.Thread(target=inward, daemon=True).start()
    while data := connection.recv(65536):
        view = memoryview(data)
        while view:
            view = view[os.write(1, view) :]


if __name__ == "__main__":
    main(sys.argv[1])
