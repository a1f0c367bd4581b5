"""Image sets: folders with files of every kind, torchvision's sets, shapes."""

from __future__ import annotations

import gzip
import hashlib
import pickle
import struct
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from sslkit.images import decoding, loading, shapes, sources
from sslkit.images.loading import load

Write = Callable[[Path], None]


@pytest.fixture(autouse=True)
def no_data_folder_of_the_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if "real_images" not in request.fixturenames:
        monkeypatch.setenv("SSLKIT_DATA", str(tmp_path))


def colour(*rgb: int, size: tuple[int, int] = (8, 8)) -> Image.Image:
    return Image.new("RGB", size, rgb)


def save(image: Image.Image, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return path


def fill(folder: Path, counts: dict[str, int], name: str = "{i:03d}.png") -> Path:
    """Write images whose three values are the class, the part and a running number."""
    for k, (below, count) in enumerate(sorted(counts.items())):
        for i in range(count):
            save(colour(10 * k, len(below), i), folder / below / name.format(i=i))
    return folder


@pytest.fixture
def small(tmp_path: Path) -> Path:
    counts = {"train/cat": 6, "train/dog": 5, "test/cat": 3, "test/dog": 2}
    return fill(tmp_path / "small", counts)


def upright() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (24, 36, 3), dtype=np.uint8)


# Reading one file ---------------------------------------------------------------------

STORED = {  # how the upright pixels lie in a file of each EXIF orientation
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, 1),  # shown after a clockwise quarter-turn
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".webp"])
@pytest.mark.parametrize("orientation", STORED)
def test_an_image_with_an_exif_orientation_equals_its_upright_twin(
    tmp_path: Path, orientation: int, suffix: str
) -> None:
    twin = save(Image.fromarray(upright()), tmp_path / "twin.png")
    turned = Image.fromarray(np.ascontiguousarray(STORED[orientation](upright())))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if suffix == ".webp" else {}
    turned.save(tmp_path / f"turned{suffix}", exif=exif, **options)
    expected = decoding.read_image(twin, 16)
    result = decoding.read_image(tmp_path / f"turned{suffix}", 16)
    np.testing.assert_array_equal(result, expected)


def test_a_phone_s_jpeg_is_turned_upright(tmp_path: Path) -> None:
    picture = colour(255, 0, 0, size=(64, 64))
    picture.paste((0, 0, 255), (0, 32, 64, 64))  # red sky over blue sea
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = picture.transpose(Image.Transpose.ROTATE_90)  # counter-clockwise
    lying.save(tmp_path / "phone.jpg", exif=exif, quality=95)
    result = decoding.read_image(tmp_path / "phone.jpg", 8).astype(int)
    assert result[0, :, 0].min() > 240
    assert result[-1, :, 2].min() > 240
    assert result[0, :, 2].max() < 15


def grey(mode: str, values: list[float], dtype: str) -> Image.Image:
    image = Image.fromarray(np.array([values] * len(values), dtype=dtype))
    assert image.mode == mode
    return image


def with_palette(transparent: bool) -> Image.Image:
    image = Image.new("P", (2, 2))
    image.putpalette([200, 100, 50, 0, 0, 255])
    image.putdata([0, 1, 0, 1])
    if transparent:
        image.info["transparency"] = 1
    return image


def painted(mode: str, *values: Any) -> Image.Image:
    image = Image.new(mode, (len(values), len(values)))
    image.putdata(list(values) * len(values))
    return image


RAMP16 = [0, 1000, 25700, 65535]
RAMP8 = [(0,) * 3, (4,) * 3, (100,) * 3, (255,) * 3]  # the same divided by 257
MODES: dict[str, tuple[Image.Image, str, list[tuple[int, ...]]]] = {
    "bilevel": (painted("1", 0, 255), ".png", [(0, 0, 0), (255, 255, 255)]),
    "grey": (painted("L", 7, 200), ".bmp", [(7, 7, 7), (200, 200, 200)]),
    "palette": (with_palette(False), ".png", [(200, 100, 50), (0, 0, 255)]),
    "transparent palette": (
        with_palette(True),
        ".png",
        [(200, 100, 50), (255, 255, 255)],
    ),
    "grey with alpha": (
        painted("LA", (100, 255), (100, 0)),
        ".png",
        [(100, 100, 100), (255, 255, 255)],
    ),
    "alpha": (
        painted("RGBA", (200, 0, 0, 255), (200, 0, 0, 51)),
        ".png",
        [(200, 0, 0), (244, 204, 204)],  # 0.2 * 200 + 0.8 * 255, 0.8 * 255
    ),
    "cmyk": (
        painted("CMYK", (0, 255, 255, 0), (255, 255, 0, 0)),
        ".tif",
        [(255, 0, 0), (0, 0, 255)],
    ),
    "16-bit png": (grey("I;16", RAMP16, "<u2"), ".png", RAMP8),
    "16-bit tiff": (grey("I;16", RAMP16, "<u2"), ".tiff", RAMP8),
    "32-bit tiff": (grey("I", RAMP16, "<i4"), ".tiff", RAMP8),
    "float": (
        grey("F", [0.0, 0.2, 0.5, 1.0], "<f4"),
        ".tiff",
        [(0,) * 3, (51,) * 3, (128,) * 3, (255,) * 3],
    ),
}


