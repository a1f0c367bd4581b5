"""Peak memory, measured per profile and calculated: ``python -m benchmarks.memory``.

Measured: a process pretrains for two steps and fine-tunes for two, on ``shapes``. On a
CPU its peak is that of the whole process, code included, on a GPU that of the tensors.

Calculated: what a step keeps for the way back, in bf16, as counted on a CPU for a few
views and carried on to many; and weights, gradients, Adam's two means, and two batches
of views. The temporary memory of the kernels comes on top, and is not counted.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from dataclasses import replace

import click
import torch
from torch import Tensor

import sslkit
from benchmarks import kept
from sslkit.learning import encoders
from sslkit.learning.encoders import Encoder
from sslkit.runs.profiles import PROFILES

METHODS = ("supervised", "rotnet-jitter", "simclr")
VIEWS = {"supervised": 1, "simclr": 2, "rotnet-jitter": 4}  # of an image
SIZE, BATCH = 224, 256  # of the calculation, for a ResNet-50


def peak(profile: str, method: str) -> float:
    """GiB that a process takes which does two steps of each phase."""
    recipe = sslkit.recipe(
        method, profile=profile, data="shapes", protocols=("finetune",)
    )
    short = {"epochs": 1, "steps": 2}
    recipe = replace(
        recipe,
        pretraining=replace(recipe.pretraining, **short),
        downstream=replace(recipe.downstream, **short),
    )
    with tempfile.TemporaryDirectory() as out:
        sslkit.run(recipe, out=out)
    return kept.peak_memory()


def kept_for_backward(views: int) -> int:
    """Bytes that a ResNet-50 keeps of some views for the way back, in bf16."""
    torch.manual_seed(0)
    encoder = Encoder(
        encoders.EncoderSettings(backbone="resnet50", stem="image")
    ).train()
    weights = {p.untyped_storage().data_ptr() for p in encoder.parameters()}
    found: dict[int, Tensor] = {}

    def pack(values: Tensor) -> Tensor:
        address = values.untyped_storage().data_ptr()
        if address not in weights:
            found[address] = values  # alive, so that no address is used twice
        return values

    with (
        torch.autograd.graph.saved_tensors_hooks(pack, lambda values: values),
        torch.autocast("cpu", dtype=torch.bfloat16),
    ):
        encoder(torch.rand(views, 3, SIZE, SIZE))
    return sum(values.untyped_storage().nbytes() for values in found.values())


def calculated() -> dict[str, float]:
    """GiB of a ResNet-50's training step, by method."""
    few, more = kept_for_backward(2), kept_for_backward(4)
    a_view = (more - few) / 2
    encoder = Encoder(encoders.EncoderSettings(backbone="resnet50", stem="image"))
    weights = 4 * 4 * sum(p.numel() for p in encoder.parameters())
    pixels = 2 * 4 * 3 * SIZE**2  # of a view, as float32, in two batches
    return {
        method: (weights + VIEWS[method] * BATCH * (a_view + pixels)) / 2**30
        for method in METHODS
    }


@click.command(context_settings={"show_default": True})
@click.option("--keep", is_flag=True, help=f"write the figures to {kept.FILE}")
def main(keep: bool) -> None:
    """Measure the peak memory of every profile; calculate that of large images."""
    fresh = multiprocessing.get_context("spawn")
    for profile in PROFILES:
        values = {}
        for method in METHODS:
            with fresh.Pool(1) as pool:
                values[method] = pool.apply(peak, (profile, method))
            click.echo(f"{profile:12} {method:14} {values[method]:6.2f} GiB, measured")
        if keep:
            kept.keep("memory", profile, "GiB", values)
    values = calculated()
    case = f"resnet50, {SIZE} px, batch {BATCH}, bf16"
    for method, value in values.items():
        click.echo(f"{case}: {method:14} {value:6.1f} GiB, calculated")
    if keep:
        kept.keep("memory, calculated", case, "GiB", values)


if __name__ == "__main__":
    main()
