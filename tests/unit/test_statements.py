"""Statements: figures that add up, said as people read them, on a page that holds nothing but itself."""

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.statement_pages import figures
from projections.statement_pages.page import statement_page
from projections.statement_pages.statement import Standing, StatementError
from projections.statement_pages.waterfall import HEIGHT, MARGIN, WIDTH, waterfall
from tests.statements import DIGEST, END, START, commission, entry, statement

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&{{7*7}}{% raw %}"


class Reader(HTMLParser):
    """Elements, attributes and texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes an element."""
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in {"meta", "rect", "line"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Elements end in the order in which they began."""
        if tag not in {"rect", "line"}:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Notes a text."""
        if data.strip() and self.open[-1] != "style":
            self.texts.append(" ".join(data.split()))


def test_every_figure_is_there() -> None:
    """Member, balances, digest, coordinates; of each entry base, rate, exact, rounding, hold and amount."""
    reader = Reader(statement_page(statement()))
    said = " | ".join(reader.texts)
    for text in ("member-4711", "81.86 GBP", "120.50", DIGEST, "2026-02-01 to 2026-03-31", "at position 48213 of"):
        assert text in said
    row = (
        "2026-02-10 | Commission | order o-1003 | 3 | 1,999.99 | 2 % | 39.9998 | 0.0098 | 2026-02-24 | +39.99 | 183.41"
    )
    assert row in said
    assert "2026-02-13 | Taken back | refund r-77 | ; of order o-1001 | 1 | 33.33 | 10 % | \u22123.34 | 180.07" in said
    assert "Opening | Earned | Taken back | Restored | Adjusted | Returned | Paid out | Closing" in said
    assert "120.50 | +186.36 | \u22123.34 | +3.34 | +20.00 | +112.50 | \u2212357.50 | 81.86" in said


def test_the_same_statement_has_the_same_page() -> None:
    """To the letter, and well formed."""
    page = statement_page(statement())
    assert page == statement_page(statement())
    assert Reader(page).open == []
    assert page.endswith("</html>\n")


def test_nothing_from_outside() -> None:
    """No script, no link, no picture, no address; and a browser is told so."""
    page = statement_page(statement())
    reader = Reader(page)
    assert not {"script", "link", "img", "iframe", "object", "a", "form", "base"} & {*reader.tags}
    assert not {"src", "href", "style"} & {name for name, _ in reader.attributes}
    assert not [name for name, _ in reader.attributes if name.startswith("on")]
    assert not re.search(r"https?:|url\(|@import|//", page)
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in reader.attributes


def test_ids_and_reasons_are_only_text() -> None:
    """Whatever somebody put into an id, a reason or a name: it is shown, and does nothing."""
    hostile = entry("adjustment", HOSTILE, 1, 100, note=HOSTILE)
    page = statement_page(
        statement(
            member=HOSTILE, issuer=HOSTILE, digest=HOSTILE, entries=(hostile,), closing_minor=12_150, standing=None
        )
    )
    reader = Reader(page)
    assert not {"script", "img"} & {*reader.tags}
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 7
    assert "49" not in " ".join(reader.texts).replace("{{7*7}}", "")


def test_tables_can_be_listened_to() -> None:
    """Each has a caption, every head says whether it is a column's or a row's, the drawing has a text."""
    reader = Reader(statement_page(statement()))
    assert reader.tags.count("caption") == reader.tags.count("table") == 2
    scopes = [value for name, value in reader.attributes if name == "scope"]
    assert len(scopes) == reader.tags.count("th")
    assert {*scopes} == {"col", "row"}
    assert ("role", "img") in reader.attributes
    assert ("lang", "en") in reader.attributes


def test_a_period_in_which_nothing_happened() -> None:
    """Opening and closing are the same, and the page says why there are no entries."""
    page = statement_page(statement(entries=(), closing_minor=12_050, standing=None, start=None))
    assert "Nothing happened in this period." in page
    assert "up to 2026-03-31" in page
    assert Reader(page).tags.count("table") == 1


@pytest.mark.parametrize("exponent", [0, 2, 3])
def test_currencies_with_other_decimals(exponent: int) -> None:
    """Yen have none, dinars three; what rounding left goes on after them."""
    rows = (commission("o", 1, 12_345, 12_500),)
    page = statement_page(
        statement(exponent=exponent, entries=rows, opening_minor=0, closing_minor=154, standing=None, currency="XXX")
    )
    said = " | ".join(Reader(page).texts)
    expected = {
        0: "12,345 | 1.25 % | 154.3125 | 0.3125 |",
        2: "123.45 | 1.25 % | 1.543125 | 0.003125 |",
        3: "12.345 | 1.25 % | 0.1543125 | 0.0003125 |",
    }
    assert expected[exponent] in said


def test_figures_that_do_not_add_up() -> None:
    """Such a statement cannot be made, so nobody can be sent it."""
    with pytest.raises(StatementError, match="the entries lead to 8186, the closing balance is 8187"):
        statement(closing_minor=8_187)
    with pytest.raises(StatementError, match="are not the closing balance 8186"):
        statement(standing=Standing(pending_minor=1, available_minor=8_186, reserved_minor=0))


@pytest.mark.parametrize(
    ("minor", "exponent", "plain", "with_sign"),
    [
        (0, 2, "0.00", "0.00"),
        (5, 2, "0.05", "+0.05"),
        (-5, 2, "\u22120.05", "\u22120.05"),
        (123_456_789, 2, "1,234,567.89", "+1,234,567.89"),
        (-1_000, 0, "\u22121,000", "\u22121,000"),
        (1_234, 3, "1.234", "+1.234"),
    ],
)
def test_amounts(minor: int, exponent: int, plain: str, with_sign: str) -> None:
    """Thousands apart, all decimals, a minus that is one."""
    assert figures.money(minor, exponent) == plain
    assert figures.signed(minor, exponent) == with_sign


def test_rates_and_exact_amounts() -> None:
    """To the last digit, and no digit more; an amount has at least its currency's."""
    assert [figures.percent(ppm) for ppm in (0, 1, 12_500, 100_000, 1_000_000)] == [
        f"{text}\u00a0%" for text in ("0", "0.0001", "1.25", "10", "100")
    ]
    assert figures.exact(499_500_000, 2) == "4.995"
    assert figures.exact(-7_500, 2) == "\u22120.000075"
    assert figures.exact(0, 2) == "0.00"
    assert figures.exact(1_500_000, 0) == "1.5"
    assert figures.exact(2_000_000, 0) == "2"


def test_periods() -> None:
    """Whole days by the first and the last of them; else to the instant."""
    noon = END + timedelta(hours=12)
    assert figures.period(START, END) == "2026-02-01 to 2026-03-31"
    assert figures.period(None, END) == "up to 2026-03-31"
    assert figures.period(START, noon) == "from 2026-02-01 00:00:00 UTC, before 2026-04-01 12:00:00 UTC"
    assert figures.period(None, noon) == "before 2026-04-01 12:00:00 UTC"
    assert figures.instant(datetime(2026, 1, 1, 0, 0, 0, 5, tzinfo=UTC)) == "2026-01-01 00:00:00.000005 UTC"


@given(st.integers(-(2**43), 2**43), st.lists(st.tuples(st.just("x"), st.integers(-(2**43), 2**43)), max_size=6))
def test_bars_stand_in_the_picture(opening: int, changes: list[tuple[str, int]]) -> None:
    """Each begins where the one before it ends, balances stand on the line of nothing, none leaves the picture."""
    drawing = waterfall(opening, changes, opening + sum(amount for _, amount in changes))
    first, *middle, last = drawing.bars
    for bar in (first, last):
        assert drawing.zero_y in {bar.y, bar.y + bar.height, bar.y + bar.height - 1, bar.y + bar.height - 2}
    before = first.end_y
    for bar in middle:
        edges = {bar.y, bar.y + bar.height} if bar.height > 2 else {bar.y, bar.y + 1, bar.y + 2}
        assert before in edges
        before = bar.end_y
    assert before == last.end_y
    for bar in drawing.bars:
        assert bar.x >= 0
        assert bar.x + bar.width <= WIDTH
        assert bar.y >= MARGIN
        assert bar.y + bar.height <= HEIGHT
