"""What all documents and packages say of the repository, from one place: `pyproject.toml`.

The table `tool.invoices` of the top `pyproject.toml` holds the address and the authors.
"""

from __future__ import annotations

import json
import re
import tomllib
from functools import cache
from typing import TYPE_CHECKING, Any

from helpers.checkout import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BRANCH = "main"
_PROOF = re.compile(r'^\[(\w+)\]: (tests/\S+) "(\w+)"$', re.MULTILINE)
_ITEM = re.compile(r"^- (.+?)$(?=\n(?:- |\n))", re.MULTILINE | re.DOTALL)
_SENTENCE_END = re.compile(r"(?<=\.) (?=[A-Z*\[])")
_LINK = re.compile(r"\[(.+?)\]\(.+?\)")
_LABEL = re.compile(r"\]\[([\w -]+)\]")
_LINKED = {
    "changelog": "CHANGELOG.md",
    "contributing": "CONTRIBUTING.md",
    "guarantee": "docs/guarantee.md",
    "how-to": "docs/how-to/README.md",
    "limits": "docs/limits.md",
    "loaders": "docs/loaders.md",
    "readme": "README.md",
    "reference": "docs/reference.md",
    "replay": "docs/how-to/replay.md",
    "read-back": "docs/how-to/read-back.md",
    "reconcile": "docs/how-to/reconcile.md",
    "security": "SECURITY.md",
}
"""Labels of links into the repository, for pages that are read elsewhere: PyPI, the site."""


@cache
def address() -> str:
    """Return the repository's address, without a slash at its end."""
    return str(_table()["repository"]).rstrip("/")


def page(path: str) -> str:
    """Return the address of a file as a reader sees it."""
    return f"{address()}/blob/{BRANCH}/{path}"


def metadata() -> str:
    """Write the authors and the URLs of a package, as lines of the table `project`."""
    authors = ", ".join(
        "{ " + ", ".join(f"{key} = {json.dumps(value)}" for key, value in author.items()) + " }"
        for author in _table()["authors"]
    )
    urls = {
        "Documentation": page("docs/index.md"),
        "Repository": address(),
        "Issues": f"{address()}/issues",
        "Changelog": page("CHANGELOG.md"),
    }
    lines = [f"authors = [{authors}]"]
    lines += [f"urls.{name} = {json.dumps(url)}" for name, url in urls.items()]
    return "\n".join(lines) + "\n"


def site() -> str:
    """Write the repository's address, as lines of `zensical.toml`."""
    _, _, name = address().partition("://")
    _, _, short = name.partition("/")
    return f"repo_url = {json.dumps(address())}\nrepo_name = {json.dumps(short)}\n"


def owners() -> str:
    """Write who reviews changes, as a line of `CODEOWNERS`: the owner's team `maintainers`."""
    _, _, path = address().partition("://")
    return f"* @{path.split('/')[1]}/maintainers\n"


def links(text: str) -> str:
    """Write the definitions of the labels that a page uses."""
    places = {label: page(path) for label, path in _LINKED.items()}
    places["new issue"] = f"{address()}/issues/new/choose"
    used = dict.fromkeys(_LABEL.findall(text))
    return "".join(f"[{label}]: {places[label]}\n" for label in used if label in places)


def proofs() -> str:
    """Write the README's promises and their tests, with links that work from the site too."""
    return "".join(f"- {promise} {', '.join(tests)}\n" for promise, tests in _promises())


def _promises() -> Iterator[tuple[str, list[str]]]:
    readme = (CHECKOUT / "README.md").read_text()
    places = {label: f"[`{test}`]({page(path)})" for label, path, test in _PROOF.findall(readme)}
    for item in _ITEM.findall(readme):
        for sentence in _SENTENCE_END.split(" ".join(item.split())):
            if labels := re.findall(r"\[test\]\[(\w+)\]", sentence):
                plain = re.sub(r" \(\[test\]\[\w+\]\)|\*\*", "", sentence)
                yield _LINK.sub(r"\1", plain), [places[label] for label in labels]


@cache
def _table() -> dict[str, Any]:
    path: Path = CHECKOUT / "pyproject.toml"
    table: dict[str, Any] = tomllib.loads(path.read_text())["tool"]["invoices"]
    return table
