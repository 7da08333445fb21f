"""`python tools/check_language.py [FILES]`: spelling, grammar and the project's words, offline.

Harper (https://writewithharper.com) finds mistakes in documents and in the comments and docstrings
of both programs. Its rules that do not fit are named here with the reason. The phrases below are
those that the glossary of CONTRIBUTING.md replaces, and German constructions that Harper accepts.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tempfile
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).resolve().parents[1]
WORDS = Path(__file__).with_name("words.txt")
DOCUMENTS = ("*.md",)
PROGRAMS = ("tap-invoices/tap_invoices/*.py", "target-invoices-ack/target_invoices_ack/*.py")

IGNORED = (
    "AvoidAndAlso",  # "and also" can be meant
    "Dashes",  # options such as `--config`
    "DiscourseMarkers",  # a comma after every "so"
    "DisjointPrefixes",  # "pre-release"
    "EllipsisLength",  # id ranges, `1..250`
    "ExpandArgument",  # `Args:`
    "ExpandConfiguration",  # `--config`
    "ExpandControl",  # Ctrl-C is the name of the keys
    "ExpandMemoryShorthands",  # GiB
    "ExpandStandardInputAndOutput",  # stdin and stdout are the usual words
    "ExpandTimeShorthands",  # s
    "LongSentences",  # tables without full stops
    "MassNouns",  # a listing
    "MergeWords",  # headings of tables, "CPU s"
    "MissingTo",  # "the tap needs page_size", "were tried:"
    "OrthographicConsistency",  # CronJob, STATEs
    "OxfordComma",  # British English does without
    "SentenceCapitalization",  # cells of tables
    "SplitWords",  # names of programs
    "TheHowWhy",  # "the how-to pages"
    "UnclosedQuotes",  # code
    "UseTitleCase",  # headings are sentences
)
NOT_IN_CODE = (  # docstrings are terse, and full of identifiers
    "CompoundNouns",
    "ForAWhile",
    "MissingDeterminer",
    "MissingPreposition",
    "OkToOkay",
    "PhrasalVerbAsCompoundNoun",
    "SpellCheck",
    "ThatThan",
)

PHRASES = {
    r"ask(s|ed|ing)? again": "retry",
    r"hand(s|ed|ing)? out": "deliver",
    r"stand-in": "sandbox",
    r"under way": "in progress, in flight",
    r"mend(s|ed|ing)?": "fix",
    r"verdict": "status policy",
    r"happenings?|mosaic": "activity, heat map",
    r"(is|are|was|were) (told|heard)": "who says it? report, log, confirm",
    r"(?<!there )(is|are|was|were) no (?!longer|more|other|such|different|worse|better)[a-z]+": (
        "is not a …, has no …"
    ),
    r"what (is|was|has|had)( not)?( been)? \w+ed,? (is|was|has|had|comes|stays)": (
        "name the subject"
    ),
    r"(is|are) let (drain|go|run)": "is given time to drain",
}
_PHRASES = [
    (re.compile(rf"\b({phrase})\b", re.IGNORECASE), advice) for phrase, advice in PHRASES.items()
]
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`|<!--.*?-->|\]\([^)]*\)", re.MULTILINE | re.DOTALL)
_CAPITALS = re.compile(r"[A-Z]{2,}s?\b")  # as words, "a STATE"; Harper spells them, "an S-T-A…"


class Finding(NamedTuple):
    """A place in a file, and what is wrong with it."""

    path: Path
    line: int
    message: str


def check(paths: Iterable[Path]) -> list[Finding]:
    """Return what is wrong in the files, in order."""
    files = list(paths)
    return sorted({*_mistakes(files), *(each for path in files for each in _phrases(path))})


def _phrases(path: Path) -> Iterator[Finding]:
    text = path.read_text(encoding="utf-8")
    for start, prose in _prose_of_code(text) if path.suffix == ".py" else [(1, text)]:
        shown = _CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), prose)
        for pattern, advice in _PHRASES:
            for match in pattern.finditer(shown):
                line = start + shown.count("\n", 0, match.start())
                yield Finding(path, line, f"“{match[0]}”: {advice}")


def _prose_of_code(text: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.COMMENT, tokenize.STRING):
            yield token.start[0], token.string


def _mistakes(paths: list[Path]) -> Iterator[Finding]:
    """Ask Harper, which names files by their last part only: so each gets a name of its own."""
    with tempfile.TemporaryDirectory() as folder:
        copies = {f"{number}{path.suffix}": path for number, path in enumerate(paths)}
        for name, path in copies.items():
            (Path(folder) / name).write_bytes(path.read_bytes())
        command = [
            str(Path(sys.executable).with_name("harper")), "lint", "--format", "json", "--quiet",
            "--dialect", "gb", "--user-dict-path", str(WORDS), "--ignore", ",".join(IGNORED),
            *copies,
        ]  # fmt: skip
        done = subprocess.run(command, cwd=folder, check=False, capture_output=True)
    for file in json.loads(done.stdout):
        path = copies[file["file"]]
        lines = path.read_text(encoding="utf-8").splitlines()
        for lint in file["lints"]:
            if not _is_accepted(lint["rule"], path, lines[lint["line"] - 1][lint["column"] - 1 :]):
                yield Finding(path, lint["line"], f"“{lint['matched_text']}”: {lint['message']}")


def _is_accepted(rule: str, path: Path, text: str) -> bool:
    if rule == "AnA":
        return bool(_CAPITALS.match(text.partition(" ")[2]))
    return path.suffix == ".py" and rule in NOT_IN_CODE


def tracked(*patterns: str) -> list[Path]:
    """Return the files of the repository that git knows by these patterns."""
    command = ["git", "ls-files", *patterns]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return [ROOT / name for name in listed.stdout.split()]


def main(names: list[str]) -> int:
    """Print what is wrong; 1 if anything is."""
    findings = check(map(Path, names) if names else tracked(*DOCUMENTS, *PROGRAMS))
    for path, line, message in findings:
        print(f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}:{line}: {message}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
