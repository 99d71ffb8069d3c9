"""Runs inside a jail: forwards unix sockets to TCP ports of the jail's own loopback. Standard library only.

Usage: ``bridge.py SOCKET:PORT…``. A socket appears when its port accepts connections for the first time.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until one side ends, then end the other."""
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def forward(path: str, port: int) -> None:
    """Wait for the port, then carry every connection of the socket to it."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))
        writer.close()
        inner_writer.close()

    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            break
        await asyncio.sleep(0.02)
    server = await asyncio.start_unix_server(carry, path)
    os.chmod(path, 0o666)
    await server.serve_forever()


async def main(arguments: list[str]) -> None:
    """Forward every pair that the command line names."""
    pairs = [argument.rsplit(":", 1) for argument in arguments]
    await asyncio.gather(*(forward(path, int(port)) for path, port in pairs))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
