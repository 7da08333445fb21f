"""`python3 run.py bench`: measure, save, draw, write."""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import (
    data,
    extraction,
    installed,
    marking,
    nothing_new,
    path,
    profile,
    relay,
    report,
    startup,
)
from benchmarks.results import Results
from demo.postgres import Postgres
from helpers.checkout import CHECKOUT, PYTHONPATH
from helpers.plugin_envs import Program
from helpers.run import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.measure import Series

DOCS = CHECKOUT / "docs"
GROUPS = (
    extraction.GROUP,
    startup.GROUP,
    installed.GROUP,
    profile.GROUP,
    relay.GROUP,
    marking.GROUP,
    path.GROUP,
    nothing_new.GROUP,
)

_DRAWING = Program("matplotlib", ("matplotlib==3.11.*", "msgspec", "requests"))
_PATH_INVOICES = 5_000
_RUNS = 5


def main() -> None:
    """Measure what was asked for; groups that were not keep their saved results."""
    options = _arguments()
    saved = options.docs / "performance.json"
    kept: list[Series] = []
    if set(options.groups) != set(GROUPS) and saved.exists():
        kept = [each for each in data.load(saved)[1] if each.group not in options.groups]
    series = list(kept)
    with tempfile.TemporaryDirectory(prefix="invoices-bench-") as folder, Postgres() as database:
        for group in options.groups:
            for each in measure(group, Path(folder), database, short=options.short):
                print(_line(each), flush=True)
                series.append(each)
                data.save(saved, series)
    write(options.docs)


def write(docs: Path) -> None:
    """Draw the picture and write the page from the saved results."""
    about, series = data.load(docs / "performance.json")
    results = Results(series)
    draw(docs / "performance.json", docs / "performance.svg")
    page = docs / "performance.md"
    page.write_text(report.filled(page.read_text(), about, results))


def draw(results: Path, picture: Path) -> None:
    """Draw the picture, where matplotlib is installed."""
    python = _DRAWING.path().with_name("python")
    subprocess.run(
        [str(python), "-m", "benchmarks.chart", str(results), str(picture)],
        env=environment(PYTHONPATH=PYTHONPATH),
        check=True,
    )


def measure(group: str, folder: Path, database: Postgres, *, short: bool) -> Iterator[Series]:
    """Measure one group."""
    runs = 1 if short else _RUNS
    place = folder / group.replace(" ", "-")
    groups: dict[str, Callable[[], Iterator[Series]]] = {
        extraction.GROUP: lambda: extraction.measure(
            extraction.SHORT if short else extraction.CASES, place
        ),
        startup.GROUP: lambda: startup.measure(runs, place),
        installed.GROUP: lambda: installed.measure(place),
        profile.GROUP: lambda: profile.measure(300 if short else extraction.MAIN, runs, place),
        relay.GROUP: lambda: relay.measure(relay.SHORT if short else relay.CASES, place, database),
        marking.GROUP: lambda: marking.measure(
            marking.SHORT if short else marking.CASES, runs, place
        ),
        path.GROUP: lambda: path.measure(
            100 if short else _PATH_INVOICES, min(runs, 3), place, database
        ),
        nothing_new.GROUP: lambda: nothing_new.measure(runs, place, database),
    }
    yield from groups[group]()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.py bench", description=__doc__)
    parser.add_argument("groups", nargs="*", default=GROUPS, help=f"some of: {', '.join(GROUPS)}")
    parser.add_argument("--short", action="store_true", help="see that it works, measure nothing")
    parser.add_argument("--docs", type=Path, default=DOCS, help="where results go (%(default)s)")
    options = parser.parse_args()
    if unknown := set(options.groups) - set(GROUPS):
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    return options


def _line(each: Series) -> str:
    case = ", ".join(f"{name} {value}" for name, value in each.case.items())
    seconds = [f"{of([run.wall for run in each.runs]):.2f}" for of in (min, max)]
    return (
        f"{each.group}: {each.contestant} ({case}): {each.median('wall'):.2f} s "
        f"({' to '.join(seconds)}), CPU {each.median('cpu'):.2f} s, "
        f"{each.median('memory') / (1 << 20):.0f} MiB"
    )


if __name__ == "__main__":
    main()
