"""One image file into pixels, of every format and mode."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from images.made import colour, save, upright
from PIL import Image

from sslkit.images import decoding

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
    expected = decoding.read_image(twin, 16).pixels
    result = decoding.read_image(tmp_path / f"turned{suffix}", 16).pixels
    np.testing.assert_array_equal(result, expected)


def test_a_phone_s_jpeg_is_turned_upright(tmp_path: Path) -> None:
    picture = colour(255, 0, 0, size=(64, 64))
    picture.paste((0, 0, 255), (0, 32, 64, 64))  # red sky over blue sea
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = picture.transpose(Image.Transpose.ROTATE_90)  # counter-clockwise
    lying.save(tmp_path / "phone.jpg", exif=exif, quality=95)
    result = decoding.read_image(tmp_path / "phone.jpg", 8).pixels.astype(int)
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
    result = decoding.read_image(path, len(expected)).pixels
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, [expected] * len(expected))


def test_a_cmyk_jpeg_becomes_rgb(tmp_path: Path) -> None:
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    result = decoding.read_image(save(image, tmp_path / "x.jpg"), 4).pixels.astype(int)
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
    assert decoding.read_image(path, 1).pixels.tolist() == [[[255, 100, 0]]]


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
        result = decoding.read_image(save(image, tmp_path / "x.png"), 10).pixels
        np.testing.assert_array_equal(result, np.broadcast_to([0, 255, 0], (10, 10, 3)))


def test_an_image_of_the_right_size_is_not_touched(tmp_path: Path) -> None:
    image = upright()[:, :24]
    path = save(Image.fromarray(image), tmp_path / "x.png")
    np.testing.assert_array_equal(decoding.read_image(path, 24).pixels, image)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_shrinking_averages_instead_of_picking_pixels(
    tmp_path: Path, suffix: str
) -> None:
    board = (np.indices((512, 512)).sum(axis=0) % 2 * 255).astype(np.uint8)
    path = save(Image.fromarray(board), tmp_path / f"x{suffix}")
    result = decoding.read_image(path, 16).pixels.astype(int)
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
    difference = np.abs(decoding.read_image(path, 32).pixels - expected)
    assert difference.mean() < 0.7
    assert difference.max() <= 4
