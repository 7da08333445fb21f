"""The page about performance: its tables are made from the saved results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks import (
    contestants,
    extraction,
    installed,
    marking,
    nothing_new,
    path,
    profile,
    relay,
    startup,
)
from benchmarks.contestants import BARE, PLAIN, SERVER, TAP
from benchmarks.results import Results, ratio

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from benchmarks.measure import Series

BEGIN = "<!-- begin: made by `python3 run.py bench` -->"
END = "<!-- end -->"

_HOUR = 3600  # seconds
_KIB = 1 << 10
_MIB = 1 << 20


def filled(page: str, about: dict[str, Any], results: Results) -> str:
    """Put the tables between the markers of the page.

    Raises:
        ValueError: The page has no markers.
    """
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError("the page lacks its markers")
    tables = "\n".join(_page(about, results))
    return f"{before}{BEGIN}\n\n{tables}\n{END}{after}"


def _page(about: dict[str, Any], results: Results) -> Iterator[str]:
    versions = ", ".join(f"{k} {v}" for k, v in about.items() if k not in {"measured", "system"})
    yield f"Measured {about['measured']} on {about['system']}: {versions}."
    yield "Medians, and in brackets the least and the most.\n"
    yield from _goals(results)
    yield from _extraction(results)
    yield from _growth(results)
    yield from _series("Start-up", results.of(startup.GROUP))
    yield from _installed(results)
    yield from _profile(results)
    yield from _relay(results)
    yield from _marking(results)
    yield from _series("The whole path into PostgreSQL", results.of(path.GROUP))
    yield from _nothing_new(results)


def _goals(results: Results) -> Iterator[str]:
    main = {"invoices": extraction.MAIN, "page_size": 250, "latency": 0.0}
    tap, bare, plain = (results.get(extraction.GROUP, name, **main) for name in (TAP, BARE, PLAIN))
    cpu = [results.a_record(name, "cpu", **main) for name in (TAP, BARE)]
    unpaged = results.get(extraction.GROUP, TAP, invoices=300_000, page_size=0)
    answer = results.get(extraction.GROUP, SERVER, invoices=300_000, page_size=0)
    rows = [
        ("tap, against the bare loop", "at most 1.25 times", _times(ratio(tap, bare))),
        (
            "CPU a record, against the bare loop",
            "less",
            _times(cpu[0] / cpu[1] if cpu[0] and cpu[1] else None),
        ),
        ("plain SDK tap, against the tap", "at least 10 times", _times(ratio(plain, tap))),
    ]
    if unpaged and answer:
        size = answer.case["answer"]
        rows.append(
            (
                "memory for one answer of 300,000 invoices",
                "at most 3 times the answer",
                f"{unpaged.median('memory') / size:.2f} times of {size / _MIB:,.0f} MiB",
            ),
        )
    rows += [
        (
            f"marking, {each.case['latency'] * 1000:.0f} ms a request",
            "at most 1.1 times the ideal",
            _times(_marking_ratio(results, each)),
        )
        for each in results.of(marking.GROUP)
        if each.contestant == marking.MARKING and each.case["ideal"]
    ]
    rows += [
        (
            f"relay, {each.case['loader']}, {each.case['invoices']:,} invoices",
            "at most 1.05 times the loader",
            _times(_relay_ratio(results, each)),
        )
        for each in results.of(relay.GROUP)
        if each.contestant == relay.RELAYED
        and each.case["loader"] not in {relay.COPYING, relay.TO_THE_END}
    ]
    if (unconfirmed := results.bytes_unconfirmed()) is not None:
        rows.append(
            (
                "relay's memory, each invoice that is not confirmed yet",
                "a few dozen bytes",
                f"{unconfirmed:.0f} bytes",
            ),
        )
    if meltano := results.get(nothing_new.GROUP, nothing_new.MELTANO):
        seconds = f"{meltano.median('cpu'):.2f} CPU s"
        rows.append(("meltano run with nothing new", "at most 2.4 CPU s", seconds))
    yield "### Goals\n"
    yield from _table(("what", "goal", "measured"), rows)


def _extraction(results: Results) -> Iterator[str]:
    cases: dict[tuple[Any, ...], dict[str, Any]] = {}
    for each in results.of(extraction.GROUP):
        cases[tuple(each.case.values())] = each.case
    yield "### From the API to records\n"
    rows = []
    for case in cases.values():
        bare = results.get(extraction.GROUP, BARE, **case)
        paged = f"pages of {case['page_size']}" if case["page_size"] else "one answer"
        what = f"{case['invoices']:,} invoices, {paged}"
        what += f", {case['latency'] * 1000:.0f} ms" if case["latency"] else ""
        for each in results.of(extraction.GROUP, **case):
            rate = each.records / each.median("wall")
            rows.append(
                (what, each.contestant, *_figures(each), f"{rate:,.0f}", _times(ratio(each, bare))),
            )
    heads = ("what", "who", "s", "CPU s", "MiB", "records/s", "of the bare loop")
    yield from _table(heads, rows)


def _growth(results: Results) -> Iterator[str]:
    groups = (extraction.GROUP, relay.GROUP, marking.GROUP)
    sizes = sorted({each.case["invoices"] for group in groups for each in results.of(group)})
    rows = []
    for size in sizes:
        case = {"invoices": size, "page_size": 250, "latency": 0.0}
        found = [
            *(
                results.a_record(name, figure, **case)
                for name in (TAP, BARE)
                for figure in ("wall", "cpu")
            ),
            results.relay_a_record(size),
            results.marking_an_invoice(size),
        ]
        if any(each is not None for each in found):
            rows.append((f"{size:,}", *("" if each is None else f"{each:.2f}" for each in found)))
    yield "### Growth: microseconds a record, start-up not counted\n"
    names = (contestants.TAP, contestants.BARE)
    heads = [f"{name}, {what}" for name in names for what in ("clock", "CPU")]
    yield from _table(("invoices", *heads, "relay", "marking, an invoice"), rows)


def _installed(results: Results) -> Iterator[str]:
    yield "### On disk\n"
    rows = [
        (
            each.contestant,
            f"{each.case['own'] / _KIB:,.0f}",
            f"{each.case['whole'] / _MIB:,.0f}",
            str(each.case["packages"]),
        )
        for each in results.of(installed.GROUP)
    ]
    yield from _table(("what", "KiB", "MiB with all it needs", "packages with it"), rows)


def _profile(results: Results) -> Iterator[str]:
    parts = list(results.of(profile.GROUP))
    whole = max((each.median("cpu") for each in parts), default=1.0)
    yield "### Where the tap's CPU goes, in pages\n"
    rows = [
        (each.contestant, f"{each.median('cpu'):.3f}", f"{each.median('cpu') / whole:.0%}")
        for each in parts
    ]
    yield from _table(("part", "CPU s", "of all"), rows)


def _relay(results: Results) -> Iterator[str]:
    yield "### A loader alone, and behind the target\n"
    rows = [
        (
            f"{each.case['loader']}, {each.case['invoices']:,} invoices",
            each.contestant,
            *_figures(each),
            _times(_relay_ratio(results, each)) if each.contestant != relay.ALONE else "",
        )
        for each in results.of(relay.GROUP)
    ]
    yield from _table(("what", "who", "s", "CPU s", "MiB", "of the loader alone"), rows)


def _relay_ratio(results: Results, each: Series) -> float | None:
    return ratio(each, results.get(relay.GROUP, relay.ALONE, **each.case))


def _marking(results: Results) -> Iterator[str]:
    yield "### Marking, start-up not counted\n"
    rows = []
    for each in results.of(marking.GROUP):
        if each.contestant == marking.MARKING:
            what = f"{each.case['invoices']:,} invoices, {each.case['latency'] * 1000:.0f} ms"
            bare = results.get(marking.GROUP, marking.SERVER, **each.case)
            rows.append(
                (
                    what,
                    _times(results.marking(each)),
                    _times(each.case["ideal"] or None),
                    _times(_marking_ratio(results, each)),
                    _times(bare.median("wall") if bare else None),
                    f"{each.median('memory') / _MIB:.0f}",
                ),
            )
    yield from _table(("what", "s", "ideal s", "of the ideal", "bare sockets s", "MiB"), rows)


def _marking_ratio(results: Results, each: Series) -> float | None:
    took = results.marking(each)
    return took / each.case["ideal"] if took is not None and each.case["ideal"] else None


def _series(title: str, series: Iterable[Series]) -> Iterator[str]:
    yield f"### {title}\n"
    rows = [(f"{each.contestant}{_case(each)}", *_figures(each)) for each in series]
    yield from _table(("what", "s", "CPU s", "MiB"), rows)


def _nothing_new(results: Results) -> Iterator[str]:
    yield "### A scheduled run with nothing new\n"
    rows = [
        (each.contestant, *_figures(each), f"{_HOUR / each.median('cpu'):,.0f}")
        for each in results.of(nothing_new.GROUP)
    ]
    yield from _table(("what", "s", "CPU s", "MiB", "in an hour of one core"), rows)


def _case(each: Series) -> str:
    return f", {each.case['invoices']:,} invoices" if "invoices" in each.case else ""


def _figures(each: Series) -> tuple[str, str, str]:
    walls = [run.wall for run in each.runs]
    wall = f"{each.median('wall'):.2f} ({min(walls):.2f} to {max(walls):.2f})"
    return wall, f"{each.median('cpu'):.2f}", f"{each.median('memory') / _MIB:,.0f}"


def _times(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(heads) + " |"
    yield "| --- | " + " | ".join("---:" for _ in heads[1:]) + " |"
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    yield ""
