"""The server alone: marks are sent and their responses read, over bare sockets; prints how many.

The requests are the target's own to the letter that matters: ten invoices, four at a time.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from urllib.parse import urlsplit

_A_REQUEST = 10
_RESPONSE = 1 << 16  # bytes; one of ten ids is far smaller


def main() -> None:
    """Mark everything: `bare_marks.py URL TOKEN INVOICES IN_FLIGHT`.

    Raises:
        RuntimeError: A mark fails.
    """
    url, token, invoices, in_flight = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    place = urlsplit(url)
    firsts = iter(range(1, invoices + 1, _A_REQUEST))
    lock, failed = threading.Lock(), []

    def work() -> None:
        connection = socket.create_connection((place.hostname, place.port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            with lock:
                first = next(firsts, None)
            if first is None:
                return
            ids = range(first, min(first + _A_REQUEST, invoices + 1))
            connection.sendall(_request(token, ids))
            response = connection.recv(_RESPONSE)
            if not response.startswith(b"HTTP/1.1 200"):
                failed.append(response)
                return

    threads = [threading.Thread(target=work) for _ in range(in_flight)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise RuntimeError(failed[0].decode(errors="replace"))
    print(invoices)


def _request(token: str, ids: range) -> bytes:
    invoices = [{"invoice_id": each, "system_id": "warehouse"} for each in ids]
    body = json.dumps({"invoices": invoices}).encode()
    return (
        "POST /v10/invoices/mark-as-exported HTTP/1.1\r\n"
        "Host: sandbox\r\n"
        f"Authorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


if __name__ == "__main__":
    main()
