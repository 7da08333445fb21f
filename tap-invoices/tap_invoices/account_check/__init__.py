"""`tap-invoices --check`: what an account's API really does, compared with what is relied on.

1. `exploration.py` decides which requests to send, and `probe.py` sends them: GET alone, each for
   few invoices.
2. `facts.py` holds the responses, and what follows from them about the server.
3. The modules `…_checks.py` hold the checks. Each is a function `check_<name>` that takes the facts
   and returns a `Finding`; its name and its place in the module are those in the report.
4. `checkup.py` runs all of that, and `check_report.py` writes the findings.
"""
