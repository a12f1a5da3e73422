"""A statement in a real browser (`apt-get install chromium`): on the screen, to a reader's ear, and on paper."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from projections.statement_pages.page import statement_page
from tests.browser import Page, browser_page
from tests.statements import commission, statement

ENTRIES = 400


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A statement of several pages, in a file."""
    rows = tuple(commission(f"order o-{number}", number // 8, 10_000 + number) for number in range(ENTRIES))
    closing = sum(row.amount_minor for row in rows)
    path = tmp_path_factory.mktemp("statement") / "statement.html"
    path.write_text(statement_page(statement(entries=rows, opening_minor=0, closing_minor=closing, standing=None)))
    return path


@pytest.fixture(scope="module")
def page(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """It, loaded."""
    with browser_page(tmp_path_factory.mktemp("profile")) as opened:
        opened.open(file.as_uri())
        yield opened


def test_it_asks_for_nothing_and_complains_of_nothing(page: Page, file: Path) -> None:
    """The page itself is all that was asked for; not one message on the console."""
    assert page.requests == [file.as_uri()]
    assert page.messages == []
    assert page.evaluate("document.compatMode") == "CSS1Compat"


def test_the_watch_would_see_a_request(page: Page, tmp_path: Path, file: Path) -> None:
    """What the test before is worth: a page with a picture and a script is seen to ask, and to be refused."""
    spoilt = tmp_path / "spoilt.html"
    more = '<img src="picture.png"><script>console.log("x")</script></body>'
    spoilt.write_text(file.read_text().replace("</body>", more))
    with browser_page(tmp_path / "profile") as other:
        other.open(spoilt.as_uri())
        assert other.requests != [spoilt.as_uri()] or other.messages
    del page


def test_what_can_be_seen(page: Page) -> None:
    """The figures are on the screen, the entries' table has its rows, nothing sticks out at the side."""
    text = page.evaluate("document.body.innerText")
    for said in ("Statement of commissions", "member-4711", "Closing balance", "order o-399", "+10.39"):
        assert said in text
    assert page.evaluate("document.querySelectorAll('main > div.wide tbody tr').length") == ENTRIES + 2
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    sizes = page.evaluate("[...document.querySelectorAll('svg rect')].map(bar => bar.getBoundingClientRect().height)")
    assert len(sizes) == 3
    assert min(sizes) > 0


def test_colours_can_be_told_from_the_paper(page: Page) -> None:
    """Text has the contrast that WCAG 2.2 asks for at level AA, 4.5 to 1, quiet and red text too."""
    script = """
        (() => {
            const light = colour => {
                const part = colour.match(/\\d+/g).slice(0, 3).map(byte => byte / 255)
                    .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
                return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
            };
            const texts = [...document.querySelectorAll('body *:not(svg *)')];
            const colours = new Set(texts.map(one => getComputedStyle(one).color));
            return [...colours].map(colour => 1.05 / (light(colour) + 0.05));
        })()
    """
    contrasts = page.evaluate(script)
    assert len(contrasts) >= 2
    assert min(contrasts) >= 4.5


def test_it_can_be_printed(page: Page) -> None:
    """A PDF of A4 pages, all entries on them."""
    paper = page.pdf()
    assert paper.startswith(b"%PDF-")
    assert paper.count(b"/Type /Page\n") >= 8
