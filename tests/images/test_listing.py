"""What a folder holds and what of it is not read: links, odd names, other files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from images.made import colour, fill, save

from sslkit.images.folders import SUFFIXES, list_folder
from sslkit.images.loading import load


def listed(folder: Path) -> list[str]:
    return list_folder(folder).table["path"].tolist()


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return fill(tmp_path / "plain", {"a": 2, "b": 2})


# ------------------------------------------------------------------ not read, but said


def test_what_is_not_read_is_named_by_its_kind(small: Path) -> None:
    before = listed(small)
    for name in (
        "train/cat/x.GIF", "train/cat/y.gif", "test/dog/scan.dcm", "train/dog/IM0001",
        "train/dog/notes.txt", "train/.DS_Store.png", "train/cat/.hidden.png",
        "val/cat/0.png", "beside.png", "train/beside.heic", "README.md", "files.csv",
        "train/cat/.thumbs/0.png", "train/__MACOSX/0.png",
    ):  # fmt: skip
        (small / name).parent.mkdir(parents=True, exist_ok=True)
        (small / name).write_bytes(b"")
    assert listed(small) == before
    assert list_folder(small).ignored == {
        ".dcm": ("test/dog/scan.dcm",),
        ".gif": ("train/cat/x.GIF", "train/cat/y.gif"),
        ".txt": ("train/dog/notes.txt",),
        "folders": ("val",),
        "hidden": (
            "train/.DS_Store.png",
            "train/__MACOSX",
            "train/cat/.hidden.png",
            "train/cat/.thumbs",
        ),
        "images": ("beside.png", "train/beside.heic"),
        "no suffix": ("train/dog/IM0001",),
    }
    origin = load(small, image_size=8).origin
    assert origin is not None
    assert origin.ignored == list_folder(small).ignored


def test_a_class_of_files_that_are_not_read_is_told_with_what_it_holds(
    plain: Path,
) -> None:
    (plain / "phone").mkdir()
    for i in range(3):
        (plain / "phone" / f"{i}.HEIC").touch()
    with pytest.raises(
        ValueError, match=r"phone holds no images .*, but 3 \.heic; fill"
    ):
        list_folder(plain)


def test_a_folder_that_may_not_be_read_is_an_error_and_not_an_empty_one(
    plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(colour(1, 1, 1), plain / "a" / "closed" / "0.png")
    really = os.scandir

    def scandir(path: Any) -> Any:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return really(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(OSError, match=r"folder .*a/closed cannot be read \(Permission"):
        list_folder(plain)


# ------------------------------------------------------------------------------- links


def test_a_link_inside_a_class_into_the_folder_brings_nothing(plain: Path) -> None:
    before = listed(plain)
    for name, target in {
        "loop": ".",
        "up": "..",
        "other": "../b",
        "around": plain.parent,
        "itself": "itself",
    }.items():
        (plain / "a" / name).symlink_to(target)
    assert listed(plain) == before
    assert list_folder(plain).ignored == {
        "links": ("a/around", "a/loop", "a/other", "a/up"),
        "no suffix": ("a/itself",),
    }


def test_links_out_of_the_folder_are_followed_once(plain: Path, tmp_path: Path) -> None:
    outside = fill(tmp_path / "outside", {"": 1, "deep": 1})
    (outside / "deep" / "back").symlink_to(outside)
    (plain / "a" / "link").symlink_to(outside)
    (plain / "a" / "twice").symlink_to(outside / "deep")
    found = [path for path in listed(plain) if "link" in path or "twice" in path]
    assert len(found) == 2
    assert len({(plain / path).resolve() for path in found}) == 2
    assert len(list_folder(plain).ignored["links"]) == 2


def test_parts_and_classes_may_be_links_to_elsewhere(small: Path) -> None:
    linked = small.parent / "linked"
    for part in ("train", "test"):
        (linked / part).mkdir(parents=True)
        (linked / part / "cat").symlink_to(small / part / "cat")
        (linked / part / "dog").symlink_to(small / part / "dog")
    assert listed(linked) == listed(small)
    (small.parent / "parts").mkdir()
    for part in ("train", "test"):
        (small.parent / "parts" / part).symlink_to(small / part)
    assert listed(small.parent / "parts") == listed(small)


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("test", "train"),
        ("train/cow", "train/cat"),
        ("train/cow", "train/cat/deep"),
        ("unlabelled", "test"),
        ("unlabelled", "train/cat"),
    ],
)
def test_a_class_that_is_another_one_by_a_link_is_refused(
    link: str, target: str, small: Path
) -> None:
    fill(small, {"train/cat/deep": 1})
    if link.endswith("cow"):
        fill(small, {"test/cow": 1})
    if link == "test":
        (small / "test").rename(small.parent / "old")
    (small / link).symlink_to(small / target)
    with pytest.raises(ValueError, match="are one folder, by a link"):
        list_folder(small)


# ------------------------------------------------------------------------------- names

ODD = {
    "spaces": "my best  image",
    "quotes": 'it\'s "so" `good`',
    "a line break": "two\nlines",
    "an emoji": "🧫👩‍🔬",
    "right to left": "خلايا \u202e gnp",
    "HTML": "<script>alert(1)<",
    "a shell's signs": "$(touch pwned); rm -rf * | & > x",
    "no text": os.fsdecode(b"\xff\xfe"),
    "an option": "--help",
    "very long": "x" * 200,
}


@pytest.mark.parametrize("kind", ODD)
def test_files_and_classes_may_be_called_anything(kind: str, tmp_path: Path) -> None:
    name = ODD[kind]
    folder = tmp_path / "odd"
    fill(folder, {name: 3, "b": 3}, f"{name}{{i}}.png")
    images = load(folder, image_size=8)
    assert set(images.classes) == {name, "b"}
    assert images.files is not None
    assert sum(file.startswith(f"{name}/{name}") for file in images.files) == 3
    assert not list(tmp_path.rglob("pwned"))


def test_classes_that_differ_by_case_alone_are_told_apart_only_if_both_are_named(
    tmp_path: Path,
) -> None:
    folder = fill(tmp_path / "x", {"Cat": 2, "cat": 2, "dog": 2})
    if len(list(folder.iterdir())) < 3:
        pytest.skip("the file system takes Cat for cat")
    with pytest.raises(ValueError, match=r"'Cat' and 'cat' differ by case .*classes="):
        list_folder(folder)
    assert list_folder(folder, ("Cat", "cat")).classes == ("Cat", "cat")


def test_a_class_that_is_not_there_is_refused_with_the_nearest(plain: Path) -> None:
    fill(plain, {"adenoma": 1})
    with pytest.raises(ValueError, match=r"no class folder .*; did you mean 'adenoma'"):
        list_folder(plain, ("a", "adenom"))


# -------------------------------------------------------------------- trees of any kind

names = st.sampled_from(
    ["a", "b", "cat", "train", "test", "unlabelled", "val", ".git", "__x", "C"]
)
files = st.sampled_from(
    ["0.png", "1.PNG", "2.jpg", "x.tiff", "y.gif", "z.dcm", "IM1", ".h.png", "n.txt"]
)
trees = st.recursive(
    st.dictionaries(files, st.none(), max_size=3),
    lambda inner: st.dictionaries(names | files, inner | st.none(), max_size=4),
    max_leaves=12,
)


def grow(folder: Path, tree: dict[str, Any]) -> None:
    folder.mkdir(exist_ok=True)
    for name, below in tree.items():
        if below is None:
            (folder / name).touch()
        else:
            grow(folder / name, below)


def images_below(folder: Path) -> Iterator[str]:
    for here, _, found in os.walk(folder):
        for name in found:
            if name.lower().endswith(SUFFIXES):
                yield (Path(here) / name).relative_to(folder).as_posix()


class_folders = {"a": {"own.png": None}, "b": {"own.png": None}}
shapes = st.sampled_from(
    [{}, class_folders, {"train": class_folders, "test": class_folders}]
)


@given(
    shape=shapes,
    tree=trees,
    link=st.sampled_from([None, "..", ".", "a", "cat", "train"]),
)
@settings(max_examples=100, deadline=None)
def test_of_any_tree_every_image_is_listed_once_or_named_as_ignored(
    shape: dict[str, Any], tree: dict[str, Any], link: str | None
) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "tree"
        grow(folder, shape)
        grow(folder, tree)
        for below in [path for path in folder.rglob("*") if path.is_dir()][:2]:
            if link and not (below / "link").exists():
                (below / "link").symlink_to(link)
        try:
            found = list_folder(folder)
        except ValueError:  # of another shape than a folder of images has
            event("refused")
            return
        event(f"{len(found.classes)} classes, ignored {sorted(found.ignored)}")
        paths = found.table["path"].tolist()
        assert len(paths) == len(set(paths))
        assert len(paths) == len({(folder / path).resolve() for path in paths})
        assert not any(
            part.startswith(".") for path in paths for part in path.split("/")
        )
        keys = ["part", "label", "path"]
        for _, rows in found.table.groupby(keys[:2]):
            assert rows["path"].is_monotonic_increasing
        for row in found.table[found.table["label"] >= 0].itertuples():
            assert row.path == f"{row.part}/{row.file}".lstrip("/")
            assert row.file.split("/")[0] == found.classes[row.label]
        ignored = [path for kind in found.ignored.values() for path in kind]
        assert len(ignored) == len(set(ignored))
        for path in images_below(folder):
            around = [path, *map(str, Path(path).parents)]
            assert (path in paths) != bool(set(around) & set(ignored)), path
