"""`PYTHONPATH=tests:tools python -m generate`: write what the programs say into the files."""

from __future__ import annotations

from generate import files

if __name__ == "__main__":
    files.main()
