"""Where the pages come from and where they will live, as far as a build is told.

With the address of a repository, every chapter gets buttons that open it there, in
Colab and on Binder. Without one there is no button. Either way the pages carry an
archive of the sources that they were made from.
"""

from __future__ import annotations

import os
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import yaml

from tools import BookError

# A list, and not all that lies there: readers keep their own images beside the book.
SOURCES = (
    ".ci",
    ".github",
    ".gitignore",
    ".pre-commit-config.yaml",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "LICENSE-TEXT",
    "Makefile",
    "README.md",
    "_config.yml",
    "_toc.yml",
    "benchmarks",
    "book",
    "environment.yml",
    "pyproject.toml",
    "requirements.lock",
    "sslkit",
    "tests",
    "tools",
)
MADE = {"book/runs", "__pycache__", ".ipynb_checkpoints"}  # in them, by who ran them
FOLDER = "unlabelled-images"  # that the archive unpacks to
HOSTS = ("github.com", "gitlab.com", "bitbucket.org")  # that the theme knows


@dataclass(frozen=True)
class Place:
    """Addresses that the pages may name; an empty one is not known."""

    repository: str = ""  # https://github.com/OWNER/NAME, or on another of HOSTS
    site: str = ""  # where the pages will be, https://…/

    def __post_init__(self) -> None:
        """Refuse addresses that would become dead buttons.

        Raises:
            BookError: If either is no such address.
        """
        hosts = "|".join(map(re.escape, HOSTS))
        form = rf"https://({hosts})/[\w.-]+/[\w.-]+"
        if self.repository and not re.fullmatch(form, self.repository):
            raise BookError(
                f"the repository {self.repository!r} is no https://HOST/OWNER/NAME "
                f"with a HOST of {', '.join(HOSTS)}; leave it out, and the pages still "
                "carry their source"
            )
        if self.site and not re.fullmatch(r"https?://\S+/", self.site):
            raise BookError(
                f"the site {self.site!r} is no https://…/ that ends in a slash"
            )


def made(root: Path, folder: Path, place: Place) -> dict[Path, Path]:
    """Configuration and archive, written into `folder`, by their places in a stage."""
    packed, config = folder / "source.zip", folder / "_config.yml"
    archive(root, packed)
    committed = (root / "_config.yml").read_text(encoding="utf-8")
    config.write_text(configuration(committed, place), encoding="utf-8")
    return {Path("_config.yml"): config, Path("book/_assets/source.zip"): packed}


def configuration(committed: str, place: Place) -> str:
    """The committed `_config.yml` with the addresses that the build was given."""
    config = yaml.safe_load(committed)
    if place.site:
        config["html"]["baseurl"] = place.site
    if place.repository:
        config["html"]["use_repository_button"] = True
        config["repository"] = {"url": place.repository, "branch": "main"}
        config["launch_buttons"] = {
            "notebook_interface": "jupyterlab",
            "binderhub_url": "https://mybinder.org",
        }
        if "github.com" in place.repository:  # Colab reads from nowhere else
            colab = "https://colab.research.google.com"
            config["launch_buttons"]["colab_url"] = colab
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)


def archive(root: Path, target: Path) -> None:
    """Pack the sources; the same sources give the same bytes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in sources(root):
            name = file.relative_to(root).as_posix()
            info = zipfile.ZipInfo(f"{FOLDER}/{name}")  # of 1980, not of today
            info.compress_type = zipfile.ZIP_DEFLATED
            mode = 0o100755 if os.access(file, os.X_OK) else 0o100644
            info.external_attr = mode << 16
            packed.writestr(info, file.read_bytes())


def sources(root: Path) -> list[Path]:
    """The files that the book is made from, in order."""
    files = []
    for name in SOURCES:
        place = root / name
        inside = place.rglob("*") if place.is_dir() else [place]
        files += [file for file in inside if file.is_file() and not _made(file, root)]
    return sorted(files)


def _made(file: Path, root: Path) -> bool:
    path = file.relative_to(root)
    return bool(MADE & {*path.parts, *(parent.as_posix() for parent in path.parents)})
