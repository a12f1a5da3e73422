"""Payment files for uploads: CSV as a profile has it, read back against what was to be paid."""

import csv
import io
import re
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.payments import releasing
from projections.payments.bulk import read_payments, write_payments
from projections.payments.errors import BadFileError, UnpayableError, WrongFileError
from projections.payments.payment import Payment
from projections.payments.profile import Profile, profile_of, shipped_profile, shipped_profiles
from projections.payments.releasing import release_payments
from tests.payments import iban, payee, payments, payout

SEMICOLONS = """
title = "a bank"
currencies = ["GBP"]
delimiter = ";"
decimal_mark = ","
line_end = "\\n"
columns = [
    { name = "Name", value = "name" },
    { name = "IBAN", value = "iban" },
    { name = "Sum", value = "amount" },
    { name = "Type", text = "a;b" },
    { name = "Ref", value = "reference" },
]
"""


def written(profile: Profile, paid: list[Payment]) -> str:
    """The text of a file."""
    out = io.BytesIO()
    write_payments(profile, paid, out)
    return out.getvalue().decode()


def test_the_shipped_profiles() -> None:
    """Each of them can be read; a name that is none says which there are."""
    assert shipped_profiles() == ["generic", "paypal", "revolut-gbp", "wise-eur"]
    assert [shipped_profile(name).title for name in shipped_profiles()][1] == "PayPal payouts"
    with pytest.raises(BadFileError, match="there is no profile 'bank'; there are generic, paypal"):
        shipped_profile("bank")


def test_every_field_under_our_own_names() -> None:
    """An IBAN, a number with a bank code, a provider's own name, a field with a comma and one with a quote."""
    paid = payments(
        payout(1, 1),
        payout(2),
        payout(3, id="a_b.3"),
        m1=payee("m1", name='Ann "A.", Ms', iban=iban(1), bic="WESTGB22"),
        m2=payee("m2", name="Ben", account="00012345", routing="021000021", country="US"),
        m3=payee("m3", name="Cat", account="cat@example.com"),
    )
    assert written(shipped_profile("generic"), paid).split("\r\n") == [
        "reference,amount,currency,name,iban,account,routing,bic,country,payout",
        f'b1.1,0.01,GBP,"Ann ""A."", Ms",{iban(1)},,,WESTGB22,GB,b1.1',
        "b1.2,10.00,GBP,Ben,,00012345,021000021,,US,b1.2",
        f"{paid[2].reference},10.00,GBP,Cat,,cat@example.com,,,,a_b.3",
        "",
    ]


def test_a_providers_files() -> None:
    """Headers or none, texts that are always the same, a reference cut to what the provider keeps."""
    euros = payments(payout(1, 1_234, currency="EUR"), m1=payee("m1", name="Ann", iban="DE89370400440532013000"))
    assert written(shipped_profile("wise-eur"), euros) == (
        "name,recipientEmail,paymentReference,receiverType,amountCurrency,amount,sourceCurrency,targetCurrency,IBAN\r\n"
        "Ann,,b1.1,PERSON,target,12.34,EUR,EUR,DE89370400440532013000\r\n"
    )
    pounds = payments(payout(1), m1=payee("m1", name="Ann", account="12345678", routing="12-34-56", country="GB"))
    assert written(shipped_profile("revolut-gbp"), pounds) == (
        "Name,Recipient type,Account number,Sort code,Recipient bank country,Currency,Amount,Payment reference\r\n"
        "Ann,INDIVIDUAL,12345678,123456,GB,GBP,10.00,b1.1\r\n"
    )
    mail = payments(payout(1), m1=payee("m1", account="ann@example.com"))
    assert written(shipped_profile("paypal"), mail) == "ann@example.com,10.00,GBP,b1.1,,PAYPAL\r\n"


def test_a_profile_of_the_operators_own() -> None:
    """Semicolons, decimal commas, line feeds, a text with the delimiter in it; and back."""
    profile = profile_of(SEMICOLONS)
    paid = payments(payout(1, 123_456), m1=payee("m1", name="A;nn", iban=iban(1)))
    text = written(profile, paid)
    assert text == f'Name;IBAN;Sum;Type;Ref\n"A;nn";{iban(1)};1234,56;"a;b";b1.1\n'
    assert [*read_payments(profile, io.BytesIO(text.encode()))] == [
        {"name": "A;nn", "iban": iban(1), "amount": "1234.56", "reference": "b1.1"}
    ]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('"reference" }', '"member" }', "has a reference, an amount and an iban or an account"),
        ('value = "iban"', 'value = "bic"', "has a reference, an amount and an iban or an account"),
        ('["GBP"]', '["GBP", "EUR"]', "without a currency the profile is for one of `currencies`"),
        ('text = "a;b"', "optional = true", "a column has either a value or a text"),
        ('name = "Ref"', 'name = "Sum"', "with a header each has a name of its own"),
        ('name = "Ref", ', "", "with a header each has a name of its own"),
        ('delimiter = ";"', 'delimiter = "x"', "delimiter: Input should be"),
        ('value = "name"', 'value = "email"', "columns.0.value: Input should be"),
        ('title = "a bank"', 'title = "a bank"\nreference_max = 10', "reference_max: Input should be greater"),
        ('title = "a bank"', 'title = "a bank"\ncode = "x()"', "code: Extra inputs"),
        ('title = "a bank"', "title =", "is no TOML"),
    ],
)
def test_profiles_that_cannot_be(old: str, new: str, why: str) -> None:
    """What is wrong, and where."""
    assert old in SEMICOLONS
    with pytest.raises(BadFileError, match=re.escape(why)):
        profile_of(SEMICOLONS.replace(old, new))


