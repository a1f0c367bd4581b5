"""Build the book: vendor, execute, stage, make the pages, check them.

    python -m tools.book --profile quick --data colon3 --jobs 2

Sources are only read. Everything made lies in `_build/<profile>[-<data>]/`:
`executed/`, `failed/`, `stage/` (what Jupyter Book reads) and `site/_build/html/` (the
pages).
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tools import BookError, check, source, vendor
from tools.execute import Job, digest, environment, execute_all, key

HERE = Path(__file__).resolve().parents[1]  # of this tooling

# What of book/ is no part of a page.
UNSTAGED = {"profiles", "runs", ".ipynb_checkpoints", "__pycache__"}


@dataclass(frozen=True)
class Book:
    """A book's folder and the values it is to be built with."""

    root: Path
    profile: str = "quick"
    data: str | None = None  # in place of the profile's
    typed: dict[str, Any] = field(default_factory=dict)  # further parameters
    place: source.Place = source.Place()  # where sources and pages are to be found

    @property
    def folder(self) -> Path:
        """Where this build lives: builds of other values never share a file with it."""
        name = self.profile
        if self.data:
            tail = re.sub(r"\W+", "-", Path(self.data).name)
            if os.sep in self.data:  # folders of one name in different places
                tail += "-" + hashlib.sha256(self.data.encode()).hexdigest()[:6]
            name += f"-{tail}"
        return self.root / "_build" / name

    @property
    def stage(self) -> Path:
        """The tree that Jupyter Book reads."""
        return self.folder / "stage"

    @property
    def site(self) -> Path:
        """What Jupyter Book writes."""
        return self.folder / "site"

    @property
    def html(self) -> Path:
        """The pages."""
        return self.site / "_build" / "html"

    def documents(self) -> list[str]:
        """The pages of `_toc.yml` in order, as paths without suffix."""

        def walk(node: Any) -> Iterator[str]:
            if isinstance(node, dict):
                yield from (node[k] for k in ("root", "file") if k in node)
                for value in node.values():
                    yield from walk(value)
            elif isinstance(node, list):
                for item in node:
                    yield from walk(item)

        return list(walk(yaml.safe_load((self.root / "_toc.yml").read_bytes())))

    def notebooks(self) -> list[Path]:
        """The pages that are notebooks."""
        paths = [self.root / f"{name}.ipynb" for name in self.documents()]
        return [path for path in paths if path.exists()]

    def parameters(self) -> dict[str, dict[str, Any]]:
        """The values for each chapter: what profile and user give, if it declares them.

        Raises:
            BookError: If there is no such profile, a chapter has no good `parameters`
                cell or could hang, or a given name is known to no chapter.
        """
        profiles = self.root / "book" / "profiles"
        file = profiles / f"{self.profile}.yaml"
        if not file.exists():
            there = ", ".join(sorted(path.stem for path in profiles.glob("*.yaml")))
            raise BookError(f"no profile {self.profile!r}; there are: {there}")
        given = yaml.safe_load(file.read_bytes()) | self.typed
        if self.data:
            given["data"] = self.data
        declared = {}
        for notebook in self.notebooks():
            cells = check.read(notebook)
            if problems := check.source(cells):
                raise BookError(f"{notebook.name}: " + "; ".join(problems))
            declared[notebook.stem] = check.parameters(cells).keys()
        known = sorted({name for names in declared.values() for name in names})
        if unknown := sorted(given.keys() - set(known)):
            raise BookError(
                f"no chapter has a parameter {', '.join(unknown)}; "
                f"the chapters know: {', '.join(known)}"
            )
        return {
            chapter: {name: value for name, value in given.items() if name in names}
            for chapter, names in declared.items()
        }

    def jobs(self, timeout: int) -> list[Job]:
        """A job for each notebook."""
        common = digest(self.root)
        return [
            Job(
                chapter=path.stem,
                notebook=path,
                parameters=values,
                key=key(path, values, common),
                folder=self.folder,
                timeout=timeout,
            )
            for path, values in zip(
                self.notebooks(), self.parameters().values(), strict=True
            )
        ]


def stage(book: Book, jobs: list[Job], vendored: Path) -> None:
    """Lay out what Jupyter Book reads: the sources, executed copies for the notebooks.

    Only what differs is written, as Sphinx goes by the time of a file. A file that is
    gone from the sources goes from here too, and then the pages are made from nothing.
    """
    wanted = {Path("book") / f"{j.chapter}.ipynb": j.copy for j in jobs if j.is_done()}
    wanted[Path("_toc.yml")] = book.root / "_toc.yml"
    wanted |= source.made(book.root, book.folder, book.place)
    for file in (book.root / "book").rglob("*"):
        parts = file.relative_to(book.root).parts
        if file.is_file() and file.suffix != ".ipynb" and not UNSTAGED & {*parts}:
            wanted[Path(*parts)] = file
    for file in downloads(book):
        wanted[Path("book/results") / file.name] = file
    assets = Path("book/_assets/vendor")
    for file in vendored.rglob("*"):
        if file.is_file():
            wanted[assets / file.relative_to(vendored)] = file
    for name, file in wanted.items():
        target = book.stage / name
        if not target.exists() or target.read_bytes() != file.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
    there = {file.relative_to(book.stage) for file in files(book.stage)}
    for stray in there - wanted.keys():
        (book.stage / stray).unlink()
        shutil.rmtree(book.site, ignore_errors=True)


