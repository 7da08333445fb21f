"""`PYTHONPATH=tests:tools python -m loader_matrix`: try all loaders, write docs/loaders.md."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from loader_matrix import page
from loader_matrix.candidates import CANDIDATES
from loader_matrix.feeds import FLATTENING, collect
from loader_matrix.servers import Servers
from loader_matrix.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loader_matrix.trial import Result

_LARGE = 1000  # invoices, with about five times as many lines


def main() -> int:
    """Try all, or those whose names begin as given; keep what is recorded of the others."""
    parser = argparse.ArgumentParser(prog="loader_matrix", description=main.__doc__)
    parser.add_argument("titles", nargs="*", default=[""], metavar="name")
    parser.add_argument(
        "--compare",
        action="store_true",
        help="write nothing; end with 1 where a loader is not as safe or unsafe as recorded",
    )
    options = parser.parse_args()
    return _compare(options.titles) if options.compare else _record(options.titles)


def _record(titles: list[str]) -> int:
    results = page.recorded()
    failed = False
    for title, result in _try_all(titles, measured=True):
        if result is None:
            failed = True
            continue
        results[title] = result
        print(json.dumps(result.to_json()), flush=True)
        page.write([results[each.title] for each in CANDIDATES if each.title in results])
    return int(failed)


def _compare(titles: list[str]) -> int:
    recorded = page.recorded()
    failed = False
    for title, result in _try_all(titles, measured=False):
        before = recorded.get(title)
        was = page.safety(before) if before else "not recorded"
        now = page.safety(result) if result else "cannot be tried"
        failed = failed or was != now
        version = result.version if result else "?"
        print(f"{title} {version}: {now}{'' if was == now else f' (recorded: {was})'}", flush=True)
    return int(failed)


def _try_all(titles: list[str], *, measured: bool) -> Iterator[tuple[str, Result | None]]:
    folder = Path(tempfile.mkdtemp(prefix="loaders-"))
    print(f"what the loaders log: {folder}/*/logs", file=sys.stderr)
    taps = folder / "tap"
    taps.mkdir()
    feeds = collect(taps, large=_LARGE)
    flattened = collect(taps, large=_LARGE, **FLATTENING)
    with Servers() as servers:
        for number, candidate in enumerate(CANDIDATES):
            if not candidate.title.startswith(tuple(titles)):
                continue
            try:
                trial = Trial(candidate, folder / str(number), servers, feeds, flattened)
                yield candidate.title, trial.run(measured=measured)
            except RuntimeError as error:
                print(f"{candidate.title}: {error}", file=sys.stderr)
                yield candidate.title, None


if __name__ == "__main__":
    sys.exit(main())
