"""Profiles: what a bank's or provider's CSV files look like, as data (TOML), ours or the operator's own."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cached_property
from importlib.resources import files
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from projections.payments.debtor import first_finding
from projections.payments.errors import BadFileError
from projections.payments.payment import REFERENCE_MAX, REFERENCE_MIN

Value = Literal[
    "reference", "payout", "member", "amount", "currency", "name", "iban", "account", "routing", "bic", "country"
]
Status = Literal["paid", "failed", "returned", "unknown"]
SettlementField = Literal["reference", "status", "amount", "currency", "provider_reference", "at", "reason"]

# Without these a line settles nothing.
NEEDED: tuple[SettlementField, ...] = ("reference", "status", "amount", "currency")

_SUFFIX = ".toml"

Code = Annotated[str, Field(pattern="^[A-Z]{3}$")]
Country = Annotated[str, Field(pattern="^[A-Z]{2}$")]
Delimiter = Literal[",", ";", "\t", "|"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Column(_Part):
    """One column of a payment file.

    name      in the header
    value     what stands in it; else `text`, the same for every payment
    optional  it may be empty
    """

    name: str = ""
    value: Value | None = None
    text: str | None = None
    optional: bool = False

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        if (self.value is None) == (self.text is None):
            raise ValueError("a column has either a value or a text")
        return self


class SettlementProfile(_Part):
    """What comes back: CSV with a header.

    columns       the header's word for each field; other columns are passed over
    statuses      the words that mean each status, written as they are there
    decimal_mark  point or comma
    """

    delimiter: Delimiter = ","
    decimal_mark: Literal[".", ","] = "."
    columns: Mapping[SettlementField, str]
    statuses: Mapping[Status, Annotated[tuple[str, ...], Field(strict=False)]]

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if lacking := [field for field in NEEDED if field not in self.columns]:
            raise ValueError(f"no column for {lacking[0]}")
        if len(set(self.columns.values())) != len(self.columns):
            raise ValueError("one column stands for two fields")
        words = [word for words in self.statuses.values() for word in words]
        if len(set(words)) != len(words) or not words:
            raise ValueError("a word stands for two statuses, or there is none")
        return self

    def status_of(self, word: str) -> Status | None:
        """What a word means; None: nothing that is known."""
        return next((status for status, words in self.statuses.items() if word in words), None)


class Profile(_Part):
    """The CSV files of one bank or provider.

    title          for a person
    columns        of a payment file, in order
    currencies     that it takes; none: any
    countries      of accounts that it takes; none: any
    header         whether the first line names the columns
    line_end       of every line
    reference_max  characters that it keeps of a reference
    rows_max       payments in a file; None: any number
    settlement     what it sends back; None: not known, a profile of the operator's own says it
    """

    title: str
    columns: Annotated[tuple[Column, ...], Field(min_length=1, strict=False)]
    currencies: Annotated[tuple[Code, ...], Field(strict=False)] = ()
    countries: Annotated[tuple[Country, ...], Field(strict=False)] = ()
    delimiter: Delimiter = ","
    decimal_mark: Literal[".", ","] = "."
    header: bool = True
    line_end: Literal["\n", "\r\n"] = "\r\n"
    reference_max: Annotated[int, Field(ge=REFERENCE_MIN, le=REFERENCE_MAX)] = REFERENCE_MAX
    rows_max: Annotated[int, Field(ge=1)] | None = None
    settlement: SettlementProfile | None = None

    @cached_property
    def shown(self) -> tuple[Value, ...]:
        """What of a payment stands in a file."""
        return tuple(dict.fromkeys(column.value for column in self.columns if column.value))

    @cached_property
    def required(self) -> tuple[Value, ...]:
        """What of a payment must be there."""
        return tuple(dict.fromkeys(column.value for column in self.columns if column.value and not column.optional))

    @model_validator(mode="after")
    def _says_who_gets_what(self) -> Self:
        values = set(self.shown)
        if not {"reference", "amount"} <= values or values.isdisjoint({"iban", "account"}):
            raise ValueError("columns: a payment file has a reference, an amount and an iban or an account")
        if "currency" not in values and len(self.currencies) != 1:
            raise ValueError("columns: without a currency the profile is for one of `currencies`")
        names = [column.name for column in self.columns]
        if self.header and ("" in names or len(set(names)) != len(names)):
            raise ValueError("columns: with a header each has a name of its own")
        return self


def profile_of(text: str) -> Profile:
    """The profile in a TOML file.

    Raises:
        BadFileError: it is no TOML, or no profile; says what is wrong.
    """
    try:
        return Profile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BadFileError(f"is no TOML: {error}") from None
    except ValidationError as error:
        raise BadFileError(first_finding(error)) from None


def shipped_profiles() -> list[str]:
    """The names of the profiles that come with the ledger."""
    names = [file.name for file in files("projections.payments").joinpath("profiles").iterdir()]
    return sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX))


def shipped_profile(name: str) -> Profile:
    """One of them.

    Raises:
        BadFileError: there is none of that name.
    """
    if name not in shipped_profiles():
        raise BadFileError(f"there is no profile {name!r}; there are {', '.join(shipped_profiles())}")
    return profile_of(files("projections.payments").joinpath("profiles", f"{name}{_SUFFIX}").read_text("utf-8"))
