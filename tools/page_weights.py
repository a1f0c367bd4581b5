"""Numbers for a page: an encoder folded, and float16 as a script that a page can load.

A page that was opened as a file may load a script, but fetch nothing. So the numbers
stand in a string of a script, each float16 as the UTF-16 character of its bits: two
bytes a number, where base64 would take 2.7. ``book/_assets/toys/network.js`` reads it.
"""

from __future__ import annotations

import codecs
import json

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from sslkit.learning.encoders import OURS, Encoder

LOWEST = -128.0  # float16 from here on down has the bits of half a character
UNWRITABLE = [ord(sign) for sign in '\n\r"\\']  # in a string; as numbers, under 6e-6


def folded(encoder: Encoder) -> list[nn.Conv2d]:
    """The convolutions of an encoder, batch-norm folded in, first to last.

    Raises:
        ValueError: If it is none of the encoders that the page's script can run.
    """
    if encoder.settings.backbone not in OURS:
        raise ValueError(
            f"a page runs the encoders {' and '.join(OURS)}, not "
            f"{encoder.settings.backbone}"
        )
    modules = list(encoder.eval().net.modules())
    convolutions = [m for m in modules if isinstance(m, nn.Conv2d)]
    norms = [m for m in modules if isinstance(m, nn.BatchNorm2d)]
    return [
        fuse_conv_bn_eval(convolution, norm)
        for convolution, norm in zip(convolutions, norms, strict=True)
    ]


def plan(encoder: Encoder) -> dict[str, object]:
    """What the page's script must know of an encoder, beside its numbers.

    Returns:
        ``channels``, of the image and after each halving convolution, and whether a
        ``residual`` block follows each.
    """
    layers = folded(encoder)
    halving = [layer for layer in layers if layer.stride == (2, 2)]
    return {
        "channels": [3, *(layer.out_channels for layer in halving)],
        "residual": len(layers) > len(halving),
    }


def numbers(encoder: Encoder, head: nn.Linear | None = None) -> Tensor:
    """All numbers of an encoder and a head, in the order in which the script reads.

    Of each convolution the weights, output channel by output channel, ``(3, 3)`` pixels
    of all input channels, then the biases; of the head its weights and biases.
    """
    parts: list[Tensor] = []
    for layer in folded(encoder):
        assert layer.bias is not None
        parts += [rounded(layer.weight.permute(0, 2, 3, 1)), layer.bias]
    if head is not None:
        parts += [head.weight, head.bias]
    return torch.cat([part.detach().cpu().flatten() for part in parts])


def rounded(weights: Tensor) -> Tensor:
    """Weights that float16 can hold, ``(channels, …)``, carrying what that costs.

    What a weight loses, the next of its channel gets: the sum of each channel stays.
    After a ReLU all inputs are positive, so errors of one sign would add up.
    """
    kept = weights.detach().cpu().double().flatten(1)
    carried = torch.zeros(len(kept), dtype=kept.dtype)
    for column in kept.T:  # a view: what is written, stays
        wanted = column + carried
        column.copy_(wanted.half())
        carried = wanted - column
    return kept.view(weights.shape).float()


def script(name: str, values: Tensor) -> bytes:
    """A script that adds numbers as float16 to ``sslkit.packed``, under a name.

    A number whose bits cannot stand in a string becomes the next one, 6e-8 above.

    Raises:
        ValueError: If a number is not finite, or not above ``LOWEST``.
    """
    halves = values.detach().cpu().flatten().half().numpy().astype("<f2")
    bad = ~((halves > LOWEST) & (halves < np.inf))
    if bad.any():
        raise ValueError(
            f"'{name}' has a number of {halves[bad][0]}, which a page cannot be given: "
            f"it must be above {LOWEST:g} and finite as float16"
        )
    bits = halves.view("<u2").copy()
    bits[np.isin(bits, UNWRITABLE)] += 1
    key = json.dumps(name)
    before = f'((globalThis.sslkit ??= {{}}).packed ??= {{}})[{key}] =\n"'
    text = [before.encode("utf-16-le"), bits.tobytes(), '";\n'.encode("utf-16-le")]
    return codecs.BOM_UTF16_LE + b"".join(text)
