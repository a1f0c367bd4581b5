"""The classifier: an encoder with a head, what labels train and what users keep."""

from __future__ import annotations

import json
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn import functional as F

from sslkit.images.files import whole
from sslkit.learning.distributed import gather
from sslkit.learning.encoders import Encoder, EncoderSettings
from sslkit.views import augment, pieces
from sslkit.views.augment import Augmentation
from sslkit.views.random_numbers import RandomNumbers


class Classifier(nn.Module):
    """An encoder with a head: the objective of everything that learns from labels.

    Args:
        encoder: Images ``(B, 3, H, W)`` in [0, 1] to features ``(B, D)``; the identity
            where what comes in is features.
        head: Features to logits ``(B, classes)``.
        augmentation: Random views in training; ``None``: the images as they are.
        classes: Their names, for whoever uses it.
        size: Side in pixels of the images that it learnt from.
    """

    def __init__(
        self,
        encoder: nn.Module,
        head: nn.Module,
        augmentation: Augmentation | None = None,
        *,
        classes: tuple[str, ...] = (),
        size: int | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head
        self.augmentation = augmentation
        self.classes = classes
        self.size = size

    def views(self, images: Tensor, random: RandomNumbers) -> list[Tensor]:
        """One view: random in training, the plain image otherwise."""
        if self.training and self.augmentation is not None:
            return [augment.view(images, self.augmentation, random)]
        return [pieces.to_float(images)]

    def forward(
        self, views: list[Tensor], labels: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Logits ``(B, classes)``; with labels also cross-entropy and accuracy."""
        logits = self.head(self.encoder(views[0]))
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        if labels is None:
            return {"logits": logits}
        logits, labels = gather(logits), gather(labels)
        accuracy = (logits.detach().argmax(1) == labels).float().mean()
        return {"loss": F.cross_entropy(logits, labels), "accuracy": accuracy}

    def after_step(self, progress: float) -> None:
        """Nothing moves but what the optimiser moves."""

    @torch.no_grad()
    def predict(self, images: Tensor) -> Tensor:
        """Probabilities ``(B, classes)``, float64, of images as they are.

        Args:
            images: ``(B, 3, S, S)`` uint8, or floats in [0, 1], of the classifier's
                size and on its device.
        """
        self.eval()
        logits: Tensor = self([pieces.to_float(images)])["logits"]
        return logits.double().softmax(1)

    def save(self, file: str | Path) -> None:
        """Write weights, classes, size, backbone and stem as safetensors, atomically.

        Raises:
            ValueError: If the encoder is not one of ``sslkit``'s, or the head not of
                ``new_head``: these alone can be built again from their names.
            OSError: If it cannot be written; names the file.
        """
        if not isinstance(self.encoder, Encoder):
            found = type(self.encoder).__name__
            raise ValueError(f"only sslkit's encoders are saved by name, not a {found}")
        kind = "linear" if isinstance(self.head, nn.Linear) else "mlp"
        like = new_head(kind, self.encoder.dim, len(self.classes))
        if str(self.head) != str(like):
            raise ValueError(
                f"only heads of new_head are saved by name, not {self.head}"
            )
        about = {
            "backbone": self.encoder.settings.backbone,
            "stem": self.encoder.settings.stem,
            "head": kind,
            "classes": list(self.classes),
            "size": self.size,
        }
        weights = {
            name: value.contiguous().cpu() for name, value in self.state_dict().items()
        }
        note = {"classifier": json.dumps(about)}
        with whole(Path(file)) as partial:
            partial.write_bytes(safetensors.torch.save(weights, note))


def load_classifier(file: str | Path) -> Classifier:
    """The classifier that ``Classifier.save`` wrote, on the CPU, in eval mode.

    Raises:
        ValueError: If the file is missing, or no classifier.
    """
    if not Path(file).is_file():
        raise ValueError(f"classifier file '{file}' does not exist")
    try:
        with safe_open(file, "pt") as opened:
            kept = (opened.metadata() or {}).get("classifier")
            weights = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"'{file}' is no safetensors file: {error}") from error
    if kept is None:
        raise ValueError(f"'{file}' holds no classifier; an encoder, perhaps?")
    about = json.loads(kept)
    encoder = Encoder(EncoderSettings(backbone=about["backbone"], stem=about["stem"]))
    made = Classifier(
        encoder,
        new_head(about["head"], encoder.dim, len(about["classes"])),
        classes=tuple(about["classes"]),
        size=about["size"],
    )
    made.load_state_dict(weights)
    return made.eval()


def new_head(kind: str, dim: int, classes: int, seed: int = 0) -> nn.Module:
    """A head on features of length ``dim``: linear, or for ``"mlp"`` one layer more."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if kind != "mlp":
            return nn.Linear(dim, classes)
        return nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, classes))
