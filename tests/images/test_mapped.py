"""Images too many for the memory: read once into a file that is mapped."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sslkit.images import decoding, mapped


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    made = [tmp_path / "images" / f"{i}.png" for i in range(70)]
    made[0].parent.mkdir()
    for path in made:
        Image.fromarray(rng.integers(256, size=(9, 8, 3), dtype=np.uint8)).save(path)
    return made


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Everything counts as too large for the memory, and comes in parts of 16."""
    monkeypatch.setenv("SSLKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(decoding, "IN_MEMORY", 0)
    monkeypatch.setattr(decoding, "_BATCH", 4)
    monkeypatch.setattr(decoding, "_TASKS", 4)
    return tmp_path / "cache" / "decoded"


def in_memory(paths: list[Path]) -> torch.Tensor:
    return torch.stack(
        [
            torch.from_numpy(
                decoding.read_image(path, 8).pixels.transpose(2, 0, 1).copy()
            )
            for path in paths
        ]
    )


def test_mapped_images_are_the_images(paths: list[Path], cache: Path) -> None:
    images, account = decoding.read_images(paths, 8)
    assert not account.failed
    assert torch.equal(images, in_memory(paths))
    (file,) = cache.glob("*.uint8")
    assert file.stat().st_size == images.nbytes


def test_a_second_reading_decodes_nothing(
    paths: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, _ = decoding.read_images(paths, 8)
    monkeypatch.setattr(decoding, "read_image", None)
    found, _ = decoding.read_images(paths, 8)
    assert torch.equal(found, expected)


def test_a_changed_file_or_another_size_is_read_anew(
    paths: list[Path], cache: Path
) -> None:
    decoding.read_images(paths, 8)
    Image.new("RGB", (8, 8), "red").save(paths[3])
    found, _ = decoding.read_images(paths, 8)
    assert torch.equal(found, in_memory(paths))
    assert decoding.read_images(paths, 4)[0].shape == (70, 3, 4, 4)


def test_images_read_by_other_code_are_read_anew(
    paths: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoding.read_images(paths, 8)
    (before,) = cache.glob("*.uint8")
    monkeypatch.setattr(decoding, "READING", decoding.READING + 1)
    decoding.read_images(paths, 8)
    (after,) = cache.glob("*.uint8")
    assert after != before


def test_of_a_folder_in_one_size_the_newest_alone_is_kept(
    paths: list[Path], cache: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other" / "0.png"
    other.parent.mkdir()
    Image.new("RGB", (8, 8)).save(other)
    decoding.read_images([other], 8)
    decoding.read_images(paths, 4)
    first, _ = decoding.read_images(paths, 8)
    expected, kept = first.clone(), set(cache.iterdir())
    assert len(list(cache.glob("*.uint8"))) == 3
    decoding.read_images(paths[:60], 8)
    assert len(list(cache.glob("*.uint8"))) == 3
    assert len(list(cache.glob("*.json"))) == 3
    assert len(kept - set(cache.iterdir())) == 2, "of the first, pixels and note"
    assert torch.equal(first, expected), "whoever has it still has it"


def test_a_note_without_its_pixels_says_nothing(paths: list[Path], cache: Path) -> None:
    decoding.read_images(paths, 8)
    (file,) = cache.glob("*.uint8")
    file.unlink()
    found, _ = decoding.read_images(paths, 8)
    assert torch.equal(found, in_memory(paths))


def test_an_interrupted_reading_goes_on_where_it_was(
    paths: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, read = decoding.read_image, []

    def stops(path: Path, image_size: int, bits: int = 16) -> decoding.Decoded:
        if path == paths[40]:
            raise KeyboardInterrupt
        return original(path, image_size, bits)

    monkeypatch.setattr(decoding, "read_image", stops)
    with pytest.raises(KeyboardInterrupt):
        decoding.read_images(paths, 8)
    (note,) = cache.glob("*.json")
    assert json.loads(note.read_text())["done"] == 32  # two whole parts

    def watched(path: Path, image_size: int, bits: int = 16) -> decoding.Decoded:
        read.append(path)
        return original(path, image_size, bits)

    monkeypatch.setattr(decoding, "read_image", watched)
    found, _ = decoding.read_images(paths, 8)
    assert sorted(read) == sorted(paths[32:])
    assert torch.equal(found, in_memory(paths))


def test_files_that_cannot_be_read_leave_no_gap(paths: list[Path], cache: Path) -> None:
    for i in (0, 17, 69):
        paths[i].write_bytes(b"not an image")
    for _ in range(2):  # read, and found
        found, account = decoding.read_images(paths, 8, skip=True)
        assert sorted(account.failed) == [0, 17, 69]
        good = [path for i, path in enumerate(paths) if i not in account.failed]
        assert torch.equal(found, in_memory(good))
    with pytest.raises(ValueError, match=r"0\.png cannot be read"):
        decoding.read_images(paths, 8)


def test_a_full_disk_is_an_error_and_no_crash(
    paths: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        mapped.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 100})
    )
    with pytest.raises(OSError, match="SSLKIT_CACHE"):
        decoding.read_images(paths, 8)


LIMITED = """
import resource, sys
import torch
from lightning.fabric import Fabric
from sslkit.images import loading, decoding
from sslkit.learning.encoders import Encoder, EncoderSettings
from sslkit.methods import METHODS
from sslkit.learning.training import Training
from sslkit.learning.loop import fit

folder, in_memory = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(1)
decoding.IN_MEMORY = in_memory
with open("/proc/self/status") as status:
    (now,) = (int(x.split()[1]) for x in status if x.startswith("VmData"))
limit = now * 1024 + 400 * 2**20
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
images = loading.load(folder, image_size=384)
print("bytes", images.images.nbytes, flush=True)
images.fingerprint
fit(
    METHODS["simclr"].objective(Encoder(EncoderSettings())),
    images,
    images.rows("train"),
    validation=None,
    training=Training(epochs=1, batch_size=2, steps=8),
    seed=0,
    fabric=Fabric(accelerator="cpu", devices=1),
)
print("trained", flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's memory limits")
def test_a_folder_larger_than_the_memory_is_learnt_from(tmp_path: Path) -> None:
    """478 MB of pixels under a limit of 400 MiB: mapped they train, in memory not."""
    image = Image.fromarray(
        np.random.default_rng(0).integers(256, size=(24, 24, 3), dtype=np.uint8)
    )
    for name in ("a", "b"):
        folder = tmp_path / "images" / name
        folder.mkdir(parents=True)
        for i in range(540):
            image.rotate(i).save(folder / f"{i}.jpg")

    def learn(in_memory: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", LIMITED, tmp_path / "images", str(in_memory)],
            capture_output=True,
            text=True,
            env={"SSLKIT_CACHE": str(tmp_path / "cache"), "TQDM_DISABLE": "1"},
            timeout=300,
        )

    mapped = learn(in_memory=100 * 2**20)
    assert mapped.returncode == 0, mapped.stderr
    assert mapped.stdout.split() == ["bytes", str(1080 * 3 * 384**2), "trained"]
    whole = learn(in_memory=2**40)
    assert whole.returncode != 0
    assert "trained" not in whole.stdout
    assert "memory" in whole.stderr.lower()
