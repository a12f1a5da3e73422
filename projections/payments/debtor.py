"""Who pays, and how: the operator's small TOML file for bank transfers."""

from __future__ import annotations

import tomllib
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from projections.payments.account import Account, account_of
from projections.payments.errors import BadFileError
from projections.payments.payee import UNPRINTABLE, check_name

REMITTANCE_MAX = 140


class Debtor(BaseModel):
    """The paying account, and what holds for every transfer of a file.

    name            of the account's holder
    iban            or account, with routing and country, or with a bic
    currency        of the account, where a bank wants to know
    execution_date  when the bank is to pay
    batch_booking   true: one entry on the account's statement; false: one for each transfer
    charge_bearer   who pays for it: SLEV (as the service level says), SHAR (shared), DEBT (debtor), CRED (creditor)
    service_level   SEPA, URGP and the like, from ISO 20022's external list
    remittance      a text that every payee reads; a payout's reference goes to the bank beside it
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    name: str
    iban: str | None = None
    account: str | None = None
    routing: str | None = None
    bic: str | None = None
    country: str | None = None
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = None
    execution_date: date
    batch_booking: bool | None = None
    charge_bearer: Literal["SLEV", "SHAR", "DEBT", "CRED"] | None = None
    service_level: Annotated[str, Field(pattern="^[A-Z0-9]{1,4}$")] | None = None
    remittance: Annotated[str, Field(min_length=1, max_length=REMITTANCE_MAX)] | None = None

    _paying: Account = PrivateAttr()

    @property
    def paying(self) -> Account:
        """The account that pays, in one spelling."""
        return self._paying

    @model_validator(mode="after")
    def _is_an_account(self) -> Self:
        parts = {part: getattr(self, part) for part in ("iban", "account", "routing", "bic", "country")}
        check_name(self.name)
        if self.remittance and UNPRINTABLE.search(self.remittance):
            raise ValueError("remittance has no control characters")
        self._paying = account_of({part: text for part, text in parts.items() if text})
        return self


def debtor_of(text: str) -> Debtor:
    """The debtor in a TOML file.

    Raises:
        BadFileError: it is no TOML, a key is missing or not known, or a value cannot be.
    """
    try:
        return Debtor.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BadFileError(f"is no TOML: {error}") from None
    except ValidationError as error:
        raise BadFileError(first_finding(error)) from None


def first_finding(error: ValidationError) -> str:
    """The first thing that is wrong with a file, and where."""
    found = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(step) for step in found["loc"])
    return (f"{where}: " if where else "") + found["msg"].removeprefix("Value error, ")
