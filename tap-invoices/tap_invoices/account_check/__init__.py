"""`tap-invoices --check`: what an account's API really does, compared with what is relied on.

`probe.py` sends requests, all of them GET and each for a few invoices. The modules `…_checks.py`
judge what came back, without sending anything. `sequence.py` decides what to ask next, and
`check_report.py` writes the result.
"""
