"""Training steps a second beside the bare model's: ``python -m benchmarks.step``.

The bare model learns from one constant batch: forward, backward, optimiser, nothing
else. On a GPU, views are made beside the step, and training should run at that rate. On
a CPU both share the cores: training should take the time of the bare step and of the
views, and no more.
"""

from __future__ import annotations

import click
import torch

from benchmarks import kept
from sslkit.images import shapes
from sslkit.images.imageset import ImageSet
from sslkit.images.loading import from_shapes
from sslkit.learning.batches import Batches
from sslkit.learning.devices import keep_freed_memory, launch
from sslkit.learning.encoders import Encoder, EncoderSettings, stem_for
from sslkit.learning.loop import fit
from sslkit.learning.training import Training, new_optimiser
from sslkit.methods import METHODS
from sslkit.views.augment import Augmentation

# Encoder, side in pixels, images a batch on a CPU and on a GPU.
CASES = (
    ("tiny", 32, 256, 256),
    ("resnet18", 32, 32, 256),
    ("resnet50", 96, 8, 256),
    ("resnet50", 224, 2, 256),
)


def case_of(method: str, backbone: str, size: int, batch: int) -> str:
    """How the records name a case."""
    return f"{method}, {backbone}, {size} px, batch {batch}"


def measure(
    method: str, backbone: str, images: ImageSet, batch: int, at_least: float
) -> dict[str, float]:
    """Seconds of a training step, of a bare one and of making the views."""
    fabric = launch()
    size = images.images.shape[-1]
    blur = 0.5 if size >= 96 else 0.0
    settings = METHODS[method].with_views(Augmentation(blur=blur))
    torch.manual_seed(0)
    encoder = Encoder(EncoderSettings(backbone=backbone, stem=stem_for(size)))
    objective = settings.objective(encoder).to(fabric.device).train()
    training = Training(lr=1e-4, epochs=1, batch_size=batch)
    rows = images.rows("train")

    batches = Batches(
        images, objective.views, rows, batch_size=batch, seed=0, fabric=fabric
    )
    constant = batches.make(0)
    model, optimiser = fabric.setup(objective, new_optimiser(objective, training))

    def bare() -> None:
        objective.train()
        fabric.backward(model(constant.views, constant.labels)["loss"])
        optimiser.step()
        optimiser.zero_grad()

    took = kept.side_by_side({"bare": bare}, at_least=0)["bare"]
    steps = max(3, round(at_least / kept.ROUNDS / took))  # of a training of that length

    def train() -> None:
        fit(
            objective,
            images,
            rows,
            validation=None,
            training=Training(lr=1e-4, epochs=1, steps=steps, batch_size=batch),
            seed=0,
            fabric=fabric,
        )

    def several() -> None:
        for _ in range(steps):
            bare()

    times = kept.side_by_side(
        {"training": train, "bare": several, "views": lambda: batches.make(0)},
        at_least=at_least,
    )
    return times | {name: times[name] / steps for name in ("training", "bare")}


@click.command(context_settings={"show_default": True})
@click.option("--threads", default=torch.get_num_threads(), help="on a CPU")
@click.option("--seconds", default=6.0, help="each is measured, in all rounds")
@click.option("--only", default="", help="cases whose name has these words")
@click.option("--keep", is_flag=True, help=f"write the rates to {kept.FILE}")
def main(threads: int, seconds: float, only: str, keep: bool) -> None:
    """Measure training steps beside bare ones."""
    torch.set_num_threads(threads)
    keep_freed_memory()  # as training does, and for the bare model, too
    cuda = torch.cuda.is_available()
    click.echo(f"{'steps a second':45} {'training':>9} {'bare':>9} {'ratio':>7}")
    for backbone, size, on_cpu, on_gpu in CASES:
        batch = on_gpu if cuda else on_cpu
        scenes = shapes.Scenes(n_train=3 * batch, n_test=3, n_unlabelled=0)
        images = from_shapes(scenes, image_size=size).to("cuda" if cuda else "cpu")
        for method in METHODS:
            case = case_of(method, backbone, size, batch)
            if not all(word in case for word in only.split()):
                continue
            times = measure(method, backbone, images, batch, seconds)
            rates = {name: 1 / value for name, value in times.items()}
            ideal = times["bare"] + (0 if cuda else times["views"])
            ratio = ideal / times["training"]
            click.echo(
                f"{case:45} {rates['training']:9.2f} {rates['bare']:9.2f} {ratio:7.2f}"
            )
            if keep:
                kept.keep("step", case, "steps/s", rates)


if __name__ == "__main__":
    main()
