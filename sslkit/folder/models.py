"""What a reader takes away: an encoder, a classifier, and what it says of images."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Iterable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn

from sslkit.folder import trials
from sslkit.folder.trials import ENCODER
from sslkit.folder.verdict import Option, first_run, named
from sslkit.images import folders
from sslkit.images.decoding import read_images
from sslkit.images.files import whole
from sslkit.images.imageset import ImageSet
from sslkit.judging import cases
from sslkit.judging.classifier import Classifier, load_classifier
from sslkit.learning.devices import launch
from sslkit.learning.encoders import OURS
from sslkit.runs import inputs, running
from sslkit.runs.records import Run
from sslkit.runs.store import Store

CLASSIFIER, ONNX = "classifier.safetensors", "classifier.onnx"


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
    with whole(file) as partial:
        program.save(partial)


def probabilities(classifier: Classifier, images: ImageSet, rows: Tensor) -> Tensor:
    """Of each class, for some images as they are: ``(N, classes)`` float64, on the CPU.

    Args:
        classifier: On the device of the images.
        images: Of the classifier's size.
        rows: ``(N,)`` int64.

    Raises:
        ValueError: If the images are of another size than the classifier learnt from.
    """
    if images.size != classifier.size:
        raise ValueError(
            f"the classifier takes images of {classifier.size} pixels, not of "
            f"{images.size}"
        )
    return cases.predictions(classifier, images, rows)


def predictions(classifier: Classifier, images: ImageSet) -> pd.DataFrame:
    """What a classifier says of images.

    Returns:
        A row an image: ``file`` (or its number, where there are no files),
        ``predicted``, and a column a class with its probability.

    Raises:
        ValueError: If the images are of another size than the classifier learnt from.
    """
    found = probabilities(classifier, images, torch.arange(len(images)))
    table = pd.DataFrame(found.numpy(), columns=list(classifier.classes))
    predicted = table.idxmax(axis=1)
    names = range(len(images)) if images.files is None else images.files
    # A class may be called "file".
    table.insert(0, "predicted", predicted, allow_duplicates=True)
    table.insert(0, "file", names, allow_duplicates=True)
    return table


def predict(study: Path, folder: str | Path) -> pd.DataFrame:
    """What the classifier of a study says of the images below a folder.

    Args:
        study: The folder that ``study_folder`` wrote to.
        folder: Images, in any order of folders.

    Returns:
        As ``predictions``, with paths below the folder.

    Raises:
        ValueError: If the study has no classifier, the folder no images, or a file
            cannot be read.
    """
    classifier = load_classifier(study / CLASSIFIER)
    folder = Path(folder)
    files = folders.image_files(folder)
    if not files:
        raise ValueError(f"there is no image below '{folder}'")
    assert classifier.size is not None
    bits = trials.read_plan(study).bits
    paths = [folder / file for file in files]
    pixels, _ = read_images(paths, classifier.size, bits=bits)
    return predictions(classifier, replace(ImageSet.of(pixels), files=tuple(files)))


def learnt_again(runs: Iterable[Run], way: Option, out: Path) -> Classifier:
    """The classifier of a way's first draw, which records do not hold, learnt anew.

    Its score is in the record, and the test images are not read again.

    Args:
        runs: Of the trials.
        way: Which.
        out: Their store, for the encoder.
    """
    run = first_run(runs, way)
    made = replace(run.recipe, protocols=(way.protocol,))
    fabric = launch(made.precision)
    images = inputs.load_images(made.data)
    rows = inputs.split_of(made, images)
    features, _, _ = running.features_of(made, images, rows, Store(out), fabric)
    judged = running.judged_by(made, features, images, rows, fabric, known=run.scores)
    classifier = judged[way.protocol].classifier
    assert classifier is not None
    return classifier.to(images.device).eval()


def keep_classifier(classifier: Classifier, way: Option, out: Path) -> list[str]:
    """Write a classifier beside the report; what is there now, in sentences."""
    classifier.save(out / CLASSIFIER)
    said = [
        f"{CLASSIFIER}: {named(way)}, the best by validation of what a file can hold "
        f"(python -m sslkit predict {out} FOLDER)"
    ]
    if find_spec("onnxscript") is None:
        return [*said, f"no {ONNX}: pip install 'sslkit[onnx]', and do it again"]
    to_onnx(copy.deepcopy(classifier), out / ONNX)
    return [*said, f"{ONNX}: the same; pixels in, probabilities out"]


def keep_encoder(file: Path, backbone: str, out: Path) -> list[str]:
    """Put an encoder beside the report; what is there now, in a sentence."""
    kept = out / ENCODER
    if file != kept:
        with whole(kept) as partial:
            shutil.copyfile(file, partial)
    if backbone in OURS:
        loads = f"an encoder of sslkit's ({backbone}; torchvision has no counterpart)"
    else:
        loads = f"loads strictly into torchvision's {backbone} without fc"
    return [f"{ENCODER}: what was learnt without labels; {loads}"]
