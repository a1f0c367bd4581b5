"""The whole build of a book of two chapters, and what decides what is built."""

from __future__ import annotations

import os
import re
import shutil
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from tiny_book import chapter, write_book, write_notebook

from sslkit.runs import records
from tools import BookError, book, source, vendor
from tools.book import Book, build, main

FIGURE = "import matplotlib.pyplot as plt\n\nplt.plot([1, 2])\nplt.show()"
ALT = {"mystnb": {"image": {"alt": "A line that rises."}}}
IMPORT = "import sslkit\n\nprint('the answer is', sslkit.answer, profile, size)"


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A book that is not built in its test."""
    return write_book(tmp_path, {"one": chapter("a = 1"), "two": chapter("b = 1")})


def test_a_profile_gives_each_chapter_what_it_declares(plain: Path) -> None:
    cells = chapter("b = 1")
    cells[1]["source"] = "profile = 'quick'  # one of the values"
    write_notebook(plain / "book/two.ipynb", cells)
    assert Book(plain, "smoke").parameters() == {
        "one": {"profile": "smoke", "size": 1},
        "two": {"profile": "smoke"},
    }


def test_typed_values_go_over_the_profile(plain: Path) -> None:
    values = Book(plain, "smoke", "colon3", {"size": 9}).parameters()
    assert values["one"] == {"profile": "smoke", "size": 9, "data": "colon3"}


@pytest.mark.parametrize(
    "arguments", [["-p", "sizes", "9"], ["--profile", "nonsense"], ["--only", "three"]]
)
def test_a_name_that_nobody_knows_is_an_error(
    plain: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--root", str(plain), *arguments]) == 1
    told = capsys.readouterr().err
    assert arguments[1] in told
    assert any(known in told for known in ("size", "quick, smoke", "one, two"))
    assert not (plain / "_build").exists()


def test_a_name_of_a_profile_that_nobody_knows_is_an_error(plain: Path) -> None:
    (plain / "book/profiles/quick.yaml").write_text("profile: quick\nepoch: 1\n")
    with pytest.raises(BookError, match="no chapter has a parameter epoch"):
        Book(plain).parameters()


def test_data_that_no_chapter_knows_is_an_error(plain: Path) -> None:
    for name in ("one", "two"):
        cells = chapter("a = 1")
        cells[1]["source"] = "profile = 'quick'  # a\nsize = 1  # b"
        write_notebook(plain / f"book/{name}.ipynb", cells)
    assert Book(plain).parameters()
    with pytest.raises(BookError, match="no chapter has a parameter data"):
        Book(plain, data="colon3").parameters()


def test_a_chapter_without_parameters_is_an_error(plain: Path) -> None:
    write_notebook(plain / "book/two.ipynb", chapter("a = 1")[:1])
    with pytest.raises(BookError, match=r"two\.ipynb: 0 cells are tagged"):
        Book(plain).jobs(60)


def test_a_chapter_that_can_hang_is_an_error(plain: Path) -> None:
    cells = chapter("import ipywidgets as w\n\nout = w.Output()")
    write_notebook(plain / "book/two.ipynb", cells)
    with pytest.raises(BookError, match=r"two\.ipynb: cell 3: `Output`"):
        Book(plain).jobs(60)


def test_builds_of_other_values_share_no_folder(tmp_path: Path) -> None:
    books = [
        Book(tmp_path, "smoke"),
        Book(tmp_path, "quick"),
        Book(tmp_path, "quick", "colon3"),
        Book(tmp_path, "quick", "/one/colon3"),
        Book(tmp_path, "quick", "/two/colon3"),
    ]
    assert len({one.folder for one in books}) == len(books)
    assert all(one.folder.parent == tmp_path / "_build" for one in books)


def test_a_stale_copy_is_never_staged(plain: Path) -> None:
    stale = Book(plain)
    jobs = stale.jobs(60)
    for job in jobs:
        job.copy.parent.mkdir(parents=True, exist_ok=True)
        job.copy.write_text("old")
    jobs[0].stamp.write_text(jobs[0].key)
    jobs[1].stamp.write_text("another key")
    book.stage(stale, jobs, plain / "nothing")
    assert (stale.stage / "book/one.ipynb").read_text() == "old"
    assert not (stale.stage / "book/two.ipynb").exists()


def test_a_removed_source_leaves_stage_and_pages(plain: Path) -> None:
    made = Book(plain)
    extra = plain / "book/extra.md"
    extra.write_text("# Extra")
    (plain / "book/runs").mkdir()  # what chapters leave that are run by hand
    (plain / "book/runs/checkpoint.pt").touch()
    book.stage(made, [], plain / "nothing")
    made.html.mkdir(parents=True)
    assert (made.stage / "book/extra.md").exists()
    assert not (made.stage / "book/profiles").exists()
    assert not (made.stage / "book/runs").exists()
    extra.unlink()
    book.stage(made, [], plain / "nothing")
    assert not (made.stage / "book/extra.md").exists()
    assert not made.html.exists()


def test_records_are_staged_as_one_file_a_set_with_a_table_of_their_scores(
    plain: Path,
) -> None:
    real = Path(__file__).parents[2] / "book/results/quick-shapes/simclr.jsonl"
    three = records.read_file(real)[:3]
    first, second, third = (f"{records.to_line(one)}\n" for one in three)
    folder = plain / "book/results/some-set"
    folder.mkdir(parents=True)
    (folder / "rotnet.jsonl").write_text(first + third)
    (folder / "simclr.jsonl").write_text(second)
    made = Book(plain)
    book.stage(made, [], plain / "nothing")
    staged = made.stage / "book/results"
    assert (staged / "some-set.jsonl").read_text() == first + second + third
    runs = records.read(folder)
    scores = pd.read_csv(staged / "some-set.csv")
    assert len(scores) == sum(len(run.scores) for run in runs)
    assert [run.key for run in runs] == [one.key for one in three]
    book.stage(made, [], plain / "nothing")  # nothing changed, nothing is stray
    assert (staged / "some-set.csv").exists()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book that was built once, for the tests below in their order."""
    root = write_book(
        tmp_path_factory.mktemp("book"),
        {"one": chapter(IMPORT), "two": chapter(FIGURE, **ALT)},
    )
    rebuild(root)
    return root


