"""Views a second, sslkit beside its peers: ``python -m benchmarks.views --size 32``.

All make the same view: crop, flip, colour jitter, greyscale, and blur from 96 pixels.
They take turns within one run, so that a busy machine slows all of them; ratios carry
over to other machines better than rates.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import click
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from benchmarks import kept
from sslkit.learning.devices import keep_freed_memory
from sslkit.runs import provenance
from sslkit.views import augment, pieces
from sslkit.views.augment import Augmentation
from sslkit.views.random_numbers import RandomNumbers

ROUNDS = 3
CROP = (0.2, 1.0)
BLUR_FROM = 96  # pixels
PREFETCHED = 2  # batches a worker prepares ahead: torch's default

Transform = Callable[[Any], Any]  # one image, a tensor or PIL's: one view, or a list
Views = Iterator[Tensor]  # batches of views, without end


class Transformed(Dataset[Any]):
    """Images, each through a transform; over and over, if there are fewer than said."""

    def __init__(self, images: list[Any], transform: Transform, length: int) -> None:
        self.images = images
        self.transform = transform
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        return self.transform(self.images[index % len(self.images)])


def per_sample(images: list[Any], transform: Transform, workers: int) -> Views:
    """Views by a transform of one image, in a DataLoader's worker processes."""
    loader = DataLoader(
        Transformed(images, transform, sys.maxsize // 2),
        batch_size=len(images),
        num_workers=workers,
        prefetch_factor=PREFETCHED,
    )
    # What was prepared before the clock starts is not counted.
    for batch in itertools.islice(loader, PREFETCHED * workers, None):
        yield from batch if isinstance(batch, list) else [batch]


def sslkit(images: Tensor, augmentation: Augmentation, threads: int) -> Views:
    """Batches at once, with torch's threads."""
    for step in itertools.count():
        draw = RandomNumbers(0, step, size=len(images))
        yield augment.view(images, augmentation, draw)


def torchvision(images: Tensor, augmentation: Augmentation, threads: int) -> Views:
    """Version 2 of the transforms on uint8 tensors."""
    size, a = images.shape[-1], augmentation
    colours = v2.ColorJitter(a.brightness, a.contrast, a.saturation, a.hue)
    blur = v2.GaussianBlur(size // 10 | 1, (0.1, 2.0))
    transform = v2.Compose(
        [
            v2.RandomResizedCrop(size, CROP, a.ratio),
            v2.RandomHorizontalFlip(a.flip),
            v2.RandomApply([colours], a.jitter),
            v2.RandomGrayscale(a.greyscale),
            *([v2.RandomApply([blur], a.blur)] if a.blur else []),
            v2.ToDtype(torch.float32, scale=True),
        ]
    )
    return per_sample(list(images), transform, threads)


def lightly(images: Tensor, augmentation: Augmentation, threads: int) -> Views:
    """SimCLRTransform, which makes two views, on PIL images."""
    from benchmarks.peer import transform

    both = transform(augmentation, images.shape[-1])
    pictures = [v2.functional.to_pil_image(image) for image in images]
    return per_sample(pictures, both, threads)


def kornia(images: Tensor, augmentation: Augmentation, threads: int) -> Views:
    """Batches at once, with torch's threads."""
    import kornia.augmentation as K

    size, a = images.shape[-1], augmentation
    blur = K.RandomGaussianBlur((size // 10 | 1,) * 2, (0.1, 2.0), p=a.blur)
    transform = K.AugmentationSequential(
        K.RandomResizedCrop((size, size), CROP, a.ratio),
        K.RandomHorizontalFlip(p=a.flip),
        K.ColorJitter(a.brightness, a.contrast, a.saturation, a.hue, p=a.jitter),
        K.RandomGrayscale(p=a.greyscale),
        *([blur] if a.blur else []),
    )
    while True:
        yield transform(pieces.to_float(images))


CONTENDERS = {
    "sslkit": sslkit,
    "torchvision": torchvision,
    "lightly": lightly,
    "kornia": kornia,
}
PEERS = [name for name in CONTENDERS if name != "sslkit"]


def rate(views: Views, seconds: float) -> float:
    """Views a second, after a first batch that warms up."""
    next(views)
    count, start = 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds:
        count += len(next(views))
    return count / passed


@click.command(context_settings={"show_default": True})
@click.option("--size", default=32, help="side of the images in pixels")
@click.option("--threads", default=1, help="threads; processes for a DataLoader")
@click.option("--batch", default=256, help="images a batch")
@click.option("--seconds", default=3.0, help="seconds each is measured, in all rounds")
@click.option("--against", default=",".join(PEERS), help="peers, separated by commas")
@click.option("--ratio-to", type=click.Choice(PEERS), help="the peer to beat")
@click.option("--at-least", type=float, help="exit 1 below this ratio to that peer")
@click.option("--keep", is_flag=True, help=f"write the rates to {kept.FILE}")
def main(
    size: int,
    threads: int,
    batch: int,
    seconds: float,
    against: str,
    ratio_to: str | None,
    at_least: float | None,
    keep: bool,
) -> None:
    """Measure how many views a second sslkit and its peers make on the CPU."""
    torch.set_num_threads(threads)
    keep_freed_memory()  # as training does
    names = list(dict.fromkeys(["sslkit", *against.split(","), ratio_to or "sslkit"]))
    if unknown := [name for name in names if name not in CONTENDERS]:
        raise click.BadParameter(f"{unknown}: known are {', '.join(CONTENDERS)}")
    missing = [name for name in names if not find_spec(name)]
    present = [name for name in names if name not in missing]

    images = torch.randint(256, (batch, 3, size, size), dtype=torch.uint8)
    augmentation = Augmentation(crop=CROP, blur=0.5 if size >= BLUR_FROM else 0.0)
    rates: dict[str, list[float]] = {name: [] for name in present}
    for _, name in itertools.product(range(ROUNDS), present):
        views = CONTENDERS[name](images, augmentation, threads)
        rates[name].append(rate(views, seconds / ROUNDS))
    middle = {name: statistics.median(rates[name]) for name in present}

    about = provenance.provenance()
    click.echo(f"{about['machine']}; torch {about['versions']['torch']}")
    click.echo(f"{size} x {size} pixels, batches of {batch}, median of {ROUNDS} rounds")
    click.echo(f"{'':12} {'views/s':>9}   {'sslkit is':>9}")
    for name, value in middle.items():
        click.echo(f"{name:12} {value:9.0f}   {middle['sslkit'] / value:8.1f}x")
    if keep:
        kept.keep("views", f"{size} px, batch {batch}", "views/s", middle)
    for name in missing:
        click.echo(f"{name:12} is not installed: it comes with the extra 'bench'")
    if ratio_to and at_least:
        if ratio_to in missing:
            raise click.ClickException(
                f"no ratio to {ratio_to}, which is not installed"
            )
        ratio = middle["sslkit"] / middle[ratio_to]
        click.echo(
            f"sslkit / {ratio_to} = {ratio:.1f}, at least {at_least:g} is wanted"
        )
        sys.exit(0 if ratio >= at_least else 1)


if __name__ == "__main__":
    main()