@pytest.mark.parametrize("kind", MODES)
def test_every_mode_becomes_rgb(tmp_path: Path, kind: str) -> None:
    image, suffix, expected = MODES[kind]
    path = save(image, tmp_path / f"x{suffix}")
    result = decoding.read_image(path, len(expected))
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, [expected] * len(expected))


def test_a_cmyk_jpeg_becomes_rgb(tmp_path: Path) -> None:
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    result = decoding.read_image(save(image, tmp_path / "x.jpg"), 4).astype(int)
    assert np.abs(result - [255, 0, 0]).max() <= 4


def test_16_bit_colour_becomes_8_bit_colour(tmp_path: Path) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    # Written by hand, for Pillow writes no 16-bit colour: 1x1, 16 bits, colour type 2.
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0))
    line = chunk(b"IDAT", zlib.compress(b"\0" + struct.pack(">HHH", 65535, 25700, 0)))
    path = tmp_path / "x.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + line + chunk(b"IEND", b""))
    assert decoding.read_image(path, 1).tolist() == [[[255, 100, 0]]]


@pytest.mark.parametrize("values", [[0.0, 3.0], [-0.5, 1.0], [float("nan"), 1.0]])
def test_float_values_of_an_unknown_range_are_refused(
    tmp_path: Path, values: list[float]
) -> None:
    path = save(grey("F", values, "<f4"), tmp_path / "x.tif")
    with pytest.raises(ValueError, match=r"x\.tif cannot be read .*floats in \[0, 1\]"):
        decoding.read_images([path], 2)


def test_the_central_square_is_kept(tmp_path: Path) -> None:
    wide = colour(255, 0, 0, size=(60, 20))
    wide.paste((0, 255, 0), (20, 0, 40, 20))
    for image in (wide, wide.transpose(Image.Transpose.ROTATE_90)):
        result = decoding.read_image(save(image, tmp_path / "x.png"), 10)
        np.testing.assert_array_equal(result, np.broadcast_to([0, 255, 0], (10, 10, 3)))


def test_an_image_of_the_right_size_is_not_touched(tmp_path: Path) -> None:
    image = upright()[:, :24]
    path = save(Image.fromarray(image), tmp_path / "x.png")
    np.testing.assert_array_equal(decoding.read_image(path, 24), image)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_shrinking_averages_instead_of_picking_pixels(
    tmp_path: Path, suffix: str
) -> None:
    board = (np.indices((512, 512)).sum(axis=0) % 2 * 255).astype(np.uint8)
    path = save(Image.fromarray(board), tmp_path / f"x{suffix}")
    result = decoding.read_image(path, 16).astype(int)
    assert np.abs(result - 128).max() <= 3


def test_a_large_jpeg_read_at_a_fraction_matches_its_full_reading(
    tmp_path: Path,
) -> None:
    y, x = np.mgrid[0:512, 0:768] / 100
    waves = np.stack([np.sin(x + y), np.cos(2 * x), np.sin(x * y / 3)], axis=2)
    path = tmp_path / "x.jpg"
    Image.fromarray((127 + 120 * waves).astype(np.uint8)).save(path, quality=95)
    full = Image.open(path).crop((128, 0, 640, 512))
    expected = np.asarray(full.resize((32, 32), Image.Resampling.BICUBIC)).astype(int)
    difference = np.abs(decoding.read_image(path, 32) - expected)
    assert difference.mean() < 0.7
    assert difference.max() <= 4


# Folders ------------------------------------------------------------------------------


def test_a_folder_is_read_by_part_and_class_in_sorted_order(small: Path) -> None:
    images = load(small, image_size=8)
    assert images.name == "small"
    assert images.classes == ("cat", "dog")
    assert images.images.shape == (16, 3, 8, 8)
    assert images.images.dtype == torch.uint8
    assert images.labels.tolist() == [0] * 6 + [1] * 5 + [0] * 3 + [1] * 2
    assert images.part.tolist() == ["train"] * 11 + ["test"] * 5
    assert images.files is not None
    assert images.files[:2] == ("cat/000.png", "cat/001.png")
    # Number k of the sorted folders test/cat, test/dog, train/cat, train/dog; length of
    # the folder's name; number of the file: as `fill` wrote them.
    assert images.images[:, :, 3, 3].tolist() == (
        [[20, 9, i] for i in range(6)]
        + [[30, 9, i] for i in range(5)]
        + [[0, 8, i] for i in range(3)]
        + [[10, 8, i] for i in range(2)]
    )


