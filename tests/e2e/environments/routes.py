"""Ways to reach the API: through proxies, over TLS with a private authority, over IPv6."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import trustme

from sandbox.client import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

INVOICES = 25


@contextmanager
def route(via: str, folder: Path) -> Iterator[tuple[Sandbox, str, dict[str, str]]]:
    """Start a sandbox and what stands before it.

    Yields:
        The sandbox, its address as the programs see it, and variables for them.
    """
    host = "::1" if via == "ipv6" else "127.0.0.1"
    with Sandbox.start(invoices=INVOICES, drafts=1, host=host) as sandbox:
        sandbox.url = sandbox.url.replace("//::1:", "//[::1]:")
        if via == "https":
            with _tls(sandbox.url, folder) as (url, authority):
                yield sandbox, url, {"REQUESTS_CA_BUNDLE": authority}
        elif via.endswith("proxy"):
            with _proxy() as port:
                scheme = "socks5h" if via.startswith("socks") else "http"
                yield sandbox, sandbox.url, {"HTTP_PROXY": f"{scheme}://127.0.0.1:{port}"}
        else:
            yield sandbox, sandbox.url, {}


@contextmanager
def _proxy() -> Iterator[int]:
    """Run pproxy, which speaks HTTP and SOCKS on one port."""
    port = _free_port()
    command = [sys.executable, "-m", "pproxy", "-l", f"http+socks5://127.0.0.1:{port}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as proxy:
        try:
            _wait_for_port(port)
            yield port
        finally:
            proxy.terminate()


@contextmanager
def _tls(url: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Terminate TLS before a plain server."""
    authority = trustme.CA()
    bundle = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    backend = urlsplit(url)

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        other_reader, other_writer = await asyncio.open_connection(backend.hostname, backend.port)
        await asyncio.gather(_copy(reader, other_writer), _copy(other_reader, writer))

    ready: Future[tuple[int, Callable[[], object]]] = Future()

    async def serve() -> None:
        stop = asyncio.Event()
        async with await asyncio.start_server(forward, "127.0.0.1", 0, ssl=context) as server:
            set_stop = partial(asyncio.get_running_loop().call_soon_threadsafe, stop.set)
            ready.set_result((server.sockets[0].getsockname()[1], set_stop))
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    port, stop_serving = ready.result(10)
    try:
        yield f"https://localhost:{port}", str(bundle)
    finally:
        stop_serving()
        thread.join(10)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
