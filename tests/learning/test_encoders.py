from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import ResNet18_Weights

from sslkit.learning import encoders
from sslkit.learning.encoders import Encoder, EncoderSettings

RESNET = EncoderSettings(backbone="resnet18", stem="image")
DIMS = {"tiny": 128, "small": 128, "resnet18": 512, "resnet34": 512, "resnet50": 2048}


def some_images(count: int = 2, size: int = 32) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, 3, size, size, generator=generator)


def seeded(settings: EncoderSettings, seed: int = 0) -> Encoder:
    """An encoder whose every tensor, batch-norm's too, is unlike that of a new one."""
    generator = torch.Generator().manual_seed(seed)
    encoder = Encoder(settings).eval()
    with torch.no_grad():
        for tensor in encoder.net.state_dict().values():
            if tensor.is_floating_point():
                noise = torch.rand(tensor.shape, generator=generator)
                tensor.copy_((noise - 0.5) * 0.1 if tensor.ndim > 1 else noise + 0.5)
            else:
                tensor.fill_(41)
    return encoder


def torchvision_resnet18() -> nn.Module:
    torch.manual_seed(5)
    return torchvision.models.resnet18().eval()


def same_tensors(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(
        torch.equal(one[k], other[k]) for k in one
    )


# ------------------------------------------------------------------- features


@pytest.mark.parametrize("backbone", DIMS)
def test_every_backbone_gives_one_vector_of_its_dim_an_image(backbone: str) -> None:
    encoder = Encoder(EncoderSettings(backbone=backbone)).eval()
    with torch.no_grad():
        features = encoder(some_images(3))
    assert features.shape == (3, DIMS[backbone])
    assert encoder.dim == DIMS[backbone]
    assert features.isfinite().all()


def test_the_input_is_normalised_with_torchvisions_own_constants() -> None:
    encoder, images = Encoder(EncoderSettings()), some_images()
    given: list[Tensor] = []
    encoder.net.register_forward_pre_hook(lambda _module, args: given.append(args[0]))
    encoder(images)
    preset = ResNet18_Weights.IMAGENET1K_V1.transforms()
    wanted = torchvision.transforms.functional.normalize(
        images, preset.mean, preset.std
    )
    torch.testing.assert_close(given[0], wanted)


def test_features_are_those_of_torchvisions_model_with_the_same_weights() -> None:
    model, encoder = torchvision_resnet18(), Encoder(RESNET).eval()
    model.fc = nn.Identity()
    encoder.net.load_state_dict(model.state_dict())
    images = some_images(size=64)
    preset = ResNet18_Weights.IMAGENET1K_V1.transforms()
    given = torchvision.transforms.functional.normalize(images, preset.mean, preset.std)
    with torch.no_grad():
        torch.testing.assert_close(encoder(images), model(given), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("settings", "channels"),
    [
        (EncoderSettings(), (16, 32, 64, 128)),
        (EncoderSettings(backbone="small"), (32, 64, 128)),
        (RESNET, (64, 128, 256, 512)),
    ],
)
def test_layers_are_the_stages_averaged_over_space(
    settings: EncoderSettings, channels: tuple[int, ...]
) -> None:
    encoder, images = seeded(settings), some_images()
    with torch.no_grad():
        found, features = encoder.layers(images), encoder(images)
        stage = (images - encoder.mean) / encoder.std
        wanted = {}
        for name, module in encoder.net.named_children():
            if name in ("avgpool", "pool"):
                break
            stage = module(stage)
            if name.startswith("layer"):
                wanted[name] = stage.flatten(2).mean(2)
    assert [tuple(f.shape) for f in found.values()] == [(2, c) for c in channels]
    names = [f"layer{i}" for i, _ in enumerate(channels, 1)]
    assert list(found) == list(wanted) == names
    for name, stage in wanted.items():
        torch.testing.assert_close(found[name], stage)
    torch.testing.assert_close(found[names[-1]], features)


@pytest.mark.parametrize("training", [True, False])
def test_the_residual_block_of_the_small_encoder_is_torchvisions(
    training: bool,
) -> None:
    torch.manual_seed(2)
    ours = encoders.Residual(16).train(training)
    theirs = torchvision.models.resnet.BasicBlock(16, 16).train(training)
    theirs.load_state_dict(ours.state_dict())
    maps = torch.randn(4, 16, 8, 8)
    torch.testing.assert_close(ours(maps.clone()), theirs(maps.clone()))


def test_the_small_encoder_has_half_a_million_weights() -> None:
    small = Encoder(EncoderSettings(backbone="small"))
    assert sum(p.numel() for p in small.parameters()) == 481_440


def test_looking_at_layers_leaves_no_hook_behind_even_after_an_error() -> None:
    encoder = Encoder(EncoderSettings())
    encoder.layers(some_images())
    with pytest.raises(RuntimeError):
        encoder.layers(torch.zeros(1, 5, 32, 32))
    assert not any(module._forward_hooks for module in encoder.modules())


@pytest.mark.parametrize(("stem", "side"), [("small", 32), ("image", 8)])
def test_the_small_stem_keeps_every_pixel_of_a_small_image(
    stem: str, side: int
) -> None:
    encoder = Encoder(replace(RESNET, stem=stem)).eval()
    shapes: list[torch.Size] = []
    encoder.net.layer1.register_forward_pre_hook(
        lambda _module, args: shapes.append(args[0].shape)
    )
    with torch.no_grad():
        encoder(some_images())
    assert shapes == [(2, 64, side, side)]


def test_a_new_encoder_is_decided_by_torchs_seed() -> None:
    made = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        made.append(Encoder(EncoderSettings(backbone="resnet18")).net.state_dict())
    assert same_tensors(made[0], made[1])
    assert not torch.equal(made[0]["conv1.weight"], made[2]["conv1.weight"])


def test_an_unknown_backbone_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'resnet19' is not one of tiny.*resnet50"):
        Encoder(EncoderSettings(backbone="resnet19"))


# ---------------------------------------------------------------------- files


@pytest.mark.parametrize(
    "settings",
    [
        EncoderSettings(),
        EncoderSettings(backbone="small"),
        RESNET,
        replace(RESNET, stem="small"),
    ],
)
def test_a_saved_encoder_comes_back_bit_by_bit(
    settings: EncoderSettings, tmp_path: Path
) -> None:
    encoder, file = seeded(settings), tmp_path / "new" / "encoder.safetensors"
    encoders.save(encoder, file)
    again = Encoder(replace(settings, init=str(file))).eval()
    assert same_tensors(encoder.net.state_dict(), again.net.state_dict())
    with torch.no_grad():
        assert torch.equal(encoder(some_images()), again(some_images()))
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_saved_resnet_loads_strictly_into_torchvisions_model(tmp_path: Path) -> None:
    encoder, file = seeded(RESNET), tmp_path / "encoder.safetensors"
    encoders.save(encoder, file)
    model, weights = torchvision_resnet18(), load_file(file)
    # A prefix taken off with lstrip would have turned bn1 into 1, and so on.
    assert weights.keys() == {k for k in model.state_dict() if not k.startswith("fc.")}
    model.fc = nn.Identity()
    model.load_state_dict(weights, strict=True)
    images = some_images(size=64)
    with torch.no_grad():
        given = (images - encoder.mean) / encoder.std
        torch.testing.assert_close(model(given), encoder(images), rtol=1e-4, atol=1e-4)


def test_torchvisions_own_state_dict_is_read_without_its_classifier(
    tmp_path: Path,
) -> None:
    model, file = torchvision_resnet18(), tmp_path / "resnet18.pth"
    torch.save(model.state_dict(), file)
    encoder = Encoder(replace(RESNET, init=str(file)))
    wanted = {k: v for k, v in model.state_dict().items() if not k.startswith("fc.")}
    assert same_tensors(encoder.net.state_dict(), wanted)


def test_a_save_on_a_full_disk_names_the_file_and_leaves_the_old_one(
    tmp_path: Path, full_disk: Callable[[Path], None]
) -> None:
    file = tmp_path / "encoder.safetensors"
    encoders.save(seeded(EncoderSettings()), file)
    before = file.read_bytes()
    full_disk(file)
    with pytest.raises(OSError, match=r"encoder\.safetensors' cannot be written \(No "):
        encoders.save(seeded(EncoderSettings(), seed=1), file)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (EncoderSettings(), "tiny"),
        (replace(RESNET, stem="small"), "resnet18 with the small stem"),
        (
            EncoderSettings(backbone="resnet34", stem="image"),
            "resnet34 with the image stem",
        ),
    ],
)
def test_weights_of_another_encoder_are_refused_with_the_name_of_the_file(
    settings: EncoderSettings, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "other.safetensors"
    encoders.save(Encoder(RESNET), file)
    with pytest.raises(
        ValueError, match=rf"other\.safetensors' does not fit {words}"
    ) as told:
        Encoder(replace(settings, init=str(file)))
    assert "it is of backbone='resnet18', image stem" in str(told.value)
    assert len(str(told.value)) < 300 + len(str(file)), "no wall of tensors"
    assert "\n" not in str(told.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.pt' does not exist"):
        Encoder(EncoderSettings(init=str(tmp_path / "nowhere.pt")))


# ------------------------------------------------------------------- ImageNet


def test_imagenet_weights_are_taken_from_torchvisions_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = torchvision_resnet18()
    name = ResNet18_Weights.DEFAULT.url.rsplit("/", 1)[1]
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(model.state_dict(), folder / name)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    encoder = Encoder(replace(RESNET, init="imagenet"))
    wanted = {k: v for k, v in model.state_dict().items() if not k.startswith("fc.")}
    assert same_tensors(encoder.net.state_dict(), wanted)


def test_without_a_network_imagenet_weights_fail_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*_args: object, **_kwargs: object) -> None:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(
        ValueError, match=r"resnet18 could not be had.*name res.*init=FILE"
    ):
        Encoder(replace(RESNET, init="imagenet"))


def test_the_tiny_encoder_has_no_imagenet_weights() -> None:
    with pytest.raises(ValueError, match="tiny encoder has no ImageNet weights"):
        Encoder(EncoderSettings(init="imagenet"))


def test_imagenet_weights_need_the_stem_they_were_trained_with() -> None:
    with pytest.raises(ValueError, match="stem='image'"):
        Encoder(EncoderSettings(backbone="resnet18", stem="small", init="imagenet"))
