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
    yield "### Goals\n"
    rows = [
        (
            what,
            f"at most {limit:g}{unit}",
            f"{measured:.2f}{unit}",
            "yes" if measured <= limit else "**no**",
        )
        for what, limit, measured, unit in _measured_goals(results)
    ]
    yield from _table(("what", "goal", "measured", "met?"), rows)


def _measured_goals(results: Results) -> Iterator[tuple[str, float, float, str]]:
    """Yield each goal that was measured: what, the limit, the figure and its unit."""
    main = {"invoices": extraction.MAIN, "page_size": 250, "latency": 0.0}
    tap, bare, plain = (results.get(extraction.GROUP, name, **main) for name in (TAP, BARE, PLAIN))
    cpu = [results.a_record(name, "cpu", **main) for name in (TAP, BARE)]
    large = {"invoices": 300_000, "page_size": 0}
    unpaged, sent = (results.get(extraction.GROUP, name, **large) for name in (TAP, SERVER))
    in_one = unpaged.median("memory") / sent.case["response"] if unpaged and sent else None
    meltano = results.get(nothing_new.GROUP, nothing_new.MELTANO)
    goals: list[tuple[str, float, float | None, str]] = [
        ("tap, of the time of the bare loop", 1.25, ratio(tap, bare), ""),
        (
            "tap, of the bare loop's CPU per record",
            1,
            cpu[0] / cpu[1] if cpu[0] and cpu[1] else None,
            "",
        ),
        ("tap, of the time of the plain SDK tap", 0.1, ratio(tap, plain), ""),
        ("memory for 300,000 invoices in one response, of its size", 3, in_one, ""),
        *(
            (
                f"marking, {each.case['latency'] * 1000:.0f} ms per request, of the ideal time",
                1.1,
                _marking_ratio(results, each),
                "",
            )
            for each in results.of(marking.GROUP)
            if each.contestant == marking.MARKING and each.case["ideal"]
        ),
        *(
            (
                f"relay without marks, {each.case['loader']}, of the time of the loader alone",
                1.05,
                _relay_ratio(results, each),
                "",
            )
            for each in results.of(relay.GROUP)
            if each.contestant == relay.RELAYED
            and each.case["loader"] not in {relay.COPYING, relay.TO_THE_END}
        ),
        ("relay's memory per unconfirmed invoice", 100, results.bytes_unconfirmed(), " bytes"),
        (
            "`meltano run` with nothing new",
            2.4,
            meltano.median("cpu") if meltano else None,
            " CPU s",
        ),
    ]
    for what, limit, measured, unit in goals:
        if measured is not None:
            yield what, limit, measured, unit


def _extraction(results: Results) -> Iterator[str]:
    cases: dict[tuple[Any, ...], dict[str, Any]] = {}
    for each in results.of(extraction.GROUP):
        cases[tuple(each.case.values())] = each.case
    yield "### From the API to records\n"
    rows = []
    for case in cases.values():
        bare = results.get(extraction.GROUP, BARE, **case)
        paged = f"pages of {case['page_size']}" if case["page_size"] else "one response"
        what = f"{case['invoices']:,} invoices, {paged}"
        what += f", {case['latency'] * 1000:.0f} ms" if case["latency"] else ""
        for each in results.of(extraction.GROUP, **case):
            rate = each.records / each.median("wall")
            rows.append(
                (what, each.contestant, *_figures(each), f"{rate:,.0f}", _times(ratio(each, bare))),
            )
    heads = ("what", "who", "s", "CPU s", "MiB", "records/s", "times the bare loop")
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
    yield "### Growth: microseconds per record, without start-up\n"
    names = (contestants.TAP, contestants.BARE)
    heads = [f"{name}, {what}" for name in names for what in ("clock", "CPU")]
    yield from _table(("invoices", *heads, "relay", "marking, per invoice"), rows)


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
    yield from _table(("what", "KiB", "MiB with its dependencies", "packages installed"), rows)


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
    yield from _table(("what", "who", "s", "CPU s", "MiB", "times the loader alone"), rows)


def _relay_ratio(results: Results, each: Series) -> float | None:
    return ratio(each, results.get(relay.GROUP, relay.ALONE, **each.case))


def _marking(results: Results) -> Iterator[str]:
    yield "### Marking, without start-up\n"
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
    yield from _table(("what", "s", "ideal s", "times the ideal", "bare sockets s", "MiB"), rows)


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
