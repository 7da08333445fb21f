"""From bytes to invoices: none is lost in silence, and an odd one leaves the others alone."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from .conftest import Shared

MAX_ID = 2**63 - 1

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
ids = st.integers(-MAX_ID, MAX_ID)
invoices = st.builds(
    lambda first, invoice_id, last: {**first, "id": invoice_id, **last},
    st.dictionaries(st.text(max_size=5).filter("id".__ne__), values, max_size=2),
    ids,
    st.dictionaries(st.text(max_size=5).filter("id".__ne__), values, max_size=2),
)
layouts: Any = st.fixed_dictionaries(
    {"indent": st.none() | st.integers(0, 2), "ensure_ascii": st.booleans()}
)


def as_json(value: Any, **layout: Any) -> bytes:
    return json.dumps(value, **layout).encode("utf-8", errors="surrogatepass")


def decoded(rows: list[Any]) -> list[Any]:
    """Return invoices in full, their numbers as `json` has them."""
    return [json.loads(bytes(row.raw)) for row in rows]


@given(
    listed=st.lists(invoices, max_size=4),
    as_object=st.booleans(),
    layout=layouts,
    before=st.dictionaries(st.text(max_size=8).filter("invoices".__ne__), values, max_size=2),
)
def test_every_invoice_is_found(
    shared: Shared, listed: list[Any], *, as_object: bool, layout: Any, before: Any
) -> None:
    """As a list, or as PHP writes a filtered one; among other members; on one line or many."""
    content: Any = {str(3 * at): each for at, each in enumerate(listed)} if as_object else listed
    body = as_json({**before, "invoices": content, "meta": {"invoices": [1]}}, **layout)
    rows = shared.response.parse_listing(body)
    assert [row.id for row in rows] == [invoice["id"] for invoice in listed]
    assert decoded(rows) == listed
    assert not any(end in bytes(row.raw) for row in rows for end in (b"\n", b"\r"))
    assert decoded(shared.response.parse_listing_start(body)) == listed


@settings(max_examples=30)
@given(listed=st.lists(invoices, max_size=3), layout=layouts)
def test_a_body_cut_off_anywhere_is_malformed(
    shared: Shared, listed: list[Any], layout: Any
) -> None:
    """It never is a shorter list, and what is complete in it is never changed."""
    body = as_json({"invoices": listed}, **layout)
    for length in range(len(body)):
        with pytest.raises(shared.errors.MalformedResponseError):
            shared.response.parse_listing(body[:length])
        complete = decoded(shared.response.parse_listing_start(body[:length]))
        assert complete == listed[: len(complete)]


def test_brackets_in_text_that_is_cut_off_end_nothing(shared: Shared) -> None:
    body = b'{"invoices": [{"id": 1, "name": "]}]}"}, {"id": 2, "name": "\\"}]}"}]}'
    for length in range(len(body)):
        with pytest.raises(shared.errors.MalformedResponseError):
            shared.response.parse_listing(body[:length])
        assert len(shared.response.parse_listing_start(body[:length])) <= 2


@pytest.mark.parametrize(
    "body",
    [b'{"message": "h\xf8jt"}', b'{"invoices": "\xff"}', b'[{"invoices": [1]}, "\xff"]', b"[NaN]"],
)
def test_a_body_without_a_list_is_never_an_empty_list(shared: Shared, body: bytes) -> None:
    """Not either where it is not valid UTF-8, or not valid JSON."""
    with pytest.raises(shared.errors.PluginError):
        shared.response.parse_listing(body)


@pytest.mark.parametrize("body", [b'{"total": 1, "data": [1, 2]}', b'{"invoices": "none"}', b"[1]"])
def test_any_other_body_that_is_cut_off_is_malformed_too(shared: Shared, body: bytes) -> None:
    for length in range(len(body)):
        with pytest.raises(shared.errors.MalformedResponseError):
            shared.response.parse_listing(body[:length])
    with pytest.raises(shared.errors.UnexpectedResponseError):
        shared.response.parse_listing(body)


@given(listed=st.lists(invoices, max_size=3), tail=st.binary(min_size=1, max_size=3))
def test_a_body_with_more_behind_it_is_malformed(
    shared: Shared, listed: list[Any], tail: bytes
) -> None:
    """Such as two responses, or a warning of PHP's behind the JSON."""
    body = as_json({"invoices": listed})
    if not tail.strip():
        assert decoded(shared.response.parse_listing(body + tail)) == listed
        return
    with pytest.raises(shared.errors.MalformedResponseError):
        shared.response.parse_listing(body + tail)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("[]", "a list came"),
        ("null", "null came"),
        ('"no"', "text came"),
        ("5", "a number came"),
        ("true", "true came"),
        ("{}", "an object without it came"),
        ('{"message": "x"}', "an object without it came"),
        ('{"invoices": null}', "an object whose `invoices` is null came"),
        ('{"invoices": "none"}', "an object whose `invoices` is text came"),
        ('{"invoices": 5}', "an object whose `invoices` is a number came"),
    ],
)
def test_another_shape_is_named(shared: Shared, body: str, found: str) -> None:
    """In the words of JSON, without a value of it; another attempt would not help."""
    with pytest.raises(shared.errors.UnexpectedResponseError) as raised:
        shared.response.parse_listing(body.encode())
    assert found in str(raised.value)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "its response is empty"),
        (b" \n", "its response is empty"),
        (b"<!DOCTYPE html><html>", "it sent an HTML page"),
        (b"\n<br />\n<b>Fatal error</b>: Allowed memory size", "it sent an HTML page"),
        (b'{"invoices": [', "not valid JSON, or cut off"),
    ],
)
def test_a_malformed_body_is_described(shared: Shared, body: bytes, reason: str) -> None:
    with pytest.raises(shared.errors.MalformedResponseError, match=reason) as raised:
        shared.response.parse_listing(body)
    assert raised.value.retry


