"""Make the network in the page: ``python -m tools.page_network --store STORE``.

The encoders of four records of blood cells and of one of scenes, as float16, with
images to show them: what ``book/_assets/toys/network-page.js`` runs in a page, and
``sslkit.figures.network`` shows still. What the store lacks is done first.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import safetensors.torch
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn import functional as F

from sslkit.figures.plots import pixels
from sslkit.images.files import whole
from sslkit.images.imageset import ImageSet
from sslkit.judging.features import BATCH
from sslkit.judging.readout import neighbours
from sslkit.learning.devices import launch
from sslkit.learning.encoders import Encoder
from sslkit.methods.rotnet import TURNS
from sslkit.runs import inputs, running
from sslkit.runs.recipes import Recipe
from sslkit.runs.records import Run
from sslkit.runs.store import Store
from sslkit.study import few_labels
from sslkit.views import pieces
from tools import page_weights, results

ASSETS = Path("book/_assets/network")
DATA = "blood8"  # its photographs may be shown, credited
CALLED = {"ig": "immature granulocyte"}  # where a folder's name says too little
OF_SCENES = "rotnet-shapes"
CELLS, QUERIES, SCENES = 200, 20, 9  # to find among, to find, to turn
NEAREST = 5
COLUMNS = 20  # of the sheet of all images
TURNED = 2000  # images that a head for turns learns from, and half as many to test it


@dataclass(frozen=True)
class Made:
    """An encoder for the page.

    Attributes:
        encoder: In eval mode.
        run: Its record.
        head: Says how far an image was turned; only RotNet has one.
        told: Share of turned test images of which it says so rightly.
    """

    encoder: Encoder
    run: Run
    head: nn.Linear | None = None
    told: float | None = None


@click.command(context_settings={"show_default": True})
@click.option(
    "--store", default="runs", help="the runs", type=click.Path(path_type=Path)
)
@click.option("--out", default=ASSETS, type=click.Path(path_type=Path))
def main(store: Path, out: Path) -> None:
    """Write weights, images, and a manifest that ties them to their records."""
    torch.set_num_threads(1)  # as the records were made
    cells = recipes()
    images = inputs.load_images(cells["random"].data)
    scene = of_scenes()
    scenes = inputs.load_images(scene.data)
    made = {name: of(recipe, images, store) for name, recipe in cells.items()}
    made[OF_SCENES] = of(scene, scenes, store)
    manifest = write(out, made, images, scenes)
    for file, about in manifest["files"].items():
        click.echo(f"{out / file}: {about['bytes']:,} bytes")


def recipes() -> dict[str, Recipe]:
    """Of cells, by name: the first of each arm's records at 5 % of the labels."""
    where = (few_labels.TWENTIETH, few_labels.FIRST)
    frozen = few_labels.FROZEN
    return {
        "random": few_labels.one(DATA, "random", *where, protocols=frozen),
        "supervised": few_labels.supervised(DATA, "supervised", *where),
        "rotnet": few_labels.one(DATA, "rotnet", *where, protocols=frozen),
        "simclr": few_labels.one(DATA, "simclr", *where, protocols=frozen),
    }


def of_scenes() -> Recipe:
    """Of scenes: RotNet's first record."""
    return next(one for one in results.recipes("quick-shapes") if one.arm == "rotnet")


def of(recipe: Recipe, images: ImageSet, store: Path) -> Made:
    """The encoder of a recipe, which is done if the store lacks it.

    A store keeps no network that labels trained. It is trained again, and must then
    score as its record does.

    Raises:
        ValueError: If it does not.
    """
    run = running.run(recipe, out=store)
    rows = inputs.split_of(recipe, images)
    fabric = launch(recipe.precision)
    features, _, _ = running.features_of(recipe, images, rows, Store(store), fabric)
    encoder = features.encoder
    if recipe.protocols == ("finetune",):
        judged = running.judged_by(recipe, features, images, rows, fabric)["finetune"]
        found, kept = judged.score.accuracy, run.scores["finetune"].accuracy
        if found != kept:
            raise ValueError(
                f"trained again, {run.key} scores {found}, and its record says {kept}: "
                "take the machine that the record is of, or another store"
            )
        assert judged.classifier is not None
        encoder = judged.classifier.encoder
    assert isinstance(encoder, Encoder)
    encoder.eval()
    if recipe.arm != "rotnet":
        return Made(encoder, run)
    return Made(encoder, run, *turn_head(encoder, images))


def turn_head(encoder: Encoder, images: ImageSet) -> tuple[nn.Linear, float]:
    """A head that says how far an image was turned, and its share of right answers.

    A store keeps RotNet's encoder and not its head: this one is learnt anew, on
    features of training images, and tried on test images.
    """
    learnt = _turned(encoder, images, spread(images, "train", TURNED))
    scale = learnt.std()
    turns = np.repeat(np.arange(TURNS), len(learnt) // TURNS)
    model = LogisticRegression(max_iter=1000).fit((learnt / scale).numpy(), turns)
    head = nn.Linear(encoder.dim, TURNS)
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(model.coef_) / scale)
        head.bias.copy_(torch.from_numpy(model.intercept_))
        tested = _turned(encoder, images, spread(images, "test", TURNED // 2))
        answers = head(tested).argmax(1).unflatten(0, (TURNS, -1))
    right = answers == torch.arange(TURNS)[:, None]
    return head, right.float().mean().item()


def _turned(encoder: Encoder, images: ImageSet, rows: Tensor) -> Tensor:
    """Features ``(4 N, D)``: of all images, then of all turned by a quarter, …."""
    return torch.cat(
        [
            features(encoder, torch.rot90(images.take(rows)[0], turn, (2, 3)))
            for turn in range(TURNS)
        ]
    )


@torch.no_grad()
def features(encoder: Encoder, batch: Tensor) -> Tensor:
    """Features ``(N, D)`` of images ``(N, 3, S, S)`` uint8, on the CPU."""
    some = [encoder(pieces.to_float(part)).cpu() for part in batch.split(BATCH)]
    return torch.cat(some)


def spread(images: ImageSet, part: str, count: int) -> Tensor:
    """Rows of a part drawn at random, as many of each class, class by class."""
    rows = images.rows(part)
    rows = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))]
    labels = images.labels.cpu()[rows]
    place = torch.zeros(len(rows), dtype=torch.long)  # within its class
    for label in labels.unique():
        of_it = labels == label
        place[of_it] = torch.arange(int(of_it.sum()))
    chosen = place.argsort(stable=True)[:count]
    return rows[chosen[labels[chosen].argsort(stable=True)]]


