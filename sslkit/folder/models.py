"""What a reader takes away: a classifier as ONNX, and its predictions as a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn

from sslkit.images.imageset import ImageSet
from sslkit.judging.classifier import Classifier
from sslkit.judging.features import BATCH


class _OfPixels(nn.Module):
    """A classifier from pixels to probabilities, as others run it."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.classifier([images.float() / 255])["logits"]
        return logits.softmax(1)


def to_onnx(classifier: Classifier, file: Path) -> None:
    """Write a classifier as ONNX: pixels in, probabilities out.

    Its input ``images`` is ``(B, 3, S, S)`` uint8, RGB, cut and resized as
    ``sslkit.load`` does it; its output ``probabilities`` is ``(B, classes)`` float32.
    Names of the classes and ``S`` are in the file's metadata.

    Args:
        classifier: With classes and size, on any device.
        file: Where to write.

    Raises:
        ValueError: If the packages of the extra ``onnx`` are missing.
    """
    try:
        import onnxscript  # noqa: F401 (what torch writes ONNX with)
    except ModuleNotFoundError as error:
        raise ValueError(
            "writing ONNX takes the packages of the extra onnx: "
            "pip install 'sslkit[onnx]'"
        ) from error
    assert classifier.size is not None
    images = torch.zeros(2, 3, classifier.size, classifier.size, dtype=torch.uint8)
    program = torch.onnx.export(
        _OfPixels(classifier.cpu()).eval(),
        (images,),
        input_names=["images"],
        output_names=["probabilities"],
        dynamic_shapes=({0: torch.export.Dim("images")},),
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    about = {"classes": "\n".join(classifier.classes), "size": str(classifier.size)}
    program.model.metadata_props.update(about)
    program.save(file)


def predictions(
    classifier: Classifier, images: ImageSet, rows: Tensor | None = None
) -> pd.DataFrame:
    """What a classifier says of images.

    Args:
        classifier: On the device of the images.
        images: Of the classifier's size.
        rows: Of which; of all if not given.

    Returns:
        A row an image: ``file`` (or its row, where there are no files), ``predicted``,
        and a column a class with its probability.

    Raises:
        ValueError: If the images are of another size than the classifier learnt from.
    """
    if images.size != classifier.size:
        raise ValueError(
            f"the classifier takes images of {classifier.size} pixels, not of "
            f"{images.size}"
        )
    rows = torch.arange(len(images)) if rows is None else rows
    found = [
        classifier.predict(images.take(some)[0]).cpu() for some in rows.split(BATCH)
    ]
    table = pd.DataFrame(torch.cat(found).numpy(), columns=list(classifier.classes))
    names: Sequence[object] = rows.tolist()
    if images.files is not None:
        names = [images.files[row] for row in rows.tolist()]
    predicted = table.idxmax(axis=1)
    table.insert(0, "predicted", predicted, allow_duplicates=True)
    table.insert(0, "file", names, allow_duplicates=True)
    return table
