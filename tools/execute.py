"""Execute chapters with papermill: side by side, once, and never half.

Papermill's own rules are too lenient for a book. Here an unknown parameter, a cell that
never ran (`sys.exit(0)`), a dead kernel and a cell over its time limit are all errors.
"""

from __future__ import annotations

import hashlib
import json
import logging
import multiprocessing
import os
import re
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools import BookError, check


@dataclass(frozen=True)
class Job:
    """One chapter to execute."""

    chapter: str
    notebook: Path  # the source, which is only read
    parameters: dict[str, Any]
    key: str  # digest of all that decides the outcome
    folder: Path  # takes executed/ and failed/
    timeout: int  # seconds a cell may take

    @property
    def copy(self) -> Path:
        """Where the executed copy belongs."""
        return self.folder / "executed" / f"{self.chapter}.ipynb"

    @property
    def failed(self) -> Path:
        """Where a copy stays that did not come to its end."""
        return self.folder / "failed" / f"{self.chapter}.ipynb"

    @property
    def stamp(self) -> Path:
        """The key that the executed copy was made with."""
        return self.copy.with_suffix(".key")

    def is_done(self) -> bool:
        """Whether the executed copy is of this very job."""
        done = self.copy.exists() and self.stamp.exists()
        return done and self.stamp.read_text() == self.key


def digest(root: Path) -> str:
    """Digest of what all chapters depend on: package, records, pins, this tooling.

    Of the package every file counts, such as the page that reports are made from.
    So does the manifest of the network in the page, which names all its files.
    """
    total = hashlib.sha256(sys.version.encode())
    files = [
        *(root / "sslkit").rglob("*"),
        *(root / "book" / "results").rglob("*"),
        root / "book" / "_assets" / "network" / "manifest.json",
        root / "requirements.lock",
        Path(__file__),
        Path(check.__file__),
    ]
    files = [f for f in files if f.is_file() and f.parent.name != "__pycache__"]
    for file in sorted(files):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        total.update(f"{os.path.relpath(file, root)} {content}\n".encode())
    return total.hexdigest()


def key(notebook: Path, parameters: Mapping[str, Any], common: str) -> str:
    """Digest of all that decides what an executed chapter shows."""
    total = hashlib.sha256(notebook.read_bytes())
    total.update(json.dumps(parameters, sort_keys=True, default=str).encode())
    total.update(common.encode())
    total.update(listing(str(parameters.get("data", ""))).encode())
    return total.hexdigest()


def listing(data: str) -> str:
    """Names, sizes and times of the files of an image folder; empty for a named set."""
    places = [Path(data), Path(os.environ.get("SSLKIT_DATA", ".")) / data]
    folder = next((p for p in places if data and p.is_dir()), None)
    if folder is None:
        return ""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    stats = [(str(file), file.stat()) for file in files]
    return "\n".join(f"{name} {s.st_size} {s.st_mtime_ns}" for name, s in stats)


def environment(root: Path, jobs: int) -> dict[str, str]:
    """The variables that kernels are started with."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    threads = str(max(1, (cores or os.cpu_count() or 1) // jobs))
    return {
        # Kernels side by side share the cores; without this each takes all of them.
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", threads),
        "TQDM_DISABLE": "1",  # no progress bars in published pages
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "SOURCE_DATE_EPOCH": "0",  # no dates in SVG files
        "PYTHONHASHSEED": "0",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # a warning of debugpy at each start
        # The package beside these chapters, whatever is installed.
        "PYTHONPATH": os.pathsep.join(
            [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
        ),
    }


def execute(job: Job) -> float:
    """Execute one chapter and return its seconds; leaves no copy unless all is well.

    Raises:
        BookError: If a cell fails, hangs or never runs, or a figure has no alt text; it
            names the cell. The copy is left at `job.failed`.
    """
    start = time.perf_counter()
    for old in (job.stamp, job.copy, job.failed):
        old.unlink(missing_ok=True)
    job.failed.parent.mkdir(parents=True, exist_ok=True)
    job.copy.parent.mkdir(parents=True, exist_ok=True)
    try:
        run_cells(job)
    except Exception as error:  # of the chapter, papermill or the kernel: all reported
        raise BookError(failure(job, error)) from None
    notebook = json.loads(job.failed.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    if problems := check.executed(notebook):
        raise BookError(
            f"FAILED {job.chapter}\n  " + "\n  ".join(problems) + f"\n{left(job)}"
        )
    finish(notebook)
    text = json.dumps(notebook, indent=1, ensure_ascii=False)
    job.failed.write_text(text + "\n", encoding="utf-8")
    job.failed.replace(job.copy)
    job.stamp.write_text(job.key)
    return time.perf_counter() - start


def run_cells(job: Job, attempts: int = 3) -> None:
    """Papermill's part: parameters in, cells run, everything saved at `job.failed`."""
    import papermill

    # What papermill would log is said by its exceptions.
    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    try:
        papermill.execute_notebook(
            job.notebook,
            job.failed,  # until it is known to be whole
            parameters=job.parameters,
            kernel_name="python3",
            progress_bar=False,
            cwd=job.notebook.parent,
            start_timeout=120,
            execution_timeout=job.timeout,
            record_timing=False,
        )
    except RuntimeError:
        # A kernel is given free ports and binds them a second later: now and then some
        # other process was faster, and it dies at once. A new one gets new ports.
        if started(job) or attempts == 1:
            raise
        run_cells(job, attempts - 1)


