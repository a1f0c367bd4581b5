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

    import sslkit
    from sslkit.judging.classifier import Classifier, new_head
    from sslkit.learning import devices, encoders, loop
    from sslkit.runs import inputs

    recipe = sslkit.recipe(
        "supervised",
        profile="study-small",
        data="cifar10",
        classes=CLASSES,
        image_size=32,
        fraction=1,
    )
    images = inputs.load_images(recipe.data)
    rows = inputs.split_of(recipe, images)
    torch.manual_seed(recipe.seed)
    encoder = encoders.Encoder(recipe.encoder)
    head = new_head("linear", encoder.dim, len(images.classes), recipe.seed)
    classifier = Classifier(encoder, head, recipe.augmentation)
    fitted = loop.fit(
        classifier,
        images,
        rows.train,
        validation=rows.val,
        training=replace(recipe.downstream, epochs=EPOCHS),
        seed=recipe.seed,
        fabric=devices.launch(recipe.precision),
        title="warm start",
    )
    encoders.save(encoder, file)
    last = fitted.history.query("metric == 'val_accuracy'")["value"].iloc[-1]
    click.echo(f"{file}: {100 * last:.1f} % of the validation images right")


if __name__ == "__main__":
    main()
