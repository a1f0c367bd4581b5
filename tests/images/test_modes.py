"""Values of 10, 12 or 14 bits in files of 16: a whole set tells, never an image."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, TiffImagePlugin

from sslkit.images import modes
from sslkit.images.loading import load


def write(path: Path, value: int, corner: int | None = None, **options: Any) -> Path:
    """A grey image of 16 bits, all of one value but for a corner."""
    values = np.full((4, 4), value, dtype="<u2")
    values[0, 0] = value if corner is None else corner
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, **options)
    return path


@pytest.fixture
def camera(tmp_path: Path) -> Path:
    """A class of dark and a class of bright images, of 12 bits in files of 16."""
    for i in range(5):
        write(tmp_path / "camera" / "dark" / f"{i}.tif", 100)
        write(tmp_path / "camera" / "bright" / f"{i}.tif", 2000, corner=4095)
    return tmp_path / "camera"


def values_of(folder: Path, **options: Any) -> dict[str, int]:
    """The value of each file, in [0, 255], in the middle of its image."""
    images = load(folder, image_size=4, **options)
    assert images.files is not None
    return dict(zip(images.files, images.images[:, 0, 2, 2].tolist(), strict=True))


def test_twelve_bits_in_sixteen_are_not_almost_black_and_keep_their_brightness(
    camera: Path,
) -> None:
    values = values_of(camera)
    assert {value for file, value in values.items() if "dark" in file} == {6}
    assert {value for file, value in values.items() if "bright" in file} == {125}
    assert (round(100 / 4095 * 255), round(2000 / 4095 * 255)) == (6, 125)
    origin = load(camera, image_size=4).origin
    assert origin is not None
    assert origin.bits == 12


def test_a_part_of_a_set_is_read_as_the_whole_is(camera: Path) -> None:
    for path in (camera / "bright").iterdir():
        write(path, 90, corner=90)
    write(camera / "bright" / "last.tif", 4000)
    whole = values_of(camera)
    for seed in range(4):  # hardly any has the one bright image
        part = values_of(camera, limit=1, seed=seed)
        assert part.items() <= whole.items()


@pytest.mark.parametrize(
    ("highest", "bits"),
    [
        (255, 8), (256, 10), (1023, 10), (1024, 12), (4095, 12), (4096, 14),
        (16383, 14), (16384, 16), (65535, 16), (0, 8),
    ],
)  # fmt: skip
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_the_bits_are_the_least_that_hold_every_value(
    highest: int, bits: int, suffix: str, tmp_path: Path
) -> None:
    paths = [
        write(tmp_path / f"{i}{suffix}", 0, corner=v)
        for i, v in enumerate((0, highest))
    ]
    (tmp_path / "torn.png").write_bytes(paths[0].read_bytes()[:40])
    assert modes.bits_used([tmp_path / "torn.png", *paths]) == bits


def test_files_of_eight_bits_have_no_say(tmp_path: Path) -> None:
    eight = tmp_path / "eight.png"
    Image.new("RGB", (4, 4), "white").save(eight)
    assert modes.bits_used([eight]) is None
    assert modes.bits_used([eight, write(tmp_path / "x.png", 7)]) == 8


def test_what_a_file_says_of_its_highest_value_counts(tmp_path: Path) -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[281] = 4095  # MaxSampleValue
    assert modes.bits_used([write(tmp_path / "a.tif", 30, tiffinfo=tags)]) == 12
    tags[281] = 65535
    assert modes.bits_used([write(tmp_path / "b.tif", 30, tiffinfo=tags)]) == 16


def test_a_wrong_guess_can_be_put_right(camera: Path) -> None:
    assert set(values_of(camera, bits=16).values()) == {0, round(2000 / 257)}
    assert set(values_of(camera, bits=14).values()) == {2, round(2000 / 16383 * 255)}
    with pytest.raises(
        ValueError, match=r"values from 2000 to 4095 .* 10 bits \(bits="
    ):
        values_of(camera, bits=10)
    for bits in (7, 17):
        with pytest.raises(ValueError, match=rf"bits is {bits}; .* 8 to 16"):
            load(camera, bits=bits)


def test_values_of_all_sixteen_bits_are_read_as_ever(tmp_path: Path) -> None:
    for i, value in enumerate((0, 1000, 25700, 65535)):
        for name in "ab":
            write(tmp_path / name / f"{i}.png", value)
    assert sorted(set(values_of(tmp_path).values())) == [0, 4, 100, 255]  # / 257


def colours(path: Path, *values: int) -> None:
    """A PNG file of 16-bit colours, by hand, for Pillow writes none: one pixel."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0))
    line = chunk(b"IDAT", zlib.compress(b"\0" + struct.pack(">HHH", *values)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + line + chunk(b"IEND", b""))


def test_colours_of_twelve_bits_are_refused_for_pillow_keeps_eight_of_sixteen(
    tmp_path: Path,
) -> None:
    for name in "ab":
        for i in range(2):
            colours(tmp_path / name / f"{i}.png", 4095, 1000, 0)
    with pytest.raises(ValueError, match=r"0\.png cannot be read .*12 bits .*bits=16"):
        load(tmp_path, image_size=1)
    images = load(tmp_path, image_size=1, bits=16)
    assert images.images[0, :, 0, 0].tolist() == [4095 // 256, 1000 // 256, 0]
    colours(tmp_path / "a" / "bright.png", 65535, 0, 0)  # then they are of 16 bits
    again = load(tmp_path, image_size=1)
    assert torch.equal(again.images[again.rows("train")[0]], images.images[0])
