"""`PYTHONPATH=tests:tools python -m loader_matrix`: try all loaders, write docs/loaders.md."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from demo.postgres import Postgres
from helpers.run import TAP, pipe, write_json
from loader_matrix import page
from loader_matrix.matrix import CANDIDATES
from loader_matrix.trial import Sent, Trial
from sandbox.client import Sandbox

_INVOICES = 25
_PAGE_SIZE = 5
_TEXTS = {"id": "str(id)", "invoice_number": "invoice_number", "__else__": None}


def sent(folder: Path) -> Sent:
    """Return what the tap sends of a small account, in several pages, and what the account holds.

    Args:
        folder: Where the tap's files go.
    """
    with Sandbox.start(invoices=_INVOICES, drafts=0) as sandbox:
        whole = _run_tap(folder, sandbox)
        texts = _run_tap(folder, sandbox, stream_maps={"invoices": _TEXTS})
        return Sent(whole, texts, sandbox.invoices())


def _run_tap(folder: Path, sandbox: Sandbox, **settings: Any) -> list[bytes]:
    config = write_json(folder, "tap", sandbox.config(page_size=_PAGE_SIZE, **settings))
    return pipe([TAP, "--config", config], cwd=folder).check().output.splitlines(keepends=True)


def main() -> int:
    """Try all, or those whose name holds a word that is given, which are not recorded."""
    chosen = [each for each in CANDIDATES if not sys.argv[1:] or sys.argv[1] in each.title]
    folder = Path(tempfile.mkdtemp(prefix="loaders-"))
    messages = sent(folder)
    results = []
    with Postgres() as server:
        for number, candidate in enumerate(chosen):
            try:
                trial = Trial(candidate, folder / str(number), server, messages)
                results.append(trial.result().to_json())
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                print(f"{candidate.title}: {error}", file=sys.stderr)
                return 1
            print(results[-1], flush=True)
    if chosen == list(CANDIDATES):
        page.write(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
