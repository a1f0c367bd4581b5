"""The browser libraries: the right ones, once, and nothing else of their archives."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from tools import BookError, vendor
from tools.vendor import Package


def archive(**members: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name.replace("__", "/"))
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content.encode()))
    return file.getvalue()


ARCHIVE = archive(package__dist__embed="code", package__install="evil")
DIGEST = base64.b64encode(hashlib.sha512(ARCHIVE).digest()).decode()
PACKAGE = Package("thing@1.0.0", f"sha512-{DIGEST}", r"dist/.*", "thing")


@pytest.fixture
def packed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked of npm, which answers with ARCHIVE."""
    asked: list[str] = []

    def pack(spec: str) -> bytes:
        asked.append(spec)
        return ARCHIVE

    monkeypatch.setattr(vendor, "pack", pack)
    return asked


def test_only_the_named_members_are_kept(tmp_path: Path, packed: list[str]) -> None:
    vendor.fetch(tmp_path, (PACKAGE,))
    kept = {
        p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()
    }
    assert kept == {"thing/dist/embed", "thing/.package"}
    assert (tmp_path / "thing/dist/embed").read_text() == "code"


def test_a_package_is_fetched_once_until_it_changes(
    tmp_path: Path, packed: list[str]
) -> None:
    vendor.fetch(tmp_path, (PACKAGE,))
    vendor.fetch(tmp_path, (PACKAGE,))
    assert packed == ["thing@1.0.0"]
    vendor.fetch(tmp_path, (replace(PACKAGE, members="install"),))
    assert packed == ["thing@1.0.0"] * 2
    assert not (tmp_path / "thing/dist").exists()


def test_another_checksum_is_an_error_and_nothing_is_kept(
    tmp_path: Path, packed: list[str]
) -> None:
    with pytest.raises(BookError, match=r"thing@1\.0\.0 has the checksum"):
        vendor.fetch(tmp_path, (replace(PACKAGE, integrity="sha512-other"),))
    assert list(tmp_path.iterdir()) == []


def test_every_pinned_package_has_a_version_and_a_sha512() -> None:
    for package in vendor.PACKAGES + vendor.CHECKERS:
        assert package.spec.rpartition("@")[2][0].isdigit()
        scheme, _, digest = package.integrity.partition("-")
        assert scheme == "sha512"
        assert len(base64.b64decode(digest)) == 64