def test_every_suffix_is_read_and_other_files_are_not(tmp_path: Path) -> None:
    names = ["a.jpg", "b.JPEG", "c.Png", "d.webp", "e.BMP", "f.tif", "g.TIFF"]
    for name in names:
        save(colour(9, 9, 9), tmp_path / "x" / "one" / name)
    save(colour(9, 9, 9), tmp_path / "x" / "one" / ".hidden.png")
    save(colour(9, 9, 9), tmp_path / "x" / ".thumbnails" / "a.png")
    (tmp_path / "x" / "one" / "notes.txt").write_text("no image")
    (tmp_path / "x" / "labels.csv").write_text("no image")
    save(colour(9, 9, 9), tmp_path / "x" / "two" / "deeper" / "a.png")
    save(colour(9, 9, 9), tmp_path / "x" / "two" / "b.png")
    images = load(tmp_path / "x", image_size=4)
    assert images.files == (
        *(f"one/{n}" for n in names),
        "two/b.png",
        "two/deeper/a.png",
    )


@pytest.mark.parametrize("spelling", ["unlabelled", "unlabeled"])
def test_images_without_labels_are_a_part_of_their_own(
    small: Path, spelling: str
) -> None:
    fill(small, {spelling: 4})
    images = load(small, image_size=8)
    rows = images.rows("unlabelled")
    assert len(rows) == 4
    assert images.labels[rows].tolist() == [-1] * 4
    assert images.files is not None
    assert images.files[rows[0]] == "unlabelled/000.png"
    plain = fill(small.parent / "plain", {"a": 5, "b": 5, spelling: 3})
    assert load(plain, image_size=8).classes == ("a", "b")


def test_a_plain_folder_gets_a_stratified_test_part_by_seed(tmp_path: Path) -> None:
    plain = fill(tmp_path / "plain", {"a": 50, "b": 20, "c": 2})
    images = load(plain, image_size=2)
    for label, count in enumerate((10, 4, 1)):
        assert (images.labels[images.rows("test")] == label).sum() == count
    again = load(plain, image_size=2)
    other = load(plain, image_size=2, seed=1)
    assert images.part.tolist() == again.part.tolist() != other.part.tolist()
    assert images.fingerprint == again.fingerprint != other.fingerprint


def test_the_default_size_of_a_folder_s_images_is_96(small: Path) -> None:
    assert load(small, limit=1).images.shape == (4, 3, 96, 96)


def test_classes_are_a_subset_in_the_order_given(tmp_path: Path) -> None:
    folder = fill(
        tmp_path / "x",
        {f"{part}/{name}": 2 for part in ("train", "test") for name in "abc"},
    )
    images = load(folder, image_size=2, classes=("c", "a"))
    assert images.classes == ("c", "a")
    assert images.files is not None
    for file, label in zip(images.files, images.labels, strict=True):
        assert file[0] == "ca"[label]


def test_a_limit_is_drawn_before_any_file_is_read(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(small, {"unlabelled": 9})
    read: list[str] = []
    original = decoding.read_image

    def spy(path: Path, image_size: int) -> np.ndarray:
        read.append(path.relative_to(small).as_posix())
        return original(path, image_size)

    monkeypatch.setattr(decoding, "read_image", spy)
    images = load(small, image_size=8, limit=2)
    assert len(read) == len(images) == 2 * 4 + 4  # and limit * classes unlabelled
    for part, count in (("train", 2), ("test", 2)):
        labels = images.labels[images.rows(part)]
        assert torch.bincount(labels).tolist() == [count] * 2
    assert load(small, image_size=8, limit=2).files == images.files
    assert load(small, image_size=8, limit=2, seed=1).files != images.files


def damage(folder: Path) -> list[str]:
    """Put an empty file, a text and half a JPEG among the images."""
    (folder / "train/cat/002b.png").write_bytes(b"")
    (folder / "train/dog/001b.jpg").write_text("not found")
    whole = save(Image.fromarray(upright()), folder / "half.jpg").read_bytes()
    (folder / "test/cat/half.jpg").write_bytes(whole[: len(whole) // 2])
    return ["train/cat/002b.png", "train/dog/001b.jpg", "test/cat/half.jpg"]


def test_a_file_that_cannot_be_read_is_named_with_the_way_out(small: Path) -> None:
    bad = damage(small)
    pattern = rf"{bad[0]} cannot be read \(UnidentifiedImageError.*on_error=\"skip\""
    with pytest.raises(ValueError, match=pattern):
        load(small, image_size=8)


def test_files_that_cannot_be_read_are_skipped_counted_and_listed(small: Path) -> None:
    whole = load(small, image_size=8)
    bad = damage(small)
    with pytest.warns(
        UserWarning, match=r"small: 3 of 19 files .*/002b\.png"
    ) as caught:
        images = load(small, image_size=8, on_error="skip")
    assert len(caught) == 1
    assert images.skipped == tuple(bad)
    assert images.files == whole.files
    assert images.fingerprint == whole.fingerprint


def test_a_class_without_a_readable_image_is_an_error(small: Path) -> None:
    for path in (small / "test/dog").iterdir():
        path.write_bytes(b"")
    with (
        pytest.warns(UserWarning, match="2 of 16 files"),
        pytest.raises(ValueError, match="no test image of 'dog' is left"),
    ):
        load(small, image_size=8, on_error="skip")


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({}, r"has 0 class folder\(s\), none; at least two"),
        ({"train/a": 1, "test/a": 1}, r"has 1 class folder\(s\), 'a'; at least two"),
        ({"a": 2, "b": 0}, r"class folder .*b holds no images .*\.jpg.*classes="),
        ({"test/a": 1, "test/b": 1}, r"has test/ but no train/"),
        (
            {"train/a": 1, "train/b": 1, "val/a": 1},
            r'train/ but no test/.*test="image"',
        ),
        (
            {"train/a": 1, "train/b": 1, "test/a": 1, "test/c": 1},
            r"different classes, only one of them has 'b', 'c'; add or rename",
        ),
        ({"a": 1, "b": 3}, r"class 'a' of x has 1 image.*at least two"),
    ],
)
def test_a_folder_of_another_shape_is_refused(
    tmp_path: Path, counts: dict[str, int], message: str
) -> None:
    for below in counts or [""]:
        (tmp_path / "x" / below).mkdir(parents=True)
    fill(tmp_path / "x", counts)
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "x", image_size=2)