def write(
    out: Path, made: dict[str, Made], images: ImageSet, scenes: ImageSet
) -> dict[str, Any]:
    """Write all files, the manifest last; it is returned."""
    cells, queries = spread(images, "train", CELLS), spread(images, "test", QUERIES)
    turnable = spread(scenes, "test", SCENES)
    shown = dict.fromkeys(made, images.take(queries)[0])
    shown[OF_SCENES] = scenes.take(turnable)[0]
    found = {name: features(one.encoder, shown[name]) for name, one in made.items()}
    among = {
        name: F.normalize(features(one.encoder, images.take(cells)[0]))
        for name, one in made.items()
        if name != OF_SCENES
    }
    files = scripts(made)
    files["cells.js"] = page_weights.script("cells", torch.stack([*among.values()]))
    asked = torch.cat([images.take(queries)[0], shown[OF_SCENES]])
    files["pixels.js"] = page_weights.script("pixels", asked.permute(0, 2, 3, 1))
    files["sheet.jpg"] = sheet(torch.cat([images.take(cells)[0], asked]))
    files["expected.safetensors"] = safetensors.torch.save(found)
    manifest = {
        "data": DATA,
        "classes": [CALLED.get(name, name) for name in images.classes],
        "side": images.size,
        "columns": COLUMNS,
        "cells": images.labels[cells].tolist(),
        "queries": images.labels[queries].tolist(),
        "scenes": [scenes.classes[label] for label in scenes.labels[turnable]],
        "among": list(among),
        "encoders": {name: about(one) for name, one in made.items()},
        "still": {
            "nearest": {name: nearest(found[name][0], among[name]) for name in among},
            "turned": {
                name: usual(one, shown[name])
                for name, one in made.items()
                if one.head is not None
            },
        },
        "files": {
            name: {"bytes": len(file), "sha256": hashlib.sha256(file).hexdigest()}
            for name, file in files.items()
        },
    }
    for name, file in files.items():
        with whole(out / name) as partial:
            partial.write_bytes(file)
    with whole(out / "manifest.json") as partial:
        partial.write_text(json.dumps(manifest, indent=1) + "\n")
    return manifest


def scripts(made: dict[str, Made]) -> dict[str, bytes]:
    """The weights of all encoders, by the names of their files."""
    return {
        f"{name}.js": page_weights.script(
            name, page_weights.numbers(one.encoder, one.head)
        )
        for name, one in made.items()
    }


def nearest(query: Tensor, among: Tensor) -> list[int]:
    """Which of ``among`` ``(N, D)`` point most nearly as ``query`` ``(D,)``."""
    both = torch.cat([among, query[None]])
    here, there = torch.tensor([len(among)]), torch.arange(len(among))
    return neighbours(both, here, there, NEAREST)[0].tolist()


def about(one: Made) -> dict[str, Any]:
    """What a page must know of an encoder, and by what it is to be traced."""
    return page_weights.plan(one.encoder) | {
        "outputs": 0 if one.head is None else one.head.out_features,
        "told": one.told,
        "record": one.run.key,
        "pretraining": one.run.about["pretraining_key"],
        "commit": one.run.about["commit"],
        "steps": one.run.recipe.pretraining.steps if one.run.recipe.method else 0,
    }


def usual(one: Made, images: Tensor) -> dict[str, Any]:
    """What an encoder with a head says of turned images, by one that is like most.

    Args:
        one: The encoder.
        images: ``(N, 3, S, S)`` uint8.

    Returns:
        ``place``, of the first image of which as many turns are told as of the average
        one, and ``shares``: four probabilities for each of its four turns.
    """
    assert one.head is not None
    turned = [torch.rot90(images, turn, (2, 3)) for turn in range(TURNS)]
    with torch.no_grad():
        shares = one.head(features(one.encoder, torch.cat(turned))).softmax(1)
    shares = shares.unflatten(0, (TURNS, -1)).transpose(0, 1)  # image, turn, answer
    told = (shares.argmax(2) == torch.arange(TURNS)).sum(1).float()
    place = int((told - told.mean()).abs().argmin())
    return {
        "place": place,
        "shares": [[round(x, 4) for x in row] for row in shares[place].tolist()],
    }


def sheet(batch: Tensor) -> bytes:
    """Images ``(N, 3, S, S)`` uint8 in rows of ``COLUMNS``, as a JPEG file."""
    side = batch.shape[-1]
    rows = -(-len(batch) // COLUMNS)
    made = Image.new("RGB", (COLUMNS * side, rows * side))
    for i, image in enumerate(batch):
        made.paste(
            Image.fromarray(pixels(image)), (i % COLUMNS * side, i // COLUMNS * side)
        )
    file = io.BytesIO()
    made.save(file, "JPEG", quality=90, optimize=True)
    return file.getvalue()


if __name__ == "__main__":
    main()
