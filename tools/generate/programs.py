"""What the two programs say of themselves."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singer_sdk import Tap, Target

from helpers.checkout import CHECKOUT

if TYPE_CHECKING:
    from singer_sdk.plugin_base import PluginBase

_KINDS = {"number": "integer"}
"""Meltano cannot serialise what it parses of its own kind `decimal`, and crashes."""

_DATE_PATTERN = r"^\d{4}-"


@dataclass(frozen=True)
class Setting:
    """One setting, as `--about` tells it.

    Attributes:
        name: Its name.
        schema: Its JSON Schema.
        required: Whether there is no doing without it.
        own: Whether it is the program's own; if not, singer-sdk gives it to every program.
    """

    name: str
    schema: dict[str, Any]
    required: bool
    own: bool

    @property
    def secret(self) -> bool:
        """Whether it must never be shown."""
        return bool(self.schema.get("secret"))

    @property
    def default(self) -> Any:
        """Its default, or None."""
        return self.schema.get("default")

    @property
    def choices(self) -> list[str]:
        """The values that it can have, where they are few."""
        return [each for each in self.schema.get("enum", ()) if each is not None]

    @property
    def description(self) -> str:
        """What it is for."""
        return str(self.schema["description"])

    @property
    def title(self) -> str:
        """Its name for people."""
        return str(self.schema.get("title", self.name.replace("_", " ").capitalize()))

    @property
    def type(self) -> str:
        """Its type, in JSON Schema's words, or `date-time`."""
        if str(self.schema.get("pattern", "")).startswith(_DATE_PATTERN):
            return "date-time"
        return next(str(each) for each in self.schema["type"] if each != "null")

    @property
    def kind(self) -> str:
        """Its type, in Meltano's words."""
        if self.choices:
            return "options"
        return "date_iso8601" if self.type == "date-time" else _KINDS.get(self.type, self.type)


@dataclass(frozen=True)
class Program:
    """One of the two programs.

    Attributes:
        name: Its command.
        plugin: The singer-sdk class of its sort.
        plural: What Meltano calls its sort of plugin.
    """

    name: str
    plugin: type[PluginBase]
    plural: str

    @property
    def folder(self) -> Path:
        """Where its package is."""
        return CHECKOUT / self.name

    @cache  # noqa: B019 - there are two programs, and they say the same each time
    def about(self) -> dict[str, Any]:
        """Ask the installed command."""
        command = [str(Path(sys.executable).with_name(self.name)), "--about", "--format=json"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def settings(self) -> list[Setting]:
        """Return its settings, its own first."""
        told = self.about()["settings"]
        required = set(told["required"])
        given: dict[str, Any] = {"properties": {}}
        self.plugin.append_builtin_config(given)
        settings = [
            Setting(name, schema, name in required, name not in given["properties"])
            for name, schema in told["properties"].items()
        ]
        return sorted(settings, key=lambda setting: not setting.own)


TAP = Program("tap-invoices", Tap, "extractors")
TARGET = Program("target-invoices-ack", Target, "loaders")
PROGRAMS = (TAP, TARGET)
