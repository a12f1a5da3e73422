"""Types of fields: what pydantic checks where a record comes in and where an event comes back from the log."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, StringConstraints, ValidationInfo

from ledger.clock import format_instant, parse_instant
from ledger.currencies import check_currency
from ledger.ids import ID_BYTES_MAX, check_id
from ledger.money import DAYS_MAX, MINOR_MAX, PPM

# Context of validation for what comes out of the log.
STORED = "stored"

_CODE = re.compile(r"[A-Z]{3}", re.ASCII)


def _check_code(currency: str, info: ValidationInfo) -> str:
    """What was a currency when it was recorded stays readable, whatever the standard's list says by then."""
    if info.context == STORED and _CODE.fullmatch(currency):
        return currency
    return check_currency(currency)


Instant = Annotated[
    datetime,
    BeforeValidator(parse_instant),
    PlainSerializer(format_instant, return_type=str, when_used="json"),
]

Id = Annotated[str, AfterValidator(check_id)]

# The same on the way back from the log, in compiled code: every id in it went through `check_id` once.
StoredId = Annotated[str, StringConstraints(min_length=1, max_length=ID_BYTES_MAX, pattern=r"^[^\p{Cc}\p{Z}]+$")]

CurrencyCode = Annotated[str, AfterValidator(_check_code)]
Minor = Annotated[int, Field(ge=0, le=MINOR_MAX)]
PositiveMinor = Annotated[int, Field(gt=0, le=MINOR_MAX)]
RatePpm = Annotated[int, Field(ge=0, le=PPM)]

Days = Annotated[int, Field(ge=1, le=DAYS_MAX)]
# A hold or a protection of no length at all is a common choice, and the contract's own example.
DaysOrNone = Annotated[int, Field(ge=0, le=DAYS_MAX)]
