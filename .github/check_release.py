"""Check that a tag, the built packages, the changelog and the repository agree.

python3 .github/check_release.py v1.2.3
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("tap_invoices", "target_invoices_ack")
_TAG = re.compile(r"v(\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?)")


def problems(tag: str, built: set[str], changelog: str) -> list[str]:
    """Return what does not fit.

    Args:
        tag: The pushed tag.
        built: The names of the files that would be published.
        changelog: The text of CHANGELOG.md.
    """
    match = _TAG.fullmatch(tag)
    if not match:
        return [f"{tag} is no release: a tag looks like v1.2.3 or v1.2.3rc1."]
    version = match[1]
    wanted = {f"{name}-{version}.tar.gz" for name in PACKAGES}
    wanted |= {f"{name}-{version}-py3-none-any.whl" for name in PACKAGES}
    found = [f"dist/ lacks {name}." for name in sorted(wanted - built)]
    found += [f"dist/ should not hold {name}." for name in sorted(built - wanted)]
    if f"## [{version}]" not in changelog:
        found.append(f"CHANGELOG.md has no section [{version}].")
    return found


def address_problems(address: str, publisher: str | None) -> list[str]:
    """Return what is wrong with the address that packages and documents name.

    Args:
        address: That of `pyproject.toml`.
        publisher: The repository that publishes; None outside of a workflow.
    """
    if publisher is None or address.lower() == publisher.lower():
        return []
    advice = "Correct `repository` in its table `tool.invoices`, and run `python -m generate`."
    return [f"pyproject.toml names the repository {address}, and it is {publisher}. {advice}"]


def main(tag: str) -> int:
    """Print what does not fit; 1 if anything does not."""
    built = {path.name for path in (ROOT / "dist").iterdir() if path.name[0] != "."}
    found = problems(tag, built, (ROOT / "CHANGELOG.md").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found += address_problems(project["tool"]["invoices"]["repository"], _publisher())
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


def _publisher() -> str | None:
    server, name = map(os.environ.get, ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY"))
    return f"{server}/{name}" if server and name else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
