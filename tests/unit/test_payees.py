"""Details of payees: what an operator's file may say, its one spelling, and what a batch keeps of it."""

import io
from hashlib import sha256
from itertools import permutations

import pytest

from projections.payments.errors import BadFileError, Fault
from projections.payments.iban import check_bic, check_digits, check_iban, is_routing_number
from projections.payments.payee import Payee, payee_of
from projections.payments.payees import FAULTS_MAX, Payees, compare_details, payees_for, read_payees
from tests.payments import iban, payee

SALT = bytes(range(16))

# Examples of the registry of IBANs and of the standard.
IBANS = [
    "GB29NWBK60161331926819",
    "DE89370400440532013000",
    "FR1420041010050500013M02606",
    "NO9386011117947",
    "MT84MALT011000012345MTLCAST001S",
    "CH9300762011623852957",
    "NL91ABNA0417164300",
]


def read(text: str | bytes, currency: str = "GBP", **options: set[str]) -> Payees:
    """What a file has."""
    raw = text if isinstance(text, bytes) else text.encode()
    return payees_for(read_payees(io.BytesIO(raw)), currency=currency, members=options.get("members"))


def faults(text: str | bytes) -> list[tuple[int, str]]:
    """Lines that cannot be used, and why."""
    return [(fault.line, fault.message) for fault in read(text).faults]


@pytest.mark.parametrize("text", IBANS)
def test_ibans_that_are_right(text: str) -> None:
    """Examples of the registry pass, as they are, in small letters, and in groups of four as they are printed."""
    printed = " ".join(text[at : at + 4] for at in range(0, len(text), 4))
    assert check_iban(text) == check_iban(text.lower()) == check_iban(printed) == text


def test_no_single_mistake_in_an_iban_passes() -> None:
    """Another digit, a letter for a digit, two neighbours swapped, one left out, one doubled: all are found."""
    good = IBANS[0]
    spoilt = {good[:at] + other + good[at + 1 :] for at in range(len(good)) for other in "0123456789AZ"}
    spoilt |= {good[:at] + good[at + 1] + good[at] + good[at + 2 :] for at in range(len(good) - 1)}
    spoilt |= {good[:at] + good[at + 1 :] for at in range(len(good))}
    spoilt |= {good[:at] + good[at] + good[at:] for at in range(len(good))}
    for text in spoilt - {good}:
        with pytest.raises(ValueError, match="IBAN"):
            check_iban(text)


def test_a_country_that_the_registry_does_not_have() -> None:
    """Any length, but the check digits must fit."""
    account = "0006000001100010"
    text = f"ZZ{check_digits('ZZ', account)}{account}"
    assert check_iban(text) == text
    with pytest.raises(ValueError, match="check digits"):
        check_iban(text[:-1] + "1")


def test_bics_and_routing_numbers() -> None:
    """BICs have 8 or 11 characters; a routing number's sum shows a wrong digit and two swapped ones."""
    assert check_bic("deutdeff") == "DEUTDEFF"
    assert check_bic("DEUTDEFF500") == "DEUTDEFF500"
    for text in ("DEUTDEF", "DEUTDEFF50", "D3UT1EFF", "DEUTDEFF5000", ""):
        with pytest.raises(ValueError, match="BIC"):
            check_bic(text)
    assert is_routing_number("021000021")
    assert not is_routing_number("021000012")
    assert not is_routing_number("021000022")