def downloads(book: Book) -> list[Path]:
    """The records of each image set as one file, and their scores as CSV."""
    from sslkit.runs import records
    from sslkit.study import tables

    made = []
    for folder in sorted((book.root / "book/results").glob("*/")):
        target = book.folder / "downloads" / f"{folder.name}.jsonl"
        target.parent.mkdir(parents=True, exist_ok=True)
        runs = records.read(folder)
        target.write_text("".join(f"{records.to_line(run)}\n" for run in runs))
        table = target.with_suffix(".csv")
        tables.table(runs).to_csv(table, index=False)
        made += [target, table]
    return made


def files(folder: Path) -> list[Path]:
    """All files under a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]


def pages(book: Book) -> None:
    """Make the pages; every warning of Sphinx is an error.

    Raises:
        BookError: If Jupyter Book fails, or a page lacks something.
    """
    # The script, not the module: `python -m jupyter_book.cli.main` does nothing.
    program = Path(sys.executable).with_name("jupyter-book")
    folders = [str(book.stage), "--path-output", str(book.site)]
    # The API page imports the package, _config.yml two extensions of these tools.
    imported = os.pathsep.join([str(book.root), str(HERE)])
    done = subprocess.run(
        [str(program), "build", *folders, "-W", "-n", "--keep-going", "-q"],
        env=os.environ | {"PYTHONPATH": imported},
        stdout=subprocess.PIPE,  # only talk; warnings and errors come by stderr
    )
    problems = ["Jupyter Book failed: see above"] if done.returncode else []
    problems += check.pages(book.html, book.documents())
    if problems:
        # Sphinx warns only of what it reads: a second run must read everything again.
        shutil.rmtree(book.site / "_build" / ".doctrees", ignore_errors=True)
        raise BookError("FAILED pages\n  " + "\n  ".join(problems))


def build(book: Book, *, workers: int = 2, timeout: int = 600, only: str = "") -> None:
    """Execute what is not up to date and make the pages; `only` stops after a chapter.

    Raises:
        BookError: With what a reader or an author can mend.
    """
    start = time.perf_counter()
    jobs = book.jobs(timeout)
    if only:
        jobs = [job for job in jobs if job.chapter == only]
        if not jobs:
            there = ", ".join(path.stem for path in book.notebooks())
            raise BookError(f"no chapter {only!r}; there are: {there}")
    names = ", ".join(job.chapter for job in jobs)
    print(f"Profile {book.profile}: {names}", flush=True)
    execute_all(jobs, workers, environment(book.root, workers))
    if only:
        print(f"Executed: {jobs[0].copy}")
        return
    vendored = book.root / "_build" / "vendor"
    vendor.fetch(vendored)
    stage(book, jobs, vendored)
    pages(book)
    print(f"The book, in {time.perf_counter() - start:.0f} s:")
    print(f"  {(book.html / 'index.html').as_uri()}")


def main(arguments: list[str] | None = None) -> int:
    """The command line: 0 if the book was built."""
    parser = argparse.ArgumentParser(prog="python -m tools.book", description=__doc__)
    parser.add_argument("--profile", default="quick", help="a file of book/profiles/")
    parser.add_argument("--data", help="a folder or a name, in place of the profile's")
    parser.add_argument(
        "-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE")
    )
    parser.add_argument("--jobs", type=int, default=2, help="chapters side by side")
    parser.add_argument("--timeout", type=int, default=600, help="seconds for a cell")
    parser.add_argument("--only", default="", help="execute this chapter, no pages")
    parser.add_argument("--pdf", action="store_true", help="all pages as one file, too")
    parser.add_argument("--repository", default="", help="https://HOST/OWNER/NAME")
    parser.add_argument(
        "--site", default="", help="where the pages will be, https://…/"
    )
    parser.add_argument("--where", action="store_true", help="print the pages' folder")
    parser.add_argument("--root", type=Path, default=Path.cwd())
    given = parser.parse_args(arguments)
    data = given.data
    if data and Path(data).is_dir():
        data = str(Path(data).resolve())  # kernels start in book/
    elif data and os.sep in data:
        parser.error(f"no folder {data}")
    typed = {name: yaml.safe_load(value) for name, value in given.p}
    try:
        place = source.Place(given.repository, given.site)
        book = Book(given.root.resolve(), given.profile, data, typed, place)
        if given.where:
            print(book.html)
            return 0
        build(book, workers=given.jobs, timeout=given.timeout, only=given.only)
        if given.pdf:
            from tools import pdf  # and its libraries: most builds print nothing

            print(f"  {pdf.write(book.root, book.html, book.folder / 'book.pdf')}")
    except BookError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
