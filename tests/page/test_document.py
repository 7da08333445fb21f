"""What can be said of the page without opening it."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
import requests

from sandbox.page import FOLDER

if TYPE_CHECKING:
    from sandbox.client import Sandbox

Attributes = dict[str, str]
STYLE = (FOLDER / "style.css").read_text()
SCRIPTS = {path.name: path.read_text() for path in FOLDER.glob("*.js")}
DARK = "@media (prefers-color-scheme: dark)"

# foreground, background, and the ratio that WCAG 2.2 AA asks for: 4.5 for text, 3 for the
# edges of controls and for what a picture is read by
PAIRS = [
    *((text, ground, 4.5) for text in ("ink", "quiet") for ground in ("page", "panel")),
    *((text, "panel", 4.5) for text in ("pending", "out", "exported", "bad")),
    ("on-action", "action", 4.5),
    *((edge, "panel", 3.0) for edge in ("edge", "action", "pending", "out", "exported")),
    *((sign, "page", 3.0) for sign in ("focus", "edge", "exported", "bad")),
    ("focus", "panel", 3.0),
]


class Document(HTMLParser):
    """The elements of the page, in order, and the texts directly in each."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, Attributes]] = []
        self.texts: list[str] = []
        self._open: list[int] = []
        self.feed((FOLDER / "index.html").read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self.texts.append("")
        if tag not in {"meta", "link", "input"}:
            self._open.append(len(self.elements) - 1)

    def handle_endtag(self, tag: str) -> None:
        assert self.elements[self._open.pop()][0] == tag, f"{tag} closes something else"

    def handle_data(self, data: str) -> None:
        for each in self._open:
            self.texts[each] += data

    def all(self, *tags: str) -> list[tuple[Attributes, str]]:
        found = zip(self.elements, self.texts, strict=True)
        return [(attributes, text.strip()) for (tag, attributes), text in found if tag in tags]

    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]


@pytest.fixture(scope="module")
def document() -> Document:
    return Document()


def test_nothing_comes_from_elsewhere(document: Document) -> None:
    for tag, attributes in document.elements:
        for name in ("src", "href", "action", "srcset", "poster"):
            address = attributes.get(name, "#")
            assert address.startswith(("/_sandbox/page/", "#", "data:")), (tag, address)
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes)
    for text in (STYLE, *SCRIPTS.values()):
        assert not re.search(r"https?:|//[a-z]|@import|url\(", text)


def test_the_sandbox_serves_all_of_it_and_forbids_the_rest(
    sandbox: Sandbox, document: Document
) -> None:
    named = [each.get("src") or each.get("href", "") for each, _ in document.all("script", "link")]
    imported = [f"/_sandbox/page/{name}" for name in SCRIPTS]
    for path in {"/", *imported, *(each for each in named if not each.startswith("data:"))}:
        answer = requests.get(sandbox.url + path, timeout=30)
        assert answer.status_code == 200, path
        kind = {"css": "text/css", "js": "text/javascript"}.get(path.rpartition(".")[2])
        assert answer.headers["Content-Type"] == f"{kind or 'text/html'}; charset=utf-8"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_every_control_has_a_label_and_every_section_a_heading(document: Document) -> None:
    labels = {attributes.get("for"): text for attributes, text in document.all("label")}
    for attributes, _ in document.all("input", "select"):
        assert labels[attributes["id"]]
    for attributes, text in document.all("button", "a"):
        assert text, attributes
    ids = document.ids()
    for attributes, _ in document.all("section"):
        assert attributes["aria-labelledby"] in ids
    assert [text for _, text in document.all("h1")] == ["Loaded first. Marked after."]


def test_ids_are_unique_and_those_that_the_script_asks_for_are_there(document: Document) -> None:
    ids = document.ids()
    assert Counter(ids).most_common(1)[0][1] == 1
    asked = set(re.findall(r'\b(?:at|say|count|stage)\("([\w-]+)"', SCRIPTS["script.js"]))
    assert len(asked) > 10
    assert asked <= {*ids, "connection"}


def test_numbers_that_run_are_not_read_out(document: Document) -> None:
    live = {
        attributes.get("id")
        for _, attributes in document.elements
        if "aria-live" in attributes or attributes.get("role") in {"status", "alert", "log"}
    }
    assert live == {"connection", "outcome", "announcer"}


def test_it_says_its_language_and_fits_the_screen(document: Document) -> None:
    assert document.all("html")[0][0]["lang"] == "en"
    metas = {each.get("name"): each.get("content") for each, _ in document.all("meta")}
    assert metas["viewport"] == "width=device-width, initial-scale=1"
    assert metas["color-scheme"] == "light dark"


def test_nothing_asks_for_more_room_than_a_small_phone_has() -> None:
    rules = re.sub(r"@media [^{]+", "", STYLE)
    asked = re.findall(r"(?<!max-)(?:width: |minmax\()([\d.]+)(rem|px)", rules)
    assert len(asked) > 3
    assert max(float(length) * {"rem": 16, "px": 1}[unit] for length, unit in asked) <= 160
    assert "flex-wrap: wrap" in _block(STYLE, ".row {")
    assert "overflow-wrap: anywhere" in _block(STYLE, "#feed li {")


def test_whoever_wants_less_motion_gets_none() -> None:
    still = _block(STYLE, "@media (prefers-reduced-motion: reduce)")
    assert "animation: none !important" in still
    assert "transition: none !important" in still


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_enough_in_both_schemes(scheme: str) -> None:
    colours = _colours(_block(STYLE, ":root"))
    if scheme == "dark":
        dark = _colours(_block(STYLE, DARK))
        assert dark.keys() == colours.keys()
        colours = dark
    assert colours.keys() - {name for pair in PAIRS for name in pair[:2]} == {"line"}  # decoration
    for foreground, background, least in PAIRS:
        ratio = _contrast(colours[foreground], colours[background])
        assert ratio >= least, f"{foreground} on {background}: {ratio:.2f}"


def test_every_colour_is_one_of_those() -> None:
    rules = STYLE.replace(_block(STYLE, ":root"), "").replace(_block(STYLE, DARK), "")
    assert not re.search(r"#[0-9a-f]{3,8}\b(?=[^{]*;)|rgba?\(|hsl", rules)


def _block(style: str, opening: str) -> str:
    """Return what stands between the braces after this."""
    start = style.index("{", style.index(opening)) + 1
    depth = 1
    for at in range(start, len(style)):
        depth += {"{": 1, "}": -1}.get(style[at], 0)
        if not depth:
            return style[start:at]
    raise ValueError(opening)


def _colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))


def _contrast(one: str, other: str) -> float:
    """Return the contrast ratio as WCAG defines it."""
    darker, lighter = sorted(map(_luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