def test_a_file_in_both_forms() -> None:
    """CSV with its columns in any order and JSON Lines say the same; blank lines, a BOM and CR LF do no harm."""
    csv = f'\ufeffname,iban,member,bic\r\n"Ann, A.",{iban(1)},ann,\r\n\r\nBen,{iban(2)},ben,WESTGB22\r\n'
    json = (
        f'{{"member":"ann","name":"Ann, A.","iban":"{iban(1)}","bic":null}}\n\n'
        f'{{"member":"ben","name":"Ben","iban":"{iban(2)}","bic":"WESTGB22"}}\n'
    )
    assert read(csv) == read(json)
    assert read(csv).by_member == {
        "ann": payee_of({"member": "ann", "name": "Ann, A.", "iban": iban(1)}),
        "ben": payee_of({"member": "ben", "name": "Ben", "iban": iban(2), "bic": "WESTGB22"}),
    }
    assert read("") == read("\n\n") == Payees()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"member": "a b"}, "member must be 1 to 128 bytes"),
        ({"name": "x" * 141}, "a name has 1 to 140 characters"),
        ({"name": "a\tb"}, "no control characters"),
        ({"name": "a\u2028b"}, "no control characters"),
        ({"name": "=1+1"}, "does not begin with ="),
        ({"iban": "GB00WEST00000000000001"}, "check digits"),
        ({"iban": ""}, "give an iban, or an account"),
        ({"account": "12345678"}, "not both"),
        ({"country": "DE"}, "the country is DE, the IBAN is of GB"),
        ({"country": "Germany"}, "two capital letters"),
        ({"bic": "XX"}, "a BIC has 8 or 11"),
        ({"currency": "QQQ"}, "currency must be the ISO 4217 code"),
        ({"iban": "", "account": "1", "routing": "021000021"}, "with a routing give the country"),
        ({"iban": "", "account": "1", "routing": "0210000210", "country": "US"}, "no bank code of US"),
        ({"iban": "", "account": "1", "routing": "021000022", "country": "US"}, "no bank code of US"),
        ({"iban": "", "account": "1", "routing": "ABC", "country": "FR"}, "with a routing give the country"),
        ({"iban": "", "account": "+44 20"}, "at most 254 printable characters"),
        ({"iban": "", "account": "é"}, "at most 254 printable characters"),
    ],
)
def test_details_that_cannot_be(fields: dict[str, str], message: str) -> None:
    """Each mistake is named, at its line; the lines around it are read."""
    wrong = {"member": "ben", "name": "Ben", "iban": iban(1), **fields}
    names = ["member", "name", "iban", "account", "routing", "bic", "country", "currency"]
    row = ",".join(f'"{wrong.get(name, "")}"' for name in names)
    text = f"{','.join(names)}\nann,Ann,{iban(2)},,,,,\n{row}\ncat,Cat,{iban(3)},,,,,\n"
    found = read(text)
    assert [fault.line for fault in found.faults] == [3]
    assert message in found.faults[0].message
    assert [*found.by_member] == ["ann", "cat"]


def test_lines_that_cannot_be_read() -> None:
    """Bytes that are no UTF-8, an open quote, too few or too many fields, a line without an end to it."""
    head = b"member,name,iban\n"
    good = f"ann,Ann,{iban(1)}\n".encode()
    bad = [b"ann,\xff,x\n", b'ann,"Ann,x\n', b'ann,"An"n,x\n', b"ann,Ann\n", b"a,b,c,d\n", b"x" * 300_000 + b"\n"]
    found = read(head + b"".join(bad) + good)
    assert [fault.line for fault in found.faults] == [2, 3, 4, 5, 6, 7]
    assert [*found.by_member] == ["ann"]
    says = [fault.message for fault in found.faults]
    assert says[0] == "byte 5 is not UTF-8"
    assert says[1] == "a quote is not closed on its line"
    assert says[3] == "has 2 fields, the header 3"
    assert says[5] == "is longer than 262144 bytes"


def test_objects_that_cannot_be_read() -> None:
    """No JSON, a key twice, an unknown key, a number where a text belongs, no object, a key that is missing."""
    lines = [
        '{"member":"ann"',
        '{"member":"ann","member":"ben"}',
        '{"member":"ann","email":"a@example.com"}',
        '{"member":"ann","name":"Ann","account":12345678}',
        '["ann"]',
        '{"name":"Ann"}',
    ]
    found = faults("\n".join(lines))
    assert [line for line, _ in found] == [1, 2, 3, 4, 5, 6]
    assert found[1][1] == "'member' is there twice"
    assert found[2][1].startswith("there is no field 'email'; known are member, name, iban")
    assert found[3][1] == "account must be a text"
    assert found[5][1] == "member is missing"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("member,name,email\n", "there is no field 'email'"),
        ("member,name,name\n", "the column 'name' is there twice"),
        ('member,"name\n', "line 1: a quote is not closed"),
    ],
)
def test_headers_that_cannot_be(text: str, message: str) -> None:
    """Nothing of such a file can be trusted."""
    with pytest.raises(BadFileError, match=message):
        read(text)