def started(job: Job) -> list[check.Cell]:
    """The cells that were started. Papermill marks the others as completed, too."""
    cells = check.read(job.failed) if job.failed.exists() else []
    return [c for c in cells if c["metadata"].get("papermill", {}).get("start_time")]


def finish(notebook: dict[str, Any]) -> None:
    """Make an executed copy fit for a page: in place, cell by cell."""
    shows_widgets = False
    for cell in notebook["cells"]:
        if "injected-parameters" in check.tags(cell):
            cell["id"] = "injected-parameters"  # papermill's is another every time
        kinds = {kind for o in cell.get("outputs", []) for kind in o.get("data", {})}
        if any(kind.startswith("image/") for kind in kinds):
            # Else the theme dims a figure in dark mode, and its colours with it.
            image = cell["metadata"].setdefault("mystnb", {}).setdefault("image", {})
            image.setdefault("classes", "dark-light")
        shows_widgets |= "application/vnd.jupyter.widget-view+json" in kinds
        cell["metadata"].pop("papermill", None)
    notebook["metadata"].pop("papermill", None)
    if not shows_widgets:
        notebook["metadata"].pop("widgets", None)


def failure(job: Job, error: Exception) -> str:
    """A report of what went wrong: chapter, cell, source, error, copy."""
    where, text = "before its first cell", ""
    if cells := started(job):
        cell = cells[-1]
        ids = [c.get("id") for c in check.read(job.notebook)]
        number = ids.index(cell["id"]) + 1 if cell["id"] in ids else None
        where = f"cell {number} of {len(ids)}" if number else "the injected parameters"
        text = "\n" + "\n".join(f"    {line}" for line in cell["source"].splitlines())
    names = {kind.__name__ for kind in type(error).__mro__}
    if "CellTimeoutError" in names:
        cause = f"no end within {job.timeout} s (a longer limit: make book TIMEOUT=…)"
    elif "DeadKernelError" in names:
        cause = "the kernel died (out of memory?)"
    elif "PapermillExecutionError" in names:
        lines = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback)).splitlines()  # type: ignore[attr-defined]
        cause = "\n".join(lines[-30:])
    else:
        cause = f"{type(error).__name__}: {error}"
    return f"FAILED {job.chapter}, {where}\n{text}\n\n{cause}\n\n{left(job)}"


def left(job: Job) -> str:
    """Where the copy of a failed chapter is."""
    return f"The executed copy, as far as it came: {job.failed}"


def execute_all(jobs: list[Job], workers: int, environ: Mapping[str, str]) -> None:
    """Execute the jobs that are not done, some side by side, with a line for each.

    Raises:
        BookError: At the first chapter that fails; the others are cancelled.
    """
    todo = [job for job in jobs if not job.is_done()]
    for job in jobs:
        if job not in todo:
            print(f"  unchanged  {job.chapter}", flush=True)
    if not todo:
        return
    # spawn: no fork of a process with threads, the same on every system.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        min(workers, len(todo)), context, _prepare, (dict(environ),)
    ) as pool:
        futures = {pool.submit(execute, job): job for job in todo}
        try:
            for count, future in enumerate(as_completed(futures), 1):
                line = f"{future.result():7.1f} s  {futures[future].chapter}"
                print(f"  {line} ({count}/{len(todo)})", flush=True)
        except BrokenProcessPool as error:
            names = ", ".join(job.chapter for job in todo if not job.is_done())
            raise BookError(f"killed (out of memory?), one of: {names}") from error
        finally:
            # After a failure: nothing waits, and what runs is stopped. nbclient takes
            # SIGTERM for "shut the kernel down".
            pool.shutdown(wait=False, cancel_futures=True)
            if not all(future.done() for future in futures):
                workers_left = multiprocessing.active_children()
                for process in workers_left:
                    process.terminate()
                for process in workers_left:
                    process.join(10)
                    process.kill()


def _prepare(environ: dict[str, str]) -> None:
    """Set up a process that executes chapters: its kernels inherit this."""
    os.environ.update(environ)
