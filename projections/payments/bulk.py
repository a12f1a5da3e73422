"""Payment files for uploads: CSV as a profile has it; written, and read back."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from ledger.decimals import decimal_text
from ledger.findings import Finding
from projections.payments.errors import UnpayableError
from projections.payments.payment import Payment
from projections.payments.profile import Profile, Value

# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t")


def check_payments(profile: Profile, payments: Sequence[Payment]) -> None:
    """Whether a file of this profile can carry all of them.

    Raises:
        UnpayableError: it cannot.
    """
    findings = [Finding(payment.payout.id, why) for payment in payments if (why := _unfit(profile, payment))]
    if not payments:
        findings.append(Finding(profile.title, "there is nothing to pay"))
    elif profile.rows_max is not None and len(payments) > profile.rows_max:
        findings.append(Finding(profile.title, f"takes {profile.rows_max} payments a file, not {len(payments)}"))
    if findings:
        raise UnpayableError(findings)


def write_payments(profile: Profile, payments: Sequence[Payment], out: BinaryIO) -> None:
    """Writes the file. The same payments and profile give the same bytes.

    Raises:
        UnpayableError: as `check_payments`; nothing is written.
    """
    check_payments(profile, payments)
    text = io.TextIOWrapper(out, encoding="utf-8", newline="")
    writer = csv.writer(text, delimiter=profile.delimiter, lineterminator=profile.line_end)
    if profile.header:
        writer.writerow(column.name for column in profile.columns)
    for payment in payments:
        values = _values(payment, profile)
        writer.writerow(values.get(column.value, "") if column.value else column.text for column in profile.columns)
    text.detach()


def read_payments(profile: Profile, file: BinaryIO) -> Iterator[Mapping[str, str]]:
    """What a file says of each payment, by value; cells that are empty are left out.

    Raises:
        ValueError: it is no file of this profile; says where.
    """
    rows = csv.reader((line.decode() for line in file), delimiter=profile.delimiter, strict=True)
    try:
        if profile.header and next(rows, None) != [column.name for column in profile.columns]:
            raise ValueError("the header is another one")
        for number, cells in enumerate(rows, start=1):
            if len(cells) != len(profile.columns):
                raise ValueError(f"payment {number} has {len(cells)} fields, not {len(profile.columns)}")
            yield {value: cell for value, cell in _said(profile, number, cells).items() if cell}
    except csv.Error as error:
        raise ValueError(f"line {rows.line_num} is no CSV: {error}") from None


def _said(profile: Profile, number: int, cells: Sequence[str]) -> dict[str, str]:
    """One row by value; amounts with a point, whatever the profile has."""
    said: dict[str, str] = {}
    for column, cell in zip(profile.columns, cells, strict=True):
        if column.value is None and cell != column.text:
            raise ValueError(f"payment {number}: {cell!r} in a column that says {column.text!r}")
        if column.value is not None and said.setdefault(column.value, cell) != cell:
            raise ValueError(f"payment {number}: two columns disagree about the {column.value}")
    if profile.decimal_mark != ".":
        # A point would be no decimal mark there: it must not become one.
        said["amount"] = said["amount"].replace(".", "?").replace(profile.decimal_mark, ".")
    return said


def _values(payment: Payment, profile: Profile) -> dict[Value, str]:
    payout, account = payment.payout, payment.payee.account
    amount = decimal_text(payout.amount_minor, payout.exponent)
    return {
        "reference": payment.reference,
        "payout": payout.id,
        "member": payout.member,
        "amount": amount.replace(".", profile.decimal_mark),
        "currency": payout.currency,
        "name": payment.payee.name,
        "iban": account.iban or "",
        "account": account.number or "",
        "routing": account.routing or "",
        "bic": account.bic or "",
        "country": account.country or "",
    }


def _unfit(profile: Profile, payment: Payment) -> str | None:
    """Why a file of this profile cannot carry a payment; None: it can."""
    currency, country = payment.payout.currency, payment.payee.account.country
    if profile.currencies and currency not in profile.currencies:
        return f"{profile.title} takes {', '.join(profile.currencies)}, not {currency}"
    if profile.countries and country not in profile.countries:
        return f"{profile.title} takes accounts of {', '.join(profile.countries)}, not of {country or 'no country'}"
    values = _values(payment, profile)
    if lacking := [value for value in profile.required if not values[value]]:
        return f"the details of {payment.payout.member} have no {lacking[0]}"
    if not any(values[value] for value in ("iban", "account") if value in profile.shown):
        return f"{profile.title} has no column for the account of {payment.payout.member}"
    if risky := [value for value in profile.shown if values[value].startswith(_FORMULA)]:
        return f"a spreadsheet would take its {risky[0]} for a formula"
    return None