def test_one_entry_a_member_and_currency() -> None:
    """A second entry is refused at its line; one for the batch's currency goes before one for any."""
    rows = [f"ann,Any,{iban(1)},", f"ann,Pounds,{iban(2)},GBP", f"ann,Euros,{iban(3)},EUR"]
    for order in permutations(rows):
        text = "\n".join(["member,name,iban,currency", *order])
        assert read(text).by_member["ann"].name == "Pounds"
        assert read(text, "EUR").by_member["ann"].name == "Euros"
        assert read(text, "USD").by_member["ann"].name == "Any"
    text = "\n".join(["member,name,iban,currency", *rows, f"ann,Again,{iban(4)},GBP"])
    found = read(text)
    assert found.faults == [Fault(5, "ann is there already, on line 3")]
    assert found.by_member["ann"].name == "Pounds"


def test_only_those_who_are_asked_for_are_kept() -> None:
    """Of a large file a batch's members stay in memory, and a thousand of its faults; all are counted."""
    lines = (f"m{number},Name,{iban(number) if number % 2 else 'XX'}" for number in range(3_000))
    found = read("\n".join(["member,name,iban", *lines]), members={"m7", "m9", "m11", "nobody"})
    assert sorted(found.by_member) == ["m11", "m7", "m9"]
    assert found.fault_count == 1_500
    assert len(found.faults) == FAULTS_MAX


def test_one_spelling_of_the_same_details() -> None:
    """However they were written, the hash is the same; whatever changes, it is another."""
    plain = payee("ann", name="Ann É", iban=iban(1))
    text = f'{{"country":"GB","iban":"{iban(1)}","member":"ann","name":"Ann É"}}'
    assert plain.canonical() == text.encode()
    spaced = " ".join(iban(1)[at : at + 4] for at in range(0, 22, 4)).lower()
    same = payee("ann", name=" Ann E\u0301 ", iban=spaced, country="GB")
    assert same.salted_hash(SALT) == plain.salted_hash(SALT)
    others = [
        payee("bob", name="Ann É", iban=iban(1)),
        payee("ann", name="Ann E", iban=iban(1)),
        payee("ann", name="Ann É", iban=iban(2)),
        payee("ann", name="Ann É", iban=iban(1), bic="WESTGB22"),
        payee("ann", name="Ann É", iban=iban(1), currency="GBP"),
        payee("ann", name="Ann É", account=iban(1)),
        payee("ann", name="Ann É", account="12345678", routing="12-34-56", country="GB"),
    ]
    hashes = {plain.salted_hash(SALT), *(other.salted_hash(SALT) for other in others), plain.salted_hash(SALT[::-1])}
    assert len(hashes) == 9


def test_the_hash_is_the_one_of_rfc_2104() -> None:
    """HMAC-SHA256, written out: the salt is the key."""
    details = payee("ann", iban=iban(1))
    key = SALT.ljust(64, b"\x00")
    inner = sha256(bytes(byte ^ 0x36 for byte in key) + details.canonical()).digest()
    outer = sha256(bytes(byte ^ 0x5C for byte in key) + inner).hexdigest()
    assert details.salted_hash(SALT) == outer


def test_who_changed_since_the_batch_was_prepared() -> None:
    """Changed, gone, new since then; the others have no word said about them."""
    now: dict[str, Payee] = {name: payee(name, iban=iban(1)) for name in ("same", "changed", "added")}
    pinned = {
        "same": now["same"].salted_hash(SALT),
        "changed": payee("changed", iban=iban(2)).salted_hash(SALT),
        "added": None,
        "missing": "0" * 64,
        "never": None,
    }
    found = compare_details(pinned, now, SALT)
    assert (found.changed, found.missing, found.added) == (["changed"], ["missing"], ["added"])
    assert compare_details({"same": pinned["same"]}, now, SALT[::-1]).changed == ["same"]
