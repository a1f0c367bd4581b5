"""What pages say of where they live, and the archive that they carry."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest
import yaml
from tiny_book import chapter, write_book

from tools import BookError, source
from tools.source import Place

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = (ROOT / "_config.yml").read_text()


def test_without_an_address_there_is_no_button() -> None:
    config = yaml.safe_load(source.configuration(COMMITTED, Place()))
    assert not {"repository", "launch_buttons"} & config.keys()
    assert not config["html"]["use_repository_button"]
    assert "baseurl" not in config["html"]


@pytest.mark.parametrize(
    ("host", "launched"),
    [
        ("github.com", {"binderhub_url", "colab_url"}),
        ("gitlab.com", {"binderhub_url"}),
    ],
)
def test_a_repository_gives_the_buttons_that_its_host_can_serve(
    host: str, launched: set[str]
) -> None:
    place = Place(f"https://{host}/someone/book")
    config = yaml.safe_load(source.configuration(COMMITTED, place))
    assert config["repository"]["url"] == place.repository
    assert config["html"]["use_repository_button"]
    assert config["launch_buttons"].keys() - {"notebook_interface"} == launched


def test_what_is_committed_stays_but_for_what_is_added() -> None:
    assert yaml.safe_load(source.configuration(COMMITTED, Place())) == yaml.safe_load(
        COMMITTED
    )
    place = Place("https://github.com/someone/book", "https://someone.github.io/book/")
    made = yaml.safe_load(source.configuration(COMMITTED, place))
    assert made["sphinx"] == yaml.safe_load(COMMITTED)["sphinx"]
    assert made["html"]["baseurl"] == place.site


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"repository": "github.com/someone/book"}, "'github.com/someone/book' is no"),
        ({"repository": "https://github.com/someone"}, "https://HOST/OWNER/NAME"),
        ({"repository": "https://example.org/someone/book"}, "github.com, gitlab.com"),
        ({"site": "someone.github.io/book/"}, "'someone.github.io/book/' is no"),
        ({"site": "https://someone.github.io/book"}, "ends in a slash"),
    ],
)
def test_an_address_that_would_be_a_dead_button_is_an_error(
    given: dict[str, str], said: str
) -> None:
    with pytest.raises(BookError, match=said):
        Place(**given)


def test_archive_holds_the_sources_and_nothing_that_lies_beside_them(
    tmp_path: Path,
) -> None:
    root = write_book(tmp_path / "root", {"one": chapter("a = 1")})
    for name in ("photos/cat/a.jpg", "book/runs/records/a.json", "_build/a"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("a reader's own")
    (root / "sslkit/runs").mkdir()
    (root / "sslkit/runs/keys.py").write_text("key = 1\n")
    source.archive(root, tmp_path / "source.zip")
    with zipfile.ZipFile(tmp_path / "source.zip") as packed:
        names = {name.removeprefix(f"{source.FOLDER}/") for name in packed.namelist()}
        assert packed.read(f"{source.FOLDER}/sslkit/runs/keys.py") == b"key = 1\n"
    assert {"_config.yml", "book/one.ipynb", "book/intro.md"} <= names
    assert not [n for n in names if n.startswith(("photos", "book/runs", "_build"))]


def test_archive_of_the_same_sources_is_the_same_file(tmp_path: Path) -> None:
    root = write_book(tmp_path / "root", {"one": chapter("a = 1")})
    source.archive(root, tmp_path / "a.zip")
    for file in root.rglob("*"):
        file.touch()
    source.archive(root, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_archive_would_hold_every_file_of_the_project() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("not a git checkout, so its files cannot be listed")
    tracked = {ROOT / name for name in listed.stdout.split("\0") if name}
    there = {file for file in tracked if file.is_file()}
    assert there <= set(source.sources(ROOT))
