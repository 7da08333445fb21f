"""`python -m sandbox`: a local server that behaves like the export API."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from aiohttp import web

from sandbox.app import Service
from sandbox.store import Store

_LONGEST_URL = 1 << 20  # bytes; `Behaviour.url_limit` says what a web server would accept


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=8910, help="port; 0 takes any free one (%(default)s)"
    )
    parser.add_argument("--invoices", type=int, default=300, help="booked invoices (%(default)s)")
    parser.add_argument(
        "--drafts", type=int, default=5, help="invoices that are not booked yet (%(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="determines the content of all invoices"
    )
    parser.add_argument("--token", default="sandbox-token", help="bearer token (%(default)s)")
    parser.add_argument("--app-key", default=None, help="required from clients if given")
    parser.add_argument(
        "--clock-offset", type=float, default=0.0, help="seconds ahead of this clock"
    )
    parser.add_argument("--start-id", type=int, default=1, help="first id (%(default)s)")
    parser.add_argument("--id-step", type=int, default=1, help="gap between ids (%(default)s)")
    return parser.parse_args()


async def _serve(options: argparse.Namespace) -> None:
    store = Store(options.seed, options.clock_offset)
    step = options.id_step
    end = options.start_id + options.invoices * step
    store.add(range(options.start_id, end, step), booked=True)
    store.add(range(end, end + options.drafts * step, step), booked=False)
    service = Service(store, options.token, options.app_key)
    runner = web.AppRunner(
        service.app(), access_log=None, shutdown_timeout=0.1, max_line_size=_LONGEST_URL
    )
    await runner.setup()
    site = web.TCPSite(runner, options.host, options.port)
    await site.start()
    stop = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    host, port = runner.addresses[0][:2]
    print(f"sandbox listening on http://{host}:{port}", flush=True)
    await stop.wait()
    await runner.cleanup()


def main() -> int:
    """Serve until SIGINT or SIGTERM arrives."""
    options = _arguments()
    try:
        asyncio.run(_serve(options))
    except OSError as error:
        print(f"sandbox: cannot listen on {options.host}:{options.port}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