def test_a_train_folder_alone_can_be_divided(tmp_path: Path) -> None:
    folder = fill(tmp_path / "x", {"train/a": 10, "train/b": 10})
    images = load(folder, image_size=2, test="image")
    assert (len(images.rows("train")), len(images.rows("test"))) == (16, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"classes": ("cat", "cow")},
            r"no class folder .*cow; .*train has 'cat', 'dog'",
        ),
        ({"classes": ("cat",)}, r"two or more different names"),
        ({"classes": ("cat", "cat")}, r"two or more different names"),
        ({"classes": "cat"}, r"two or more different names"),
        ({"test": "val"}, r"test is 'val'; it is one of"),
        ({"on_error": "ignore"}, r"on_error is 'ignore'"),
        ({"limit": 0}, r"limit is 0; it must be at least 1"),
        ({"image_size": -3}, r"image_size is -3"),
        ({"test": "group"}, r'test="group" needs groups='),
        ({"groups": r"(\w+"}, r"is no pattern"),
        ({"groups": r"\w+"}, r"has 0 groups in brackets; it needs one"),
        ({"groups": r"(\w)/(\w)"}, r"has 2 groups in brackets"),
        ({"groups": r"cat/(\d+)"}, r"train/dog/000\.png has no group .* 6 other"),
        ({"groups": "no.csv:path:group"}, r"there is no file .*no\.csv"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(
    small: Path, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        load(small, **{"image_size": 2, **arguments})


# Groups -------------------------------------------------------------------------------


@pytest.fixture
def grouped(tmp_path: Path) -> Path:
    """12 patients in each of two classes, of 1 to 12 images; ids restart by class."""
    folder = tmp_path / "grouped"
    for name in ("a", "b"):
        for patient in range(12):
            fill(folder, {name: patient + 1}, f"p{patient:02d}_{{i}}.png")
    return folder


def test_groups_come_from_a_pattern_on_class_and_name(grouped: Path) -> None:
    images = load(grouped, image_size=2, groups=r"(\w+/p\d+)_")
    assert images.groups is not None
    assert images.files is not None
    assert images.groups.tolist() == [file[:5] for file in images.files]
    assert len(set(images.groups)) == 24


def test_groups_come_from_a_column_of_a_csv_file(small: Path) -> None:
    paths = sorted(p.relative_to(small).as_posix() for p in small.rglob("*.png"))
    ids = [f"{'t' if p.startswith('test') else ''}{i % 4}" for i, p in enumerate(paths)]
    table = pd.DataFrame({"file": paths, "kids": True, "sender": ids})
    table.sample(frac=1, random_state=0).to_csv(small / "who.csv", index=False)
    images = load(small, image_size=8, groups="who.csv:file:sender")
    assert images.groups is not None
    assert images.files is not None
    found = [f"{p}/{f}" for p, f in zip(images.part, images.files, strict=True)]
    assert dict(zip(found, images.groups, strict=True)) == dict(
        zip(paths, ids, strict=True)
    )


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["path,group"], r"train/cat/000\.png has no group .* 15 other"),
        (["path,id"], r"has no column 'group'; it has 'path', 'id'"),
        (
            ["path,group", "x.png,1", "./x.png,2"],
            r"gives x\.png two groups, '1' and '2'",
        ),
    ],
)
def test_a_csv_file_that_does_not_fit_is_refused(
    small: Path, lines: list[str], message: str
) -> None:
    (small / "files.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(ValueError, match=message):
        load(small, image_size=2, groups="files.csv:path:group")


def test_groups_shared_by_train_and_test_are_refused_with_the_way_out(
    small: Path,
) -> None:
    with pytest.raises(ValueError, match=r"group '000' of small .*test=\"group\""):
        load(small, image_size=2, groups=r"/(\d+)")


@pytest.mark.parametrize("test", ["given", "group"])
@pytest.mark.parametrize("seed", range(3))
def test_a_test_part_set_aside_by_group_shares_no_group_with_train(
    grouped: Path, test: str, seed: int
) -> None:
    images = load(grouped, image_size=2, groups=r"(\w+/p\d+)_", test=test, seed=seed)
    assert images.groups is not None
    in_test = images.part == "test"
    assert not set(images.groups[in_test]) & set(images.groups[~in_test])
    for label in (0, 1):
        share = in_test[images.labels.numpy() == label].mean()
        assert 0.1 < share < 0.3


def test_a_test_part_by_group_pools_train_and_test(grouped: Path) -> None:
    folder = grouped.parent / "parts"
    for part, patients in (("train", range(8)), ("test", range(6, 12))):
        for patient in patients:  # patients 6 and 7 are in both parts
            for name in ("a", "b"):
                fill(folder, {f"{part}/{name}": 3}, f"p{patient:02d}_{part}{{i}}.png")
    pattern = r"/(p\d+)_"  # a patient has images of both classes
    with pytest.raises(ValueError, match="group 'p06'"):
        load(folder, image_size=2, groups=pattern)
    images = load(folder, image_size=2, groups=pattern, test="group")
    assert images.groups is not None
    in_test = images.part == "test"
    assert not set(images.groups[in_test]) & set(images.groups[~in_test])
    assert 0.1 < in_test.mean() < 0.3


def test_a_test_part_by_image_cuts_through_groups(grouped: Path) -> None:
    images = load(grouped, image_size=2, groups=r"(\w+/p\d+)_", test="image")
    assert images.groups is not None
    in_test = images.part == "test"
    assert set(images.groups[in_test]) & set(images.groups[~in_test])
    assert torch.bincount(images.labels[images.rows("test")]).tolist() == [16, 16]


def test_groups_with_unlabelled_images_never_go_to_the_test_part(
    grouped: Path,
) -> None:
    for patient in range(8):
        fill(grouped, {"unlabelled": 1}, f"p{patient:02d}_{{i}}.png")
    save(colour(1, 1, 1), grouped / "unlabelled" / "of nobody known.png")
    for seed in range(3):
        images = load(
            grouped, image_size=2, groups=r"/(p\d+)_", test="group", seed=seed
        )
        assert images.groups is not None
        tested = set(images.groups[images.part == "test"])
        assert tested <= {"p08", "p09", "p10", "p11"}
        assert images.groups[images.rows("unlabelled")[0]] == ""


def test_a_class_of_one_group_cannot_be_divided_by_group(tmp_path: Path) -> None:
    folder = fill(tmp_path / "x", {"a": 5}, "p1_{i}.png")
    for patient in range(5):
        fill(folder, {"b": 2}, f"p{patient}_{{i}}.png")
    with pytest.raises(ValueError, match=r"'a' of x is in 1 group\(s\), too few"):
        load(folder, image_size=2, groups=r"(\w+/p\d)_")
    two = fill(folder, {"a": 6}, "p2_{i}.png")
    images = load(two, image_size=2, groups=r"(\w+/p\d)_")
    assert (images.labels[images.rows("test")] == 0).sum() == 5  # the smaller group


# The image set itself -----------------------------------------------------------------


def test_take_gives_the_rows_asked_for_in_their_order(small: Path) -> None:
    images = load(small, image_size=8)
    rows = torch.tensor([5, 0, 15, 5])
    pixels, labels = images.take(rows)
    assert torch.equal(pixels, images.images[rows])
    assert labels.tolist() == [0, 0, 1, 0]


def test_rows_divide_the_set_by_part(small: Path) -> None:
    images = load(small, image_size=2)
    assert images.rows("train").tolist() == list(range(11))
    assert images.rows("test").tolist() == list(range(11, 16))
    assert images.rows("unlabelled").tolist() == []
    with pytest.raises(ValueError, match="part 'val'"):
        images.rows("val")


def test_images_move_to_another_device_and_keep_the_rest(small: Path) -> None:
    images = load(small, image_size=2)
    moved = images.to("meta")
    assert moved.images.device.type == moved.labels.device.type == "meta"
    assert moved.files == images.files
    assert moved.take(torch.tensor([0, 1]))[0].device.type == "meta"
    again = images.to("cpu")
    assert again.fingerprint == images.fingerprint


def test_images_that_stay_behind_are_sent_batch_by_batch(small: Path) -> None:
    images = load(small, image_size=2)
    assert images.resident
    streamed = replace(images, labels=images.labels.to("meta"))  # a device's stand-in
    assert not streamed.resident
    for given in streamed.take(torch.tensor([0, 1])):
        assert given.device.type == "meta"
        assert len(given) == 2
    assert streamed.images.device.type == "cpu"


def test_the_fingerprint_sees_every_change_but_no_name(small: Path) -> None:
    images = load(small, image_size=2)
    same = loading.ImageSet(
        "another", images.images.clone(), images.labels, images.part, images.classes
    )
    assert same.fingerprint == images.fingerprint
    pixel = images.images.clone()
    pixel[3, 1, 0, 0] += 1
    label = images.labels.clone()
    label[0] = 1
    part = images.part.copy()
    part[0] = "test"
    groups = np.array(["g"] * len(images))
    i, c = images.images, images.classes
    others = [
        loading.ImageSet("x", pixel, images.labels, images.part, c),
        loading.ImageSet("x", i, label, images.part, c),
        loading.ImageSet("x", i, images.labels, part, c),
        loading.ImageSet("x", i, images.labels, images.part, ("dog", "cat")),
        loading.ImageSet("x", i, images.labels, images.part, c, groups=groups),
        loading.ImageSet("x", i.flip(0), images.labels, images.part, c),
        loading.ImageSet("x", i.reshape(-1, 3, 4, 1), images.labels, images.part, c),
    ]
    assert len({images.fingerprint, *(other.fingerprint for other in others)}) == 8


# Names and built-in sets --------------------------------------------------------------


def names_of(images: loading.ImageSet) -> list[str]:
    """The class of each labelled image, by its label."""
    return [images.classes[label] for label in images.labels if label >= 0]


def factors_of(images: loading.ImageSet) -> list[str]:
    """The class of each labelled image, by its factors."""
    assert images.factors is not None
    return images.factors["class"][images.labels.numpy() >= 0].tolist()


def test_shapes_keep_their_factors() -> None:
    images = load("shapes")
    assert images.images.shape == (4500, 3, 32, 32)
    assert len(images.rows("train")) == 600
    assert len(images.rows("test")) == 1500
    assert images.labels[images.rows("unlabelled")].tolist() == [-1] * 2400
    assert names_of(images) == factors_of(images)
    drawn, _, _ = shapes.scenes(shapes.Scenes())
    assert torch.equal(images.images, drawn)


def test_shapes_take_a_limit_classes_a_size_and_a_seed() -> None:
    images = load("shapes", limit=4, classes=("glass", "fir"), image_size=16, seed=2)
    assert images.images.shape == (24, 3, 16, 16)
    assert images.classes == ("glass", "fir")
    assert names_of(images) == factors_of(images)
    assert len(images.rows("test")) == len(images.rows("unlabelled")) == 8
    assert images.fingerprint != load("shapes", limit=4, image_size=16).fingerprint
    with pytest.raises(ValueError, match="shapes has no class 'cat'"):
        load("shapes", limit=4, classes=("fir", "cat"))
    with pytest.raises(ValueError, match="groups are read from a folder; 'shapes'"):
        load("shapes", groups=r"(\w)")


def test_shapes_can_be_divided_anew() -> None:
    images = load("shapes", test="image", limit=30, image_size=4)
    for part in ("train", "test"):
        labels = images.labels[images.rows(part)]
        assert torch.bincount(labels).tolist() == [30, 30, 30]
    assert names_of(images) == factors_of(images)


def test_a_name_is_a_folder_of_the_data_folder_before_it_is_a_download(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load("small", image_size=8).name == "small"
    small.rename(tmp_path / "cifar10")
    assert load("cifar10", image_size=8).classes == ("cat", "dog")
    monkeypatch.setenv("SSLKIT_DATA", str(tmp_path / "nowhere"))
    assert load("cifar10", image_size=8, root=tmp_path).classes == ("cat", "dog")
    monkeypatch.chdir(tmp_path / "cifar10")
    assert load(".", image_size=8).name == "cifar10"
    monkeypatch.chdir(tmp_path)
    assert load("./cifar10", image_size=8).name == "cifar10"


def test_an_unknown_name_lists_the_known_ones(small: Path) -> None:
    with pytest.raises(
        ValueError, match=r"'petz'. Built in: shapes, cifar10.*: small\."
    ):
        load("petz")
    with pytest.raises(ValueError, match="there is no folder .*petz"):
        load(Path("petz"))
    with pytest.raises(ValueError, match="there is no folder .*petz"):
        load("./petz")


class NetworkUsed(AssertionError):
    pass


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise NetworkUsed

    monkeypatch.setattr(urllib.request, "urlopen", refuse)


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()  # noqa: S324


def write_cifar10(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Write CIFAR-10's pickled batches: a row an image, all its R, then G, then B."""
    from torchvision.datasets import CIFAR10

    rng = np.random.default_rng(0)
    folder = root / "cifar-10-batches-py"
    folder.mkdir()
    truth: dict[str, Any] = {"images": [], "labels": []}
    lists: dict[str, list[list[str]]] = {"train_list": [], "test_list": []}
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
        rows = rng.integers(0, 256, (20, 3072), dtype=np.uint8)
        labels = [i % 10 for i in range(20)]
        batch = {"batch_label": name, "labels": labels, "data": rows, "filenames": []}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
        truth["images"].append(rows.reshape(20, 3, 32, 32))
        truth["labels"] += labels
        which = "test_list" if name == "test_batch" else "train_list"
        lists[which].append([name, md5(folder / name)])
    names = [f"name{i}" for i in range(10)]
    names[3:8] = ["cat", "deer", "dog", "frog", "horse"]
    meta = {"label_names": names, "num_cases_per_batch": 20, "num_vis": 3072}
    (folder / "batches.meta").write_bytes(pickle.dumps(meta, protocol=2))
    for attribute, files_and_sums in lists.items():
        monkeypatch.setattr(CIFAR10, attribute, files_and_sums)
    changed = {**CIFAR10.meta, "md5": md5(folder / "batches.meta")}
    monkeypatch.setattr(CIFAR10, "meta", changed)
    return truth


@pytest.mark.usefixtures("no_network")
def test_cifar10_is_read_from_its_own_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = write_cifar10(tmp_path, monkeypatch)
    images = load("cifar10")
    assert np.array_equal(images.images.numpy(), np.concatenate(truth["images"]))
    assert images.labels.tolist() == truth["labels"]
    assert len(images.rows("train")) == 100
    assert len(images.rows("test")) == 20
    pets = load("cifar10", classes=("dog", "cat", "horse"), limit=1, image_size=16)
    assert pets.images.shape == (6, 3, 16, 16)
    assert pets.classes == ("dog", "cat", "horse")
    again = load("cifar10", test="image", root=tmp_path)
    assert torch.bincount(again.labels[again.rows("test")]).tolist() == [2] * 10


@pytest.mark.usefixtures("no_network")
def test_a_subset_of_cifar10_has_the_right_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = write_cifar10(tmp_path, monkeypatch)
    whole, labels = np.concatenate(truth["images"]), np.array(truth["labels"])
    images = load("cifar10", classes=("dog", "cat"))
    rows = np.flatnonzero((labels == 5) | (labels == 3))
    assert np.array_equal(images.images.numpy(), whole[rows])
    assert images.labels.tolist() == [0 if labels[row] == 5 else 1 for row in rows]
    few = load("cifar10", classes=("dog", "cat"), limit=2)
    where = [
        int(np.flatnonzero((whole == x.numpy()).all((1, 2, 3)))[0]) for x in few.images
    ]
    assert where == sorted(set(where))
    assert [labels[i] for i in where] == [(5, 3)[label] for label in few.labels]
    assert [i >= 100 for i in where] == (few.part == "test").tolist()


@pytest.mark.usefixtures("no_network")
def test_stl10_is_read_from_its_own_files_with_its_unlabelled_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import STL10

    rng = np.random.default_rng(0)
    folder = tmp_path / "stl10_binary"
    folder.mkdir()
    truth = {}
    for part, count in (("train", 20), ("test", 10), ("unlabeled", 7)):
        truth[part] = rng.integers(0, 256, (count, 3, 96, 96), dtype=np.uint8)
        # The files hold columns where others hold rows.
        (folder / f"{part}_X.bin").write_bytes(truth[part].swapaxes(2, 3).tobytes())
        labels = np.arange(count) % 10 + 1
        if part != "unlabeled":
            (folder / f"{part}_y.bin").write_bytes(labels.astype(np.uint8).tobytes())
    names = [f"name{i}" for i in range(10)]
    names[3:6] = ["cat", "deer", "dog"]
    (folder / "class_names.txt").write_text("\n".join(names) + "\n")
    for attribute in ("train_list", "test_list"):
        sums = [[name, md5(folder / name)] for name, _ in getattr(STL10, attribute)]
        monkeypatch.setattr(STL10, attribute, sums)

    images = load("stl10")
    expected = np.concatenate([truth["train"], truth["test"], truth["unlabeled"]])
    assert np.array_equal(images.images.numpy(), expected)
    assert images.labels.tolist() == [i % 10 for i in range(30)] + [-1] * 7
    assert images.rows("unlabelled").tolist() == list(range(30, 37))
    assert images.classes == tuple(names)
    few = load("stl10", classes=("cat", "dog"), limit=1, image_size=24)
    assert few.images.shape == (2 + 2 + 2, 3, 24, 24)
    # Averages survive the resizing, whatever its filter.
    mean = few.images[few.rows("unlabelled")].float().mean(dim=(1, 2, 3))
    all_means = truth["unlabeled"].mean(axis=(1, 2, 3))
    assert np.abs(mean.numpy()[:, None] - all_means).min(axis=1).max() < 1


@pytest.mark.usefixtures("no_network")
def test_fashionmnist_is_read_from_its_own_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import FashionMNIST

    rng = np.random.default_rng(0)
    folder = tmp_path / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    truth = {}
    for part, count in (("train", 30), ("t10k", 10)):
        truth[part] = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        head = struct.pack(">IIII", 2051, count, 28, 28)
        path = folder / f"{part}-images-idx3-ubyte.gz"
        path.write_bytes(gzip.compress(head + truth[part].tobytes()))
        labels = (np.arange(count) % 10).astype(np.uint8)
        head = struct.pack(">II", 2049, count)
        path = folder / f"{part}-labels-idx1-ubyte.gz"
        path.write_bytes(gzip.compress(head + labels.tobytes()))
    sums = [(name, md5(folder / name)) for name, _ in FashionMNIST.resources]
    monkeypatch.setattr(FashionMNIST, "resources", sums)

    images = load("fashionmnist")
    expected = np.concatenate([truth["train"], truth["t10k"]])
    for channel in range(3):
        assert np.array_equal(images.images[:, channel].numpy(), expected)
    assert images.labels.tolist() == [i % 10 for i in range(40)]
    assert images.classes[0] == "T-shirt/top"
    assert load("fashionmnist", image_size=32).images.shape == (40, 3, 32, 32)


@pytest.mark.parametrize("name", sources.TORCHVISION)
def test_a_failed_download_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def unreachable(*args: object, **kwargs: object) -> None:
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    with pytest.raises(ValueError, match=rf"{name} is not in .*download.*root= or SSL"):
        load(name)
    with pytest.raises(ValueError, match=rf"{name} is not in .*\(download=False\)"):
        load(name, root=tmp_path / "elsewhere", download=False)


# Real images --------------------------------------------------------------------------

REAL: dict[str, dict[str, Any]] = {
    "colon3": {},
    "cifar3": {"image_size": 32},
    "clothing3": {"groups": "contributors.csv:file:sender_id"},
    "lung3": {"groups": "files.csv:path:group"},
}


def below(real_images: Path, name: str) -> Path:
    if not (real_images / name).is_dir():
        pytest.skip(f"the folder of SSLKIT_DATA has no {name}")
    return real_images / name


@pytest.mark.parametrize("name", REAL)
def test_real_images_are_read(real_images: Path, name: str) -> None:
    folder = below(real_images, name)
    images = load(name, limit=20, **REAL[name])
    assert len(images.classes) == 3
    assert images.files is not None
    for part in ("train", "test"):
        rows = images.rows(part)
        assert torch.bincount(images.labels[rows]).tolist() == [20, 20, 20]
        for row in rows[::15].tolist():
            file = images.files[row]
            assert file.split("/")[0] == images.classes[images.labels[row]]
            with Image.open(folder / part / file) as image:
                mean = np.asarray(image).mean(axis=(0, 1))
            ours = images.images[row].float().mean(dim=(1, 2)).numpy()
            # The central square of a mixed aspect differs from the whole.
            assert np.abs(ours - mean).max() < (25 if name == "clothing3" else 2)
    if "groups" in REAL[name]:
        assert images.groups is not None
        in_test = images.part == "test"
        assert not set(images.groups[in_test]) & set(images.groups[~in_test])
        anew = load(name, limit=20, image_size=16, test="group", **REAL[name])
        assert anew.groups is not None
        in_test = anew.part == "test"
        assert not set(anew.groups[in_test]) & set(anew.groups[~in_test])


def test_real_photographs_keep_their_contributor(real_images: Path) -> None:
    folder = below(real_images, "clothing3")
    images = load("clothing3", image_size=8, **REAL["clothing3"])
    table = pd.read_csv(folder / "contributors.csv", dtype=str)
    assert images.groups is not None
    found = pd.Series(images.groups).value_counts().sort_index()
    expected = table["sender_id"].value_counts().sort_index()
    assert found.to_dict() == expected.to_dict()
    assert found.max() == 252


# --------------------------------------------------- images of another source


def test_images_of_another_source_are_added_without_labels_and_without_its_test_part(
    tmp_path: Path,
) -> None:
    own = load(
        fill(tmp_path / "own", {"train/a": 4, "train/b": 4, "test/a": 2, "test/b": 2}),
        image_size=8,
    )
    other = load(
        fill(
            tmp_path / "other",
            {"train/c": 3, "train/d": 3, "test/c": 5, "test/d": 5, "unlabelled": 2},
        ),
        image_size=8,
    )
    both = loading.add(own, other)
    extra = both.rows("extra")
    assert len(both) == len(own) + 3 + 3 + 2
    assert extra.tolist() == list(range(len(own), len(both)))
    assert both.labels[extra].tolist() == [-1] * 8
    kept = np.flatnonzero(other.part != "test")
    assert torch.equal(both.images[extra], other.images[kept])
    assert both.files is not None
    assert other.files is not None
    assert [both.files[row] for row in extra] == [other.files[row] for row in kept]
    assert torch.equal(both.images[: len(own)], own.images)
    assert both.classes == own.classes
    assert both.fingerprint != own.fingerprint


def test_images_of_another_size_cannot_be_added(tmp_path: Path) -> None:
    folder = fill(
        tmp_path / "own", {"train/a": 4, "train/b": 4, "test/a": 2, "test/b": 2}
    )
    with pytest.raises(ValueError, match="differ in size"):
        loading.add(load(folder, image_size=8), load(folder, image_size=9))
