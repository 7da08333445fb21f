"""Two dozen accounts; `python -m e2e.chaos.test_accounts FIRST COUNT` plays more."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pytest

from e2e.chaos.accounts import decide_account, play

SEEDS = range(1, 25)


@pytest.mark.parametrize("seed", SEEDS)
def test_everything_is_done_or_the_run_says_why(seed: int, tmp_path: Path) -> None:
    assert not play(seed, tmp_path), decide_account(seed)


def test_an_account_can_be_decided_again() -> None:
    assert decide_account(5) == decide_account(5)
    assert decide_account(5) != decide_account(6)


def main(first: int, count: int) -> int:
    """Play accounts, and say what was found."""
    findings = 0
    for seed in range(first, first + count):
        with tempfile.TemporaryDirectory() as folder:
            found = play(seed, Path(folder))
        print(seed, decide_account(seed).behaviour, found or "ok", flush=True)
        findings += bool(found)
    print(f"{findings} of {count} accounts with findings")
    return min(findings, 1)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:3])))