def rebuild(root: Path, place: source.Place | None = None) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vendor, "fetch", lambda folder: None)  # no network in unit tests
        book = Book(root, place=place or source.Place())
        build(book, workers=2, timeout=60)


def snapshot(folder: Path) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_pages_show_what_ran_and_with_which_values(built: Path) -> None:
    one = (Book(built).html / "book/one.html").read_text()
    assert "the answer is 42 quick 2" in one
    assert one.count("settings of this page") == 1
    assert "Show code cell" not in one
    two = (Book(built).html / "book/two.html").read_text()
    assert 'alt="A line that rises."' in two


def test_pages_have_a_card_and_their_source_and_no_button_that_leads_nowhere(
    built: Path,
) -> None:
    page = Book(built).html / "book/one.html"
    text = page.read_text()
    assert '<meta name="description" content="Where x^2 is a square." />' in text
    assert '<meta property="og:title" content="A title" />' in text
    assert "og:image" not in text
    (address,) = re.findall(r'<a href="([^"]+)">the source', text)
    with zipfile.ZipFile(page.parent / address) as packed:
        name = "unlabelled-images/book/one.ipynb"
        assert packed.read(name) == (built / "book/one.ipynb").read_bytes()
    assert not re.search(r"binder|colab|github\.com", text, flags=re.IGNORECASE)


def test_pages_that_are_told_their_addresses_lead_to_them(built: Path) -> None:
    place = source.Place("https://github.com/someone/book", "https://a.org/book/")
    rebuild(built, place=place)
    text = (Book(built).html / "book/one.html").read_text()
    tail = "someone/book/blob/main/book/one.ipynb"
    assert f"https://colab.research.google.com/github/{tail}" in text
    assert "mybinder.org/v2/gh/someone/book/main?urlpath=lab/tree/book/one" in text
    assert 'href="https://github.com/someone/book"' in text
    assert 'content="https://a.org/book/_static/answer.png"' in text
    assert 'content="https://a.org/book/book/one.html"' in text


def test_nothing_changed_means_nothing_executed(
    built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copies = {p: p.stat().st_mtime_ns for p in (built / "_build").rglob("*.ipynb")}
    sources = snapshot(built / "book")
    rebuild(built)
    assert snapshot(built / "book") == sources
    assert {p: p.stat().st_mtime_ns for p in copies} == copies
    assert capsys.readouterr().out.count("unchanged") == 2


def test_editing_the_package_executes_the_chapters_anew(built: Path) -> None:
    (built / "sslkit/__init__.py").write_text("answer = 43\n")
    rebuild(built)
    assert "the answer is 43" in (Book(built).html / "book/one.html").read_text()


def test_a_broken_chapter_stops_the_build_before_the_pages(
    built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = built / "book/one.ipynb"
    good = notebook.read_bytes()
    pages = snapshot(Book(built).html)
    write_notebook(notebook, chapter("raise ValueError('on purpose')"))
    assert main(["--root", str(built)]) == 1
    report = capsys.readouterr().err
    assert "FAILED one, cell 3 of 3" in report
    assert "ValueError: on purpose" in report
    assert snapshot(Book(built).html) == pages
    assert not (Book(built).folder / "executed/one.ipynb").exists()
    notebook.write_bytes(good)


def test_a_warning_of_sphinx_fails_the_build_again_and_again(built: Path) -> None:
    page = built / "book/intro.md"
    good = page.read_text()
    page.write_text(good + "\nSee {doc}`nowhere`.\n")
    for _ in range(2):
        with pytest.raises(BookError, match="Jupyter Book failed"):
            rebuild(built)
    page.write_text(good)


def test_a_markdown_image_without_alt_text_fails_the_build(built: Path) -> None:
    page = built / "book/intro.md"
    page.write_text("# The question\n\n![](dot.svg)\n")
    (built / "book/dot.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    with pytest.raises(BookError, match="book/intro: an image without alt text"):
        rebuild(built)


def test_where_prints_the_folder_of_the_pages(
    plain: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = plain / "images"
    folder.mkdir()
    given = os.path.relpath(folder)
    assert main(["--root", str(plain), "--data", given, "--where"]) == 0
    assert capsys.readouterr().out.strip() == str(Book(plain, data=str(folder)).html)
    shutil.rmtree(folder)
    with pytest.raises(SystemExit):
        main(["--root", str(plain), "--data", given, "--where"])
    assert f"no folder {given}" in capsys.readouterr().err