ODD = {
    "not an object": (b"null", None),
    "a number": (b"17", None),
    "text": (b'"} ] {"', None),
    "a list": (b"[1]", None),
    "no id": (b'{"total": 1}', None),
    "an id of text": (b'{"id": "5"}', None),
    "a fraction as id": (b'{"id": 1.5}', None),
    "an id beyond 64 bits": (b'{"id": 9223372036854775808}', None),
    "an id far beyond 64 bits": (b'{"id": 1' + b"0" * 400 + b"}", None),
    "text that is not UTF-8": (b'{"id": 5, "name": "\xff"}', 5),
    "not UTF-8 before the id": (b'{"name": "\xe9", "id": 5}', None),
    "nested too deeply": (b'{"id": 5, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 5),
    "no JSON": (b'{"id": 5, "x": NaN}', 5),
    "no JSON at all": (b'{"id": 5, "x": ?}', 5),
}


@pytest.mark.parametrize("as_object", [False, True], ids=["list", "object"])
@pytest.mark.parametrize("name", ODD)
def test_an_odd_invoice_leaves_the_others_alone(
    shared: Shared, name: str, *, as_object: bool
) -> None:
    odd, odd_id = ODD[name]
    elements = [b'{"id":1,"note":"\xc3\xb8"}', odd, b'{ "id" : 2 }']
    if as_object:
        elements = [b'"%d":%s' % pair for pair in enumerate(elements)]
    body = b'{"invoices":%s%s%s}' % (
        (b"{", b",".join(elements), b"}") if as_object else (b"[", b",".join(elements), b"]")
    )
    first, second, third = shared.response.parse_listing(body)
    assert (first.id, third.id) == (1, 2)
    assert first.decode() == {"id": 1, "note": "ø"}
    if isinstance(second, shared.response.UndeliverableInvoice):
        assert second.id == odd_id
        assert second.reason
    else:  # what stays raw is checked when it is written
        with pytest.raises(ValueError, match=r"not valid JSON|nested too deeply"):
            second.decode()


@given(
    names=st.lists(st.sampled_from(sorted(ODD)), min_size=1, max_size=5), as_object=st.booleans()
)
def test_odd_invoices_are_counted_however_they_mix(
    shared: Shared, names: list[str], *, as_object: bool
) -> None:
    """One that is not valid UTF-8 has all of them looked at one by one."""
    elements = [ODD[name][0] for name in ["text that is not UTF-8", *names]]
    if as_object:
        elements = [b'"%d":%s' % pair for pair in enumerate(elements)]
    content = b",".join(elements)
    body = b'{"invoices":' + (b"{%s}" if as_object else b"[%s]") % content + b"}"
    assert len(shared.response.parse_listing(body)) == len(elements)


@given(text=st.text(alphabet=st.sampled_from('a\\u0"dD83fcC'), max_size=40))
def test_halves_of_surrogate_pairs_are_replaced(shared: Shared, text: str) -> None:
    """And nothing else: whatever is text in JSON means the same, but for them."""
    document = f'"{text}"'
    try:
        meant = json.loads(document)
    except ValueError:
        return
    replaced = shared.response.replace_lone_surrogates(document.encode())
    assert msgspec.json.decode(bytes(replaced)) == "".join(
        "\ufffd" if "\ud800" <= each <= "\udfff" else each for each in meant
    )


@pytest.mark.parametrize("text", [r"cut \ud83d", r"\ude00", r"\ud83d\ud83d\ude00", r"\\ud83d"])
def test_text_that_was_cut_short_is_delivered(shared: Shared, text: str) -> None:
    body = b'{"invoices": [{"id": 1, "name": "%s"}]}' % text.encode()
    [invoice] = shared.response.parse_listing(body)
    expected = json.loads(f'"{text}"').encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert invoice.decode()["name"] == expected


@pytest.mark.parametrize("depth", [250, 900])
def test_deep_nesting_is_delivered(shared: Shared, depth: int) -> None:
    nested = b"[" * depth + b"]" * depth
    [invoice] = shared.response.parse_listing(b'{"invoices": [{"id": 1, "x": %s}]}' % nested)
    assert as_json(invoice.decode()["x"]) == nested


@pytest.mark.parametrize(
    "number",
    [
        "0.1",
        "12.50",
        "1e-3",
        "1E5",
        "9223372036854775808",
        "-18446744073709551617",
        "1" + "0" * 40,
        "1" * 5000,
        "0." + "1" * 5000,
        "1e999",
    ],
    ids=lambda number: number[:12],
)
def test_numbers_keep_their_digits(shared: Shared, number: str) -> None:
    found = shared.response.decode_json(number.encode())
    assert Decimal(found) == Decimal(number)
    if number.isdigit() and len(number) < 30:
        assert found == int(number)
    [invoice] = shared.response.parse_listing(b'{"invoices":[{"id":1,"x":%s}]}' % number.encode())
    assert number.encode() in bytes(invoice.raw)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("NaN", "not valid JSON"),
        ("-Infinity", "not valid JSON"),
        ("1e9999999999999999999", "out of all bounds"),
        ("[" * 100_000, "nested too deeply"),
        ("{", "not valid JSON"),
        ("01", "not valid JSON"),
        ('"\n"', "not valid JSON"),
        ("", "not valid JSON"),
    ],
    ids=lambda text: text[:20],
)
def test_what_cannot_be_decoded_is_described(shared: Shared, text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        shared.response.decode_json(text.encode())


@given(value=values)
def test_json_is_decoded_as_json_does(shared: Shared, value: Any) -> None:
    text = json.dumps(value)
    expected = json.loads(text, parse_float=Decimal)
    assert shared.response.decode_json(text.encode()) == expected


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_an_invoice_is_on_one_line(shared: Shared, end: str) -> None:
    """What is written is copied from it, and a message is a line."""
    body = end.join(['{"invoices": [{', '"id": 1,', '"a":', '"x\\ny"}]', "}"]) + end
    [invoice] = shared.response.parse_listing(body.encode())
    assert not {*bytes(invoice.raw)} & {10, 13}
    assert invoice.decode() == {"id": 1, "a": "x\ny"}