@pytest.mark.parametrize(
    ("name", "paid", "why"),
    [
        ("wise-eur", payments(payout(1)), "takes EUR, not GBP"),
        ("revolut-gbp", payments(payout(1)), "the details of m1 have no account"),
        (
            "revolut-gbp",
            payments(payout(1), m1=payee("m1", account="1", routing="021000021", country="US")),
            "takes accounts of GB, not of US",
        ),
        ("paypal", payments(payout(1)), "the details of m1 have no account"),
        ("generic", payments(payout(1, id="=1+1")), "a spreadsheet would take its payout for a formula"),
        ("generic", [], "there is nothing to pay"),
        ("wise-eur", payments(*(payout(no, currency="EUR") for no in range(1_001))), "takes 1000 payments a file"),
    ],
)
def test_what_a_file_cannot_carry(name: str, paid: list[Payment], why: str) -> None:
    """Nothing is written, and who cannot be paid is named."""
    with pytest.raises(UnpayableError, match=re.escape(why)):
        written(shipped_profile(name), paid)


def test_a_released_file(tmp_path: Path) -> None:
    """Proven, counted, summed, hashed."""
    released = release_payments(tmp_path / "b1.csv", shipped_profile("generic"), payments(payout(1), payout(2, 5)))
    assert (released.payments, released.total_minor, released.bytes) == (2, 1_005, released.path.stat().st_size)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("10.00", "10.01"),
        ("10.00", "10.0"),
        ("10.00", '"10,00"'),
        ("10.00", " 10.00"),
        ("GBP", "EUR"),
        (iban(2), iban(3)),
        ("Name of m1", "Name of m2"),
        ("b1.1,10.00", "b1.2,10.00"),
        ("reference,amount", "amount,reference"),
        ("b1.2,", "b1.2,,"),
        ("b1.1,", '"b1.1,'),
        ("\r\nb1.2", "\r\nb1.1,10.00,GBP,Name of m1,x,,,,,b1.1\r\nb1.2"),
    ],
)
def test_a_file_that_says_something_else(old: str, new: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the writer gets wrong, the file is not released and nothing is left of it."""

    def spoilt(profile: Profile, paid: list[Payment], out: BinaryIO) -> None:
        text = written(profile, paid)
        assert old in text
        out.write(text.replace(old, new, 1).encode())

    monkeypatch.setattr(releasing, "write_payments", spoilt)
    with pytest.raises(WrongFileError):
        release_payments(tmp_path / "b1.csv", shipped_profile("generic"), payments(payout(1), payout(2)))
    assert not [*tmp_path.iterdir()]


def test_a_point_where_a_comma_belongs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """1.234 with decimal commas would be a thousand times as much: it is not taken for 1,234."""

    def spoilt(profile: Profile, paid: list[Payment], out: BinaryIO) -> None:
        out.write(written(profile, paid).replace("10,00", "10.00").encode())

    monkeypatch.setattr(releasing, "write_payments", spoilt)
    with pytest.raises(WrongFileError):
        release_payments(tmp_path / "b1.csv", profile_of(SEMICOLONS), payments(payout(1)))


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl"]), min_size=1, max_size=40).filter(
    lambda name: name.strip() and name.strip()[0] not in "=+-@" and not re.search("[\u2028\u2029\ufffe\uffff]", name)
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(NAMES, min_size=1, max_size=4))
def test_whatever_payees_are_called(names: list[str]) -> None:
    """Any name comes back, by our reader and by a plain one."""
    payees = {f"m{no}": payee(f"m{no}", name=name) for no, name in enumerate(names)}
    text = written(shipped_profile("generic"), payments(*map(payout, range(len(names))), **payees))
    ours = [row["name"] for row in read_payments(shipped_profile("generic"), io.BytesIO(text.encode()))]
    plain = [row["name"] for row in csv.DictReader(io.StringIO(text, newline=""))]
    assert ours == plain == [row.name for row in payees.values()]
