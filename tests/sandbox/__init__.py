"""The sandbox: a local export API that behaves like the real framework, and fails when told to.

Start it with `PYTHONPATH=tests python -m sandbox --port 8910` (`--help` has the options), or in a
test with `sandbox.client.Sandbox.start(invoices=30, drafts=2)`. Its dashboard is at `/`.

Controls, under `/_sandbox`; `client.Sandbox` has a method for each:

| request | result |
| --- | --- |
| `GET /state?system_id=` | counts: booked, drafts, lines, marked, pending, rejected; the time \
`now`, the `systems` that have marks, the `faults` in force, the `newest` marked and pending ids; \
with `heatmap=1` the cells of the dashboard |
| `GET /invoices?ids=1,2` | invoices as the service holds them, their lines as an array |
| `GET /marks?system_id=` | every mark that was ever set, in order |
| `GET /log?after=&last=` | the requests after a number, or the last ones: query, headers, body, \
status, count, faults |
| `POST /do` | one action, an object with the name of the action in `do` and its arguments |

| action | arguments |
| --- | --- |
| `add` | `count`, `booked` (true), `step` (1), `set`: fields of the new invoices |
| `book` | `ids`: drafts, by default all |
| `change` | `id`; `set`: fields (`"__absent__"` removes one); `raw`: JSON text that is sent as it \
is, for fields (`{"total": "1E999"}`) or in place of the invoice (`"{"`) |
| `mark`, `unmark` | `ids`, `system_id`, `at`: as another program would |
| `fail` | `rules`: faults of single requests, see `faults.py` |
| `heal` | none: removes all faults |
| `behave` | options that last, see `Behaviour` in `behaviour.py` |
| `reset` | none: removes faults and planned changes, and restores every option's default |
| `clock` | `offset`: seconds that the service's clock is ahead |
| `during_export` | `request`, `actions`: carried out right after the listing request of that \
number from now, such as `{"do": "book", "ids": [13]}` |
| `clear_log` | none |

Without options it answers as Laravel with the query package Bruno 7 does on MySQL: a mistake in
the query is a 500, and unknown parameters are ignored. `export.py` and `filters.py` have the
details. Of Bruno's operators `in`, `bt`, `ct`, `sw` and `ew` are a 500 here, and only `id`,
`created_at` and `updated_at` can be sorted by.
"""

from __future__ import annotations
