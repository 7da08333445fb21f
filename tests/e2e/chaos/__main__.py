"""`PYTHONPATH=tests:tools python -m e2e.chaos`: kill the pipeline at random, then check it."""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from demo.postgres import Postgres
from e2e.chaos.chaos import ChaosRun
from e2e.chaos.delivery_stores import Postgresql, Sqlite
from helpers.warehouses import PostgresWarehouse
from sandbox.client import Sandbox


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m e2e.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="any if none")
    parser.add_argument("--rounds", type=int, default=100, help="how many (%(default)s)")
    parser.add_argument("--first", type=int, default=1, help="number of the first (%(default)s)")
    parser.add_argument(
        "--loader", choices=("fake", "postgres"), default="fake", help="(%(default)s)"
    )
    return parser.parse_args()


def main() -> int:
    """ChaosRun, and say what was found; 1 if anything was."""
    options = _arguments()
    print(f"seed {options.seed}, {options.rounds} rounds, loader {options.loader}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    with ExitStack() as stack:
        sandbox = stack.enter_context(Sandbox.start(invoices=20, drafts=2))
        chaos = ChaosRun(folder, sandbox, _warehouse(options, folder, sandbox, stack), options.seed)
        for number in range(options.first, options.first + options.rounds):
            print(chaos.round(number), flush=True)
            if chaos.found:
                break
        chaos.end()
    for what, count in sorted(chaos.counts.items()):
        print(f"{count:6} {what}")
    for each in chaos.found[:20]:
        print(f"FOUND {each}")
    print(f"{len(chaos.found)} findings; files in {folder}")
    return 1 if chaos.found else 0


def _warehouse(
    options: argparse.Namespace, folder: Path, sandbox: Sandbox, stack: ExitStack
) -> Sqlite | Postgresql:
    if options.loader == "fake":
        return Sqlite(folder)
    tables = PostgresWarehouse(folder, stack.enter_context(Postgres()))
    tables.load(sandbox)
    return Postgresql(tables)


if __name__ == "__main__":
    sys.exit(main())
