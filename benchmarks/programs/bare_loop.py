"""The loop that one would write by hand: ask, decode, print RECORD lines."""

from __future__ import annotations

import sys
from typing import Any

import msgspec
import requests


def main() -> None:
    """Print every invoice and line: `bare_loop.py URL TOKEN PAGE_SIZE` (0 asks for all)."""
    url, token, page_size = sys.argv[1], sys.argv[2], int(sys.argv[3])
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    query: dict[str, Any] = {"system_id": "warehouse", "includes[]": "lines"}
    page = 0
    while True:
        if page_size:
            query |= {"limit": page_size, "page": page}
        response = session.get(f"{url}/v10/invoices/export", params=query, timeout=300)
        response.raise_for_status()
        invoices = msgspec.json.decode(response.content)["invoices"]
        for invoice in invoices:
            lines = invoice.pop("lines")
            write("invoices", invoice)
            for line in lines:
                write("invoice_lines", line)
        page += 1
        if not page_size or len(invoices) < page_size:
            return


def write(stream: str, record: dict[str, Any]) -> None:
    """Print one RECORD."""
    message = {"type": "RECORD", "stream": stream, "record": record}
    sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")


if __name__ == "__main__":
    main()
