"""Options and arguments that several commands share: times, positions, formats, ids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from cli.output import FORMATS, Format
from ledger.clock import parse_instant, system_clock
from ledger.ids import check_id
from ledger.records import TEXT_LENGTH_MAX

Command = Callable[..., Any]


class InstantParam(click.ParamType[datetime]):
    """A time with a zone, a date (with `--tz`), or `now`."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:  # noqa: ANN401  # click's signature
        """Parses RFC 3339; a bare date is the start of that day in `--tz`."""
        if isinstance(value, datetime):
            return value
        text = str(value)
        if text == "now":
            return system_clock()
        try:
            if len(text) == len("2026-01-31"):
                return _start_of_day(text, ctx)
            return parse_instant(text)
        except ValueError as error:
            self.fail(f"{text!r} {error}", param, ctx)


class ZoneParam(click.ParamType[ZoneInfo]):
    """A time zone by its name."""

    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> ZoneInfo:  # noqa: ANN401  # click's signature
        """Looks the name up."""
        try:
            return value if isinstance(value, ZoneInfo) else ZoneInfo(str(value))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.fail(f"{value!r} is no time zone: give a name like Europe/London", param, ctx)


class CheckedParam(click.ParamType[str]):
    """A text that a check of the ledger's own accepts."""

    def __init__(self, name: str, check: Callable[[str], str], *, is_secret: bool = False) -> None:
        """`check` returns the text or raises ValueError; a secret is not repeated in the error."""
        self.name = name
        self._check = check
        self._is_secret = is_secret

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401  # click's signature
        """Checks the text."""
        try:
            return self._check(str(value))
        except ValueError as error:
            self.fail(f"{value!a} {error}", param, ctx)


class NameablePath(click.Path):
    """A path that DuckDB can be told: it takes only names that are UTF-8."""

    def convert(
        self,
        value: Any,  # noqa: ANN401  # click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401  # click's signature
        """Checks the name, then what is there."""
        try:
            str(value).encode()
        except UnicodeEncodeError:
            self.fail(f"{str(value)!a} is no name in UTF-8: name another folder", param, ctx)
        return super().convert(value, param, ctx)


def check_reason(text: str) -> str:
    """The text itself, if an event takes it as a reason."""
    if not text.strip() or len(text) > TEXT_LENGTH_MAX:
        message = f"is no reason: 1 to {TEXT_LENGTH_MAX} characters"
        raise ValueError(message)
    return check_text(text)


def check_text(text: str) -> str:
    """The text itself, if it is one: bytes of another encoding cannot be written to any file."""
    try:
        text.encode()
    except UnicodeEncodeError:
        message = "is not UTF-8"
        raise ValueError(message) from None
    return text


INSTANT = InstantParam()
ZONE = ZoneParam()
ID = CheckedParam("id", check_id)
REASON = CheckedParam("text", check_reason)
TEXT = CheckedParam("text", check_text)
TEMP_DIR = NameablePath(exists=True, file_okay=False, path_type=Path)


def _start_of_day(text: str, ctx: click.Context | None) -> datetime:
    zone = ctx.params.get("tz") if ctx is not None else None
    if not isinstance(zone, ZoneInfo):
        message = "is a date without a time: say in which zone with --tz, as in --tz Europe/London, or give the time"
        raise ValueError(message)  # noqa: TRY004  # the value is wrong, not its type
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        message = "is no date"
        raise ValueError(message) from None


def as_options(*options: Command) -> Command:
    """Several options as one decorator, in the order in which help shows them."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


tz_option = click.option(
    "--tz", type=ZONE, is_eager=True, help="Time zone of dates given without a time, as Europe/London."
)
format_option = click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="Default: table on a terminal, tsv otherwise. Amounts are minor units but in tables.",
)
coordinates = as_options(
    click.option(
        "--as-of",
        type=INSTANT,
        default="now",
        show_default=True,
        help="Business time: 2026-01-31T00:00:00Z, or a date with --tz.",
    ),
    tz_option,
    click.option(
        "--at-position",
        type=click.IntRange(min=0),
        help="What was known: up to this position of the log. Default: all.",
    ),
)


class OutputParam(click.Path):
    """A file to write to; `-` is standard output, which is where a report goes without one."""

    def __init__(self) -> None:
        """No folder."""
        super().__init__(path_type=Path, dir_okay=False, allow_dash=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401  # click's signature
        """The path; None for standard output."""
        return None if value == "-" else super().convert(value, param, ctx)


output_option = click.option("-o", "--output", type=OutputParam(), help="Write to this file.")
asking = as_options(coordinates, format_option, output_option)


@dataclass(frozen=True, slots=True)
class Question:
    """Coordinates and form of an answer (rule G-5)."""

    as_of: datetime
    at_position: int | None
    form: Format | None
    output: Path | None

    @classmethod
    def of(cls, options: dict[str, Any]) -> Question:
        """From the options of `asking`; takes them out of `options`."""
        options.pop("tz")
        return cls(options.pop("as_of"), options.pop("at_position"), options.pop("form"), options.pop("output"))
