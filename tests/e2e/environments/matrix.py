"""The environments, one row each: what differs from a plain shell on a developer's machine."""

from __future__ import annotations

import resource
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Environment:
    """One row.

    Args:
        name: What a test is called by.
        variables: Set for both programs.
        removed: Variables that are not there.
        python: Options of the interpreter.
        install: Which installation: a key of `INSTALLS`.
        between: What connects the tap's stdout to the target's stdin: `pipe`, `socket`,
            `non-blocking pipe` or `file`.
        output: What the target's stdout is: `pipe`, `file` or `terminal`.
        closed: Standard streams that are closed at start, as `program fd`.
        via: How the API is reached: `direct`, `https`, `http proxy`, `socks proxy`, `ipv6`.
        limits: Resource limits.
        folder: The name of the folder with the configuration, which is the working directory.
        read_only: Whether the working directory and HOME cannot be written.
        user: The user id of the programs.
    """

    name: str
    variables: Mapping[str, str] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    python: tuple[str, ...] = ()
    install: str = "newest"
    between: str = "pipe"
    output: str = "pipe"
    closed: tuple[str, ...] = ()
    via: str = "direct"
    limits: tuple[tuple[int, int], ...] = ()
    folder: str = "run"
    read_only: bool = False
    user: int | None = None


INSTALLS = {
    "newest": ("--resolution", "highest"),
    "oldest": ("--resolution", "lowest-direct"),
    "socks": ("--resolution", "highest"),  # with the extra `socks`
    "system": (),  # the machine's own Python, which every user can reach
    "Ünïcode and spaces": ("--resolution", "highest"),
}
"""How the wheels are installed; the name is that of the folder too."""

OTHER_PYTHONS = ("3.12", "3.13", "3.14")

NOBODY = 65534

MATRIX = (
    Environment("plain"),
    Environment("unbuffered", {"PYTHONUNBUFFERED": "1"}),
    Environment("no-bytecode", {"PYTHONDONTWRITEBYTECODE": "1"}),
    Environment(
        "container-image", {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}, ("HOME",)
    ),
    Environment("optimized", python=("-O",)),
    Environment("optimized-twice", python=("-OO",)),
    Environment("dev-mode", python=("-X", "dev")),
    Environment("warnings-are-errors", python=("-W", "error")),
    Environment("lang-c", {"LANG": "C", "LC_ALL": "C"}),
    Environment("posix-locale", {"LC_ALL": "POSIX"}, ("LANG",)),
    Environment(
        "ascii-encoding",
        {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
    ),
    Environment("no-home", removed=("HOME", "XDG_CACHE_HOME", "USER", "LOGNAME")),
    Environment("empty-environment", removed=("*",)),
    Environment(
        "other-user-read-only",
        {"HOME": "/nonexistent"},
        install="system",
        read_only=True,
        user=NOBODY,
    ),
    Environment("spaces-and-unicode", install="Ünïcode and spaces", folder="Færdig mappe ☃"),
    Environment("tap-stdin-closed", closed=("tap 0",)),
    Environment("tap-stderr-closed", closed=("tap 2",)),
    Environment("target-stderr-closed", closed=("target 2",)),
    Environment("stdin-is-a-file", between="file"),
    Environment("socket-between", between="socket"),
    Environment("non-blocking-pipe", between="non-blocking pipe"),
    Environment("unbuffered-non-blocking", {"PYTHONUNBUFFERED": "1"}, between="non-blocking pipe"),
    Environment("stdout-is-a-file", output="file"),
    Environment("stdout-is-a-terminal", output="terminal"),
    Environment("64-descriptors", limits=((resource.RLIMIT_NOFILE, 64),)),
    Environment("512-megabytes", limits=((resource.RLIMIT_AS, 512 * MEGABYTE),)),
    Environment("http-proxy", via="http proxy"),
    Environment("socks-proxy", via="socks proxy", install="socks"),
    Environment("private-certificate-authority", via="https"),
    Environment("ipv6", via="ipv6"),
    Environment("oldest-dependencies", install="oldest"),
    *(Environment(f"python-{version}", install=version) for version in OTHER_PYTHONS),
)
