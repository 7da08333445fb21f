"""Block SIGINT and SIGTERM in the loader's Python processes; see `relay/signal_mask.py`.

Python imports this at its start. It runs with whatever Python the loader has, so it must not
use anything that Python 3.8 lacks, and it must not fail.
"""  # noqa: INP001 - a folder for PYTHONPATH

from __future__ import annotations

import signal
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec


def _run_hidden() -> None:
    """Run the environment's own `sitecustomize`, which this one hides."""
    here = __file__.rpartition("/")[0]
    others = [path for path in sys.path if path != here]
    spec = PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        module = sys.modules["sitecustomize"] = module_from_spec(spec)
        spec.loader.exec_module(module)


signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
_run_hidden()
