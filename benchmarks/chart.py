"""The picture, drawn from the saved results: `python -m benchmarks.chart RESULTS PICTURE`.

It is drawn in an environment of its own: with numpy beside it, the SDK would load that too
and the programs would start later than a user's do.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl  # type: ignore[import-not-found]
from matplotlib.figure import Figure  # type: ignore[import-not-found]

from benchmarks import data, extraction, marking, relay
from benchmarks.contestants import BARE, DLT, PLAIN, SERVER, TAP
from benchmarks.results import Results

Axes = Any  # matplotlib's own is not here where types are checked

_COLOURS = {TAP: "#0b7285", BARE: "#868e96", PLAIN: "#e8590c", DLT: "#9c36b5", SERVER: "#ced4da"}
_RELAY, _MARKING = "#2b8a3e", "#5f3dc4"
_IDEAL = "#ced4da"
_MIB = 1 << 20


def draw(path: Path, results: Results) -> None:
    """Draw the picture as SVG; the same results make the same file."""
    settings: Any = {"svg.hashsalt": "invoices", "svg.fonttype": "none", "font.size": 9}
    with mpl.rc_context(settings):
        figure = Figure(figsize=(9.6, 6.4), layout="constrained")
        ((bars, growth), (memory, marks)) = figure.subplots(2, 2)
        _draw_bars(bars, results)
        _draw_growth(growth, results)
        _draw_memory(memory, results)
        _draw_marks(marks, results)
        for axes in (bars, growth, memory, marks):
            axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _main() -> dict[str, Any]:
    return {"invoices": extraction.MAIN, "page_size": 250, "latency": 0.0}


def _draw_bars(axes: Axes, results: Results) -> None:
    found = [results.get(extraction.GROUP, name, **_main()) for name in _COLOURS]
    series = [each for each in found if each][::-1]
    seconds = [each.median("wall") for each in series]
    bars = axes.barh(
        [each.contestant for each in series],
        seconds,
        color=[_COLOURS[each.contestant] for each in series],
    )
    axes.bar_label(bars, [f" {each:.1f} s" for each in seconds])
    axes.margins(x=0.15)
    records = max((each.records for each in series), default=0)
    axes.set_title(f"{records:,} records: seconds in all")


def _draw_growth(axes: Axes, results: Results) -> None:
    for name in (TAP, BARE):
        found = {
            each.records: results.a_record(
                name, "cpu", **{**_main(), "invoices": each.case["invoices"]}
            )
            for each in results.of(extraction.GROUP, page_size=250, latency=0.0)
        }
        _plot(axes, _there(found), color=_COLOURS[name], label=f"{name}, CPU per record")
    relayed = {
        each.records: results.relay_a_record(each.case["invoices"])
        for each in results.of(relay.GROUP, loader=relay.COPYING)
    }
    _plot(axes, _there(relayed), color=_RELAY, label="relay, per record")
    marked = {
        each.case["invoices"]: results.marking_an_invoice(each.case["invoices"])
        for each in results.of(marking.GROUP, latency=0.0)
    }
    _plot(axes, _there(marked), color=_MARKING, label="marking, per invoice")
    if axes.lines:
        axes.set_yscale("log")
    axes.set_xlabel("records, or invoices")
    axes.set_title("Microseconds each, without start-up")


def _there(points: dict[int, float | None]) -> dict[int, float]:
    return {size: value for size, value in points.items() if value is not None and value > 0}


def _draw_memory(axes: Axes, results: Results) -> None:
    for name in (TAP, BARE):
        for size, style, how in ((250, "-", "pages"), (0, "--", "one response")):
            points = {
                each.records: each.median("memory") / _MIB
                for each in results.of(extraction.GROUP, page_size=size, latency=0.0)
                if each.contestant == name
            }
            label = f"{name}, {how}"
            _plot(axes, points, linestyle=style, color=_COLOURS[name], label=label)
            if points:
                axes.set_yscale("log")
    axes.set_xlabel("records")
    axes.set_title("Peak memory, MiB")


def _draw_marks(axes: Axes, results: Results) -> None:
    took, ideal = {}, {}
    for each in results.of(marking.GROUP):
        seconds = results.marking(each)
        if each.contestant == marking.MARKING and each.case["ideal"] and seconds is not None:
            label = f"{each.case['latency'] * 1000:.0f} ms"
            took[label] = seconds
            ideal[label] = each.case["ideal"]
    places = range(len(took))
    axes.bar(
        [each - 0.2 for each in places], list(ideal.values()), 0.4, color=_IDEAL, label="ideal"
    )
    axes.bar(
        [each + 0.2 for each in places],
        list(took.values()),
        0.4,
        color=_COLOURS[TAP],
        label="target-invoices-ack",
    )
    axes.set_xticks(list(places), list(took))
    axes.set_title("Marking: seconds, without start-up")
    axes.legend(frameon=False)


def _plot(axes: Axes, points: dict[int, float], **style: Any) -> None:
    if points:  # a group that was not measured leaves its axes empty
        records = sorted(points)
        axes.plot(records, [points[each] for each in records], marker="o", **style)
        axes.set_xscale("log")
        axes.legend(frameon=False)


if __name__ == "__main__":
    draw(Path(sys.argv[2]), Results(data.load(Path(sys.argv[1]))[1]))
