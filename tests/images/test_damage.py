"""Files that cannot be read, or not as they are: what is said of each."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from images.made import colour, save, upright
from PIL import Image

from sslkit.folder.files import headers
from sslkit.images import damage, decoding
from sslkit.images.loading import load


def png_of(width: int, height: int) -> bytes:
    """The beginning of a PNG file: a size, and not one pixel."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    size = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + size + chunk(b"IDAT", b"")


def half_a_jpeg(path: Path) -> bytes:
    whole = save(Image.fromarray(upright()), path).read_bytes()
    return whole[: len(whole) // 2]


FILES: dict[str, tuple[str, Callable[[Path], bytes], str]] = {
    "empty": ("x.png", lambda path: b"", "it is empty"),
    "text": ("x.jpg", lambda path: b"404: not found\n", "it is text"),
    "half": ("x.jpg", half_a_jpeg, "OSError: image file is truncated"),
    "noise": ("x.png", lambda path: bytes(range(256)), "no image of JPEG, PNG"),
    "GIF": ("x.png", lambda path: b"GIF89a" + bytes(9), "a GIF, .* save it as PNG"),
    "DICOM": ("x.tif", lambda path: bytes(128) + b"DICM", "a DICOM file"),
    "HEIC": ("x.jpg", lambda path: bytes(4) + b"ftypheic", "a HEIC file, .*JPEG"),
    "HEIF": ("x.jpg", lambda path: bytes(4) + b"ftypmif1", "a HEIC file"),
    "AVIF": ("x.webp", lambda path: bytes(4) + b"ftypavif", "an AVIF file"),
    "slide": (
        "x.png",
        lambda path: png_of(20_000, 20_000),
        "a scan of 400 million pixels, .* 179 million: cut it into tiles",
    ),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_cannot_be_read_is_named_with_what_it_is_and_the_way_out(
    kind: str, tmp_path: Path
) -> None:
    name, content, said = FILES[kind]
    path = tmp_path / name
    path.write_bytes(content(path))
    with pytest.raises(
        ValueError, match=rf"{name} cannot be read \({said}.*\); .*on_error=\"skip\""
    ) as told:
        decoding.read_images([path], 8)
    assert "\n" not in str(told.value)
    assert "attack" not in str(told.value)
    images, account = decoding.read_images([path], 8, skip=True)
    assert len(images) == 0
    assert list(account.failed) == [0]


def test_a_link_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    (tmp_path / "lost.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    for name, said in (("lost", "FileNotFoundError"), ("loop", "OSError")):
        with pytest.raises(ValueError, match=rf"{name}\.png cannot be read \({said}"):
            decoding.read_images([tmp_path / f"{name}.png"], 8)


def test_a_file_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(path: Path, **_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    path = save(colour(0, 0, 0), tmp_path / "x.png")
    monkeypatch.setattr(Image, "open", closed)
    with pytest.raises(ValueError, match=r"x\.png cannot be read \(PermissionError: "):
        decoding.read_images([path], 8)


def test_a_large_scan_that_can_be_read_is_not_called_an_attack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(colour(1, 2, 3), tmp_path / "x.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40)  # of the 64 that it has
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decoding.native_size([path]) == 8
        assert decoding.read_images([path], 8)[0][0, :, 0, 0].tolist() == [1, 2, 3]


def unsound(path: Path, value: int) -> Path:
    """A JPEG file whose EXIF data say that there is more than there is."""
    exif = b"Exif\0\0II*\0\x08\0\0\0" + bytes([value, 0])
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(upright()).save(path, exif=exif)
    return path


def test_files_read_with_a_warning_are_counted_and_the_first_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "_BATCH", 3)  # several threads
    paths = [save(colour(i, 0, 0), tmp_path / f"{i}.jpg") for i in range(20)]
    for i in (4, 7, 11):
        unsound(paths[i], value=i)
    (tmp_path / "18.jpg").write_bytes(paths[4].read_bytes()[:300])
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        _, account = decoding.read_images(paths, 8, skip=True)
        decoding.native_size(paths)
        headers(tmp_path, [path.name for path in paths])
    (said,) = (str(one.message) for one in told)
    assert said.startswith(
        f"3 of 20 files may be damaged, the first of them {paths[4]} (Corrupt EXIF data"
    )
    assert sorted(account.warned) == [4, 7, 11]
    assert list(account.failed) == [18]


def test_a_warning_that_no_file_is_read_for_is_said_as_it_is() -> None:
    found: dict[int, str] = {}
    with (
        pytest.warns(UserWarning, match="something else"),
        damage.warned(lambda: None, found),
    ):
        warnings.warn("something else", stacklevel=1)
    assert found == {}


def test_an_image_of_one_pixel_is_enlarged(tmp_path: Path) -> None:
    path = save(colour(1, 2, 3, size=(1, 1)), tmp_path / "x.png")
    images, account = decoding.read_images([path], 4)
    assert (images == torch.tensor([1, 2, 3]).view(3, 1, 1)).all()
    assert account.smallest == account.largest == (1, 1)


@pytest.mark.parametrize("suffix", [".tif", ".png", ".webp"])
def test_of_several_pages_the_first_is_read_and_the_file_is_named(
    suffix: str, tmp_path: Path
) -> None:
    folder = tmp_path / "x"
    pages = [colour(i, i, i) for i in (10, 20, 30)]
    for name in ("a", "b"):
        for i in range(2):
            save(colour(1, 1, 1), folder / name / f"{i}.png")
    options = {"lossless": True} if suffix == ".webp" else {}
    pages[0].save(
        folder / "a" / f"2{suffix}", save_all=True, append_images=pages[1:], **options
    )
    images = load(folder, image_size=8)
    assert images.origin is not None
    assert images.origin.paged == (f"a/2{suffix}",)
    assert images.files is not None
    row = images.files.index(f"a/2{suffix}")
    assert (images.images[row] == 10).all()


def test_the_sizes_of_the_files_are_noted(tmp_path: Path) -> None:
    sizes = [(30, 9), (12, 20), (14, 14)]
    for i, size in enumerate(sizes):
        save(colour(0, 0, 0, size=size), tmp_path / f"{i}.png")
    origin = load(tmp_path, image_size=8).origin
    assert origin is not None
    assert (origin.smallest, origin.largest) == ((12, 9), (30, 20))


def test_what_was_met_is_told_alike_when_images_are_found_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(decoding, "IN_MEMORY", 0)
    paths = [save(colour(0, 0, 0, size=(9, 8)), tmp_path / "0.png")]
    paths += [tmp_path / "1.tif", tmp_path / "2.png", tmp_path / "3.tif"]
    paths.append(unsound(tmp_path / "4.jpg", value=5))
    page = colour(1, 1, 1, size=(20, 30))
    page.save(paths[1], save_all=True, append_images=[page])
    paths[2].write_bytes(b"")
    Image.fromarray(np.full((8, 8), 4095, dtype="<u2")).save(paths[3])
    found = []
    for _ in range(2):
        with pytest.warns(UserWarning, match=r"1 of 5 files .*/4\.jpg"):
            found.append(decoding.read_images(paths, 8, skip=True, bits=12)[1])
    read, again = found
    assert read == again
    assert (read.done, read.paged, list(read.failed), read.bits) == (5, [1], [2], 12)
    assert (read.smallest, read.largest) == ((8, 8), (36, 30))
    assert list(read.warned) == [4]
