"""Make a warm start: an encoder trained with labels on seven classes of CIFAR-10.

It stands in, weakly, for ImageNet weights where those cannot be had. The classes leave
out those of ``cifar3``. ``python -m tools.warm_start FILE`` takes CIFAR-10 as
``sslkit.load`` finds it and writes a tiny encoder, which a recipe takes as ``init``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

CLASSES = ("airplane", "automobile", "bird", "deer", "frog", "ship", "truck")
EPOCHS = 20


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
def main(file: Path) -> None:
    """Train the encoder, write it to FILE, say how well it classifies."""
    import torch

    from sslkit.images import splits
    from sslkit.judging import heads
    from sslkit.learning import encoders, loop
    from sslkit.runs import recipes, running

    recipe = recipes.recipe(
        "supervised",
        profile="study-small",
        data="cifar10",
        classes=CLASSES,
        image_size=32,
        fraction=1,
    )
    images = running.load_images(recipe.data)
    rows = splits.split(images, recipe.fraction)
    torch.manual_seed(recipe.seed)
    encoder = encoders.Encoder(recipe.encoder)
    features = heads.Features(encoder, images)
    classifier = heads.Classifier(
        encoder, heads.new_head("linear", features, recipe.seed), recipe.augmentation
    )
    fitted = loop.fit(
        classifier,
        images,
        rows.train,
        validation=rows.val,
        training=replace(recipe.downstream, epochs=EPOCHS),
        seed=recipe.seed,
        fabric=running.launch(recipe),
        title="warm start",
    )
    encoders.save(encoder, file)
    last = fitted.history.query("metric == 'val_accuracy'")["value"].iloc[-1]
    click.echo(f"{file}: {100 * last:.1f} % of the validation images right")


if __name__ == "__main__":
    main()
