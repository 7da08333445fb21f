"""The shared code as each program has it: its tests are written once and run for both."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import SimpleNamespace

import pytest


class Shared(SimpleNamespace):
    """The modules of `_shared` in one program: `shared.times` is its module `times`."""

    def __repr__(self) -> str:
        return f"<_shared of {self.PLUGIN_NAME}>"


@pytest.fixture(scope="module", params=["tap_invoices", "target_invoices_ack"])
def shared(request: pytest.FixtureRequest) -> Shared:
    package = import_module(f"{request.param}._shared")
    names = [module.name for module in iter_modules(package.__path__)]
    modules = {name: import_module(f"{package.__name__}.{name}") for name in names}
    return Shared(PLUGIN_NAME=package.PLUGIN_NAME, **modules)
