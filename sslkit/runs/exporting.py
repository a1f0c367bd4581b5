"""Exporting: a pretrained encoder as a file that torchvision's model loads."""

from __future__ import annotations

from pathlib import Path

from sslkit.learning import encoders
from sslkit.runs.store import Store


def export(key: str, file: str | Path, *, out: str | Path = "runs") -> str:
    """Copy the pretrained encoder of a run to a safetensors file for torchvision.

    Args:
        key: The run's key, the name of its record.
        file: Where to write; ``fc`` is not in it.
        out: The store.

    Returns:
        The lines of Python that load the file into torchvision's model.

    Raises:
        ValueError: If there is no such record, the run had no pretraining, or its
            encoder is one of ours, which have no counterpart in torchvision.
    """
    store = Store(Path(out))
    done = store.read(key)
    if done is None:
        raise ValueError(
            f"no record '{store.record(key)}'; a run prints its record when it ends"
        )
    settings = done.recipe.encoder
    if done.recipe.method is None:
        raise ValueError(f"run {key} had no pretraining: it has no encoder to export")
    if settings.backbone in encoders.OURS:
        raise ValueError(
            f"the {settings.backbone} encoder has no counterpart in torchvision; use a "
            "resnet"
        )
    if done.encoder is None:
        raise ValueError(f"the encoder of run {key} is no longer in '{out}'")
    encoders.save(done.encoder, file)
    small = (
        "model.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)\n"
        "model.maxpool = torch.nn.Identity()\n"
    )
    return (
        "import safetensors.torch, torch, torchvision\n"
        f"model = torchvision.models.{settings.backbone}()\n"
        f"{small if settings.stem == 'small' else ''}"
        "model.fc = torch.nn.Identity()\n"
        f"model.load_state_dict(safetensors.torch.load_file({str(file)!r}))"
    )
