"""A system without room for one more thread is named, and not called a bug."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Shared


def test_a_full_system_is_named(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    with pytest.raises(shared.errors.PluginError, match="the system's limit of threads"):
        shared.threads.start_thread(threading.Thread())
