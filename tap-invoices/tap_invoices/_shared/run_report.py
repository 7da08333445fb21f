"""The result of a run for machines: one JSON document, and the same figures as METRIC lines.

The document's schema is `docs/run-report.schema.json`. It holds no customer's data: ids, counts,
times and the server's own words.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import platform
import tempfile
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import PLUGIN_NAME
from .redact import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SCHEMA_VERSION = 1

_RUN_ID_VARIABLES = ("MELTANO_RUN_ID", "DAGSTER_RUN_ID", "AIRFLOW_CTX_DAG_RUN_ID")
_METRICS_LOGGER = "singer_sdk.metrics"

_logger = logging.getLogger(PLUGIN_NAME)


@functools.cache
def run_id() -> str:
    """Return the orchestrator's name of this run, or a new one: the same in the whole process."""
    return next(filter(None, map(os.environ.get, _RUN_ID_VARIABLES)), "") or uuid.uuid4().hex


@dataclass
class RunReport:
    """What became of a run, written once it has ended, however it ends.

    Args:
        system_id: The receiving system.
        path: Where to write the document; None writes METRIC lines alone.
        collect: Returns the program's own part, called at the end: `counts` (a name and a
            number each), and any other members of the document.
        only_if_failed: Whether nothing is written if the program ends with 0.
        run_id: The run's name.
    """

    system_id: str
    path: str | None
    collect: Callable[[], Mapping[str, Any]]
    only_if_failed: bool = False
    run_id: str = field(default_factory=run_id)
    _started_at: float = field(default_factory=time.time, init=False)

    def finish(self, exit_code: int, reason: str = "") -> None:
        """Write the document and the METRIC lines.

        Args:
            exit_code: The program's exit code.
            reason: Why it is not 0, in the words that were logged.
        """
        ended = time.time()
        document = {
            "schema_version": SCHEMA_VERSION,
            "program": PLUGIN_NAME,
            "versions": program_versions(),
            "run_id": self.run_id,
            "system_id": self.system_id,
            "started_at": _format(self._started_at),
            "ended_at": _format(ended),
            "seconds": round(ended - self._started_at, 3),
            "exit_code": exit_code,
            "reason": clean(reason),
            **self.collect(),
        }
        self._log_metrics(document)
        if self.path:
            try:
                write_atomically(Path(self.path), json.dumps(document, indent=2) + "\n")
            except OSError as error:
                if not self.only_if_failed:  # otherwise the setting was named as wrong, too
                    _logger.error("Cannot write report_file %s (%s).", self.path, error.strerror)  # noqa: TRY400 - for the user

    def _log_metrics(self, document: Mapping[str, Any]) -> None:
        metrics = logging.getLogger(_METRICS_LOGGER)
        tags = {"run_id": self.run_id, "system_id": self.system_id, "program": PLUGIN_NAME}
        requests = document.get("requests", {})
        figures = {
            **document.get("counts", {}),
            "requests": requests.get("sent", 0),
            "retries": requests.get("retries", 0),
            "exit_code": document["exit_code"],
        }
        points = [("counter", name, value) for name, value in figures.items()]
        for kind, name, value in [*points, ("timer", "run_duration", document["seconds"])]:
            point = {"type": kind, "metric": name, "value": value, "tags": tags}
            metrics.info("METRIC: %s", json.dumps(point, separators=(",", ":")))


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old or the new content, never a part.

    Raises:
        OSError: It cannot be written.
    """
    path = Path(os.path.realpath(path))  # a symbolic link stays one
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # noqa: PTH101 - as an ordinary new file
        os.replace(temporary, path)  # noqa: PTH105 - both are strings or paths
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise


def program_versions() -> dict[str, str]:
    """Return the versions of Python, of this program and of the SDK."""
    found = {"python": platform.python_version()}
    for package in (PLUGIN_NAME, "singer-sdk"):
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _format(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
