"""The report: whole in itself, escaped, readable."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pandas as pd
import pytest

from sslkit.folder import report
from sslkit.folder.pictures import Picture
from sslkit.folder.report import Page
from sslkit.folder.verdict import Decision, Option

HOSTILE = '<script>alert("x")</script>&lt;{{ 7 * 7 }} עברית \N{SNOWMAN}'


class Reader(HTMLParser):
    """What tags there are, with their attributes, and what text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += f"{data} "


@pytest.fixture
def page() -> Page:
    right = pd.DataFrame([[True, False], [True, True]])
    simclr = Option("simclr", "linear", 81.25, 80.0, right)
    alone = Option("supervised", "finetune", 70.0, 75.0, right)
    decision = Decision(
        side="open",
        mean=5.0,
        low=-1.0,
        high=11.0,
        option=simclr,
        against=alone,
        draws=3,
        units=1200,
        unit="images",
        reasons=(),
        settles=("about 4,000 test images in place of 1,200",),
    )
    picture = Picture("data:image/png;base64,AAAA", "a drawing", "What it shows.")
    return Page(
        name="photos",
        look="3 classes",
        advice="backbone small",
        decision=decision,
        ways=[simclr, replace(alone, validation=float("nan"))],
        chance=1 / 3,
        pictures=[picture],
        health=["SimCLR: 0.6 against 0.25 by chance"],
        wanted=pd.DataFrame({"row": [3], "file": ["a/1.png"], "reason": ["unsure"]}),
        asked=picture,
        shown=[picture],
        kept=["encoder.safetensors: an encoder"],
        provenance={"commit": "abc", "hours": 0.5},
    )


def test_the_report_says_the_verdict_and_what_it_rests_on(page: Page) -> None:
    text = " ".join(Reader(report.render(page)).text.split())
    assert "It is open whether pretraining pays here" in text
    assert "3 draws of labels met 1,200 test images" in text
    assert "about 4,000 test images in place of 1,200" in text
    assert "SimCLR, then a linear probe 81.2 % 80.0 % 2 supervised 75.0 % 2" in text
    assert "one class gets 33.3 %" in text
    assert "0.6 against 0.25 by chance" in text
    assert "a/1.png unsure" in text
    assert "encoder.safetensors: an encoder" in text
    assert "hours 0.5" in text


def test_the_report_asks_for_nothing_beside_itself(page: Page) -> None:
    found = Reader(report.render(page))
    sources = [value for _, attrs in found.tags for name, value in attrs.items()
               if name in ("src", "href")]  # fmt: skip
    assert len(sources) == 3
    assert all(source and source.startswith("data:") for source in sources)
    assert {"script", "link", "iframe"}.isdisjoint(tag for tag, _ in found.tags)
    assert all(attrs["alt"] for tag, attrs in found.tags if tag == "img")
    assert "url(" not in report.render(page)


def test_whatever_comes_from_files_is_text_and_nothing_else(page: Page) -> None:
    hostile = replace(
        page,
        name=HOSTILE,
        look=HOSTILE,
        advice=HOSTILE,
        kept=[HOSTILE],
        health=[HOSTILE],
        wanted=pd.DataFrame({"row": [3], "file": [HOSTILE], "reason": [HOSTILE]}),
        provenance={HOSTILE: HOSTILE, "hours": 0.5},
    )
    plain, found = (Reader(report.render(some)) for some in (page, hostile))
    assert [tag for tag, _ in found.tags] == [tag for tag, _ in plain.tags]
    assert found.text.count(HOSTILE) == 10  # the name in title and heading


def test_without_a_verdict_the_report_says_why(page: Page) -> None:
    bare = replace(page, decision=None, ways=[], wanted=None, asked=None)
    text = Reader(report.render(bare)).text
    assert "There is no verdict: it takes labels" in text
    assert "What was tried" not in text
    assert "What to label next" not in text
