"""The server alone: every page is asked for and its bytes are read; prints how many."""

from __future__ import annotations

import sys
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit


def main() -> None:
    """Read a listing: `drain.py URL TOKEN PAGE_SIZE INVOICES` (0 asks for all)."""
    url, token, page_size, invoices = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    connection = HTTPConnection(urlsplit(url).netloc)
    query = {"system_id": "warehouse", "includes[]": "lines"}
    read = 0
    for page in range(-(-invoices // page_size) if page_size else 1):
        more = {"limit": page_size, "page": page} if page_size else {}
        path = f"/v10/invoices/export?{urlencode(query | more)}"
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        while part := response.read(1 << 20):
            read += len(part)
    print(read)


if __name__ == "__main__":
    main()
