"""Weights of any origin: read, compared, and never run."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from sslkit.learning import encoders, weights
from sslkit.learning.encoders import Encoder, EncoderSettings

LINEAR = {"net.weight": torch.ones(2, 3), "net.bias": torch.zeros(2)}


class Hostile:
    """What runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("pwned"),)


NONE: dict[str, tuple[str, Callable[[Path], Any], str]] = {
    "empty": ("x.pt", lambda file: file.write_bytes(b""), "EOFError"),
    "empty safetensors": (
        "x.safetensors",
        lambda file: file.write_bytes(b""),
        "header",
    ),
    "text": ("x.pt", lambda file: file.write_text("not found"), "or it is damaged"),
    "text called safetensors": (
        "x.safetensors",
        lambda file: file.write_text("not found"),
        "header",
    ),
    "truncated": (
        "x.pt",
        lambda file: [
            torch.save(LINEAR, file),
            file.write_bytes(file.read_bytes()[:-100]),
        ],
        "zip archive",
    ),
    "truncated safetensors": (
        "x.safetensors",
        lambda file: [
            save_file(LINEAR, file),
            file.write_bytes(file.read_bytes()[:-8]),
        ],
        "header|buffer|incomplete",
    ),
    "a list": ("x.pt", lambda file: torch.save([torch.ones(1)], file), "'list'"),
    "a model": (
        "x.pt",
        lambda file: torch.save(nn.Linear(2, 2), file),
        "could run code is not read",
    ),
    "hostile": (
        "x.pt",
        lambda file: torch.save(Hostile(), file),
        "could run code is not read",
    ),
    "a checkpoint": (
        "x.pt",
        lambda file: torch.save({"state_dict": LINEAR, "epoch": 3}, file),
        r"'state_dict' is no tensor; save a state_dict\(\) alone",
    ),
}


@pytest.mark.parametrize("how", NONE)
def test_a_file_that_holds_no_weights_is_named_and_nothing_in_it_is_run(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name, write, said = NONE[how]
    write(tmp_path / name)
    for use in (weights.read, weights.digest):
        with pytest.raises(
            ValueError, match=rf"{name}' holds no weights: .*({said})"
        ) as told:
            use(tmp_path / name)
        assert "\n" not in str(told.value)
    with pytest.raises(ValueError, match="holds no weights"):
        Encoder(EncoderSettings(init=str(tmp_path / name)))
    assert not list(tmp_path.glob("pwned"))


def test_weights_are_read_without_a_classifier_and_with_what_is_noted(
    tmp_path: Path,
) -> None:
    whole = OrderedDict({**LINEAR, "fc.weight": torch.ones(1)})
    torch.save(whole, tmp_path / "x.pt")
    save_file(whole, tmp_path / "x.safetensors", metadata={"backbone": "tiny"})
    for name, noted in (("x.pt", {}), ("x.safetensors", {"backbone": "tiny"})):
        found, note = weights.read(tmp_path / name)
        assert note == noted
        assert found.keys() == LINEAR.keys()
        assert all(torch.equal(found[k], LINEAR[k]) for k in found)


def test_the_first_difference_is_told() -> None:
    bias = {"net.bias": LINEAR["net.bias"]}
    assert weights.differs(LINEAR, LINEAR) == ""
    assert weights.differs(LINEAR, bias) == "it has no net.weight"
    assert weights.differs(bias, LINEAR) == "it has net.weight, too"
    other = {**LINEAR, "net.weight": torch.ones(4, 3)}
    assert weights.differs(LINEAR, other) == "net.weight is (4, 3), not (2, 3)"


def test_weights_have_one_digest_however_they_are_kept(tmp_path: Path) -> None:
    encoder, other = Encoder(EncoderSettings()), Encoder(EncoderSettings())
    encoders.save(encoder, tmp_path / "a.safetensors")
    encoders.save(encoder, tmp_path / "b.safetensors")
    torch.save(encoder.net.state_dict(), tmp_path / "c.pt")
    encoders.save(other, tmp_path / "d.safetensors")
    found = [weights.digest(file) for file in sorted(tmp_path.iterdir())]
    assert found[0] == found[1] == found[2] != found[3]
