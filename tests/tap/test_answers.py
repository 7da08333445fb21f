"""An answer's invoices: found and numbered, or told in one line why not."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tap_invoices import answers
from tap_invoices.errors import AnswerError, UnusableError


def test_invoices_are_found_with_their_ids_and_every_digit() -> None:
    found = answers.parse(b'{"total": 2, "invoices": [{"a": 1.10, "id": 7}, {"id": 8}]}')
    assert [each.id for each in found] == [7, 8]
    assert bytes(found[0].raw) == b'{"a": 1.10, "id": 7}'
    assert str(found[0].decoded()["a"]) == "1.10"
    assert isinstance(found[0].decoded()["a"], Decimal)


def test_a_pretty_printed_invoice_is_on_one_line_with_every_digit() -> None:
    body = b'{\r\n "invoices": [\n  {"id": 1,\n "n": 1.10e-7, "text": "\\n\xc3\xb8"\r}]}\n'
    (invoice,) = answers.parse(body)
    assert bytes(invoice.raw) == b'{"id":1,"n":1.10e-7,"text":"\\n\xc3\xb8"}'


@pytest.mark.parametrize(
    "bad", ["{}", '{"id": "7"}', '{"id": true}', '{"id": null}', '{"id": 7.0}', "7"]
)
def test_an_invoice_without_an_integer_id_is_told(bad: str) -> None:
    with pytest.raises(AnswerError, match="integer id"):
        answers.parse(f'{{"invoices": [{{"id": 1}}, {bad}]}}'.encode())


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('{"invoices": null}', "one whose `invoices` is NoneType"),
        ('{"invoices": {}}', "one whose `invoices` is dict"),
        ("{}", "one without it"),
        ("[]", "a list"),
    ],
)
def test_json_without_a_list_of_invoices_is_told(body: str, told: str) -> None:
    with pytest.raises(AnswerError, match=told):
        answers.parse(body.encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"invoices": [{"id": 1}',
        b'{"invoices": [{"id": 1, "text": "\xff"}]}',
        b'{"invoices": [{"id": 1, "text": "\xc3"}]}',
        '{"invoices": [{"id": 1, "text": "ø"}]}'.encode()[:-5],
    ],
)
def test_what_is_not_json_in_utf_8_may_be_asked_for_again(body: bytes) -> None:
    with pytest.raises(UnusableError, match="not JSON"):
        answers.parse(body)


def test_text_that_is_cut_where_its_encoding_is_checked_piece_by_piece_is_whole() -> None:
    text = "ø" * (1 << 20)  # at an odd offset, so that some piece ends within a letter
    (invoice,) = answers.parse(f'{{"invoices": [{{"id": 1, "text": "{text}"}}]}}'.encode())
    assert invoice.decoded()["text"] == text
