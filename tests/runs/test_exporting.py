"""Export: an encoder that torchvision's own models load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from small_runs import small
from torch import nn

import sslkit
from sslkit.runs import exporting
from sslkit.runs.recipes import Recipe
from sslkit.runs.records import Run


def few(**changes: Any) -> Recipe:
    """A ResNet-18 pretrained for one step on a handful of images."""
    values = {
        "backbone": "resnet18",
        "epochs": 1,
        "limit": 10,
        "pretrain": "budget",
        "protocols": ("knn",),
    }
    return small("simclr", **{**values, **changes})


def check_features(model: nn.Module, run: Run, size: int) -> None:
    """Compare torchvision's model on normalised images with our encoder."""
    from torchvision.transforms.functional import normalize

    encoder = run.encoder
    assert encoder is not None
    assert not encoder.training
    images = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        theirs = model.eval()(
            normalize(images, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        )
        torch.testing.assert_close(theirs, encoder(images), rtol=1e-4, atol=1e-4)


def test_an_exported_small_stem_loads_by_the_lines_that_export_prints(
    tmp_path: Path,
) -> None:
    run = sslkit.run(few(), out=tmp_path)
    assert run.recipe.encoder.stem == "small"
    file = tmp_path / "it's an encoder.safetensors"
    lines = exporting.export(run.key, file, out=tmp_path)
    names: dict[str, Any] = {}
    exec(lines, names)  # as a reader would paste them
    model = names["model"]
    assert set(load_file(file)) == set(model.state_dict())
    assert not any(name.startswith("fc.") for name in load_file(file))
    check_features(model, run, 32)


def test_an_exported_image_stem_fits_torchvisions_own_model_but_for_its_classifier(
    tmp_path: Path,
) -> None:
    from torchvision.models import resnet18

    run = sslkit.run(few(image_size=72), out=tmp_path)
    assert run.recipe.encoder.stem == "image"
    file = tmp_path / "encoder.safetensors"
    lines = exporting.export(run.key, file, out=tmp_path)
    own = resnet18()
    unmatched = own.load_state_dict(load_file(file), strict=False)
    assert sorted(unmatched.missing_keys) == ["fc.bias", "fc.weight"]
    assert not unmatched.unexpected_keys
    names: dict[str, Any] = {}
    exec(lines, names)
    check_features(names["model"], run, 72)
    own.fc = nn.Identity()
    check_features(own, run, 72)


def test_the_tiny_encoder_has_no_counterpart_to_be_exported_to(
    undisturbed: Run, store: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="no counterpart"):
        exporting.export(undisturbed.key, tmp_path / "x.safetensors", out=store)
    assert not list(tmp_path.iterdir())


def test_a_run_without_pretraining_has_nothing_to_export(tmp_path: Path) -> None:
    run = sslkit.run(small("random", protocols=("knn",)), out=tmp_path)
    with pytest.raises(ValueError, match="no pretraining"):
        exporting.export(run.key, tmp_path / "x.safetensors", out=tmp_path)


def test_a_key_without_a_record_is_an_error_that_names_the_place(
    tmp_path: Path,
) -> None:
    with pytest.raises(ValueError, match=r"records.abc\.json"):
        exporting.export("abc", tmp_path / "x.safetensors", out=tmp_path)
