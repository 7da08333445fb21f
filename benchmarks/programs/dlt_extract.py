"""dlt's own REST source for the same API; only its extract step. Runs where dlt is installed."""

from __future__ import annotations

import sys
from typing import Any

import dlt  # type: ignore[import-not-found]
from dlt.sources.rest_api import rest_api_source  # type: ignore[import-not-found]


def main() -> None:
    """Extract: `dlt_extract.py URL TOKEN PAGE_SIZE FOLDER` (a size of 0 asks for all)."""
    url, token, page_size, folder = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    query: dict[str, Any] = {"system_id": "warehouse", "includes[]": "lines"}
    paginator: Any = "single_page"
    if page_size:
        query["limit"] = page_size
        paginator = {
            "type": "page_number",
            "base_page": 0,
            "page_param": "page",
            "total_path": None,
        }
    source = rest_api_source(
        {
            "client": {
                "base_url": url,
                "auth": {"type": "bearer", "token": token},
                "paginator": paginator,
            },
            "resources": [
                {
                    "name": "invoices",
                    "primary_key": "id",
                    "endpoint": {
                        "path": "v10/invoices/export",
                        "params": query,
                        "data_selector": "invoices",
                    },
                },
            ],
        },
    )
    dlt.pipeline("bench", destination="duckdb", pipelines_dir=folder).extract(source)


if __name__ == "__main__":
    main()
