"""Files: written whole or not at all, and what is said where that fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Say which file cannot be written: a full disk does not.

    Raises:
        OSError: In place of another one; with the file and the way out.
    """
    try:
        yield
    except OSError as error:
        raise OSError(
            f"'{path}' cannot be written ({error.strerror or error}); make room there, "
            "or choose another place"
        ) from error


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a file to write, which takes the place of ``path`` when it is written.

    A process that is killed meanwhile leaves a hidden file beside ``path``, which the
    next one writes over.

    Args:
        path: Its folder is made if it is not there.

    Raises:
        OSError: If it cannot be written, as on a full disk; names the file. What was
            there before is as it was.
    """
    partial = _partial(path)
    with named(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield partial
            partial.replace(path)
        except BaseException:
            with suppress(OSError):  # where nothing can be written nothing is left over
                partial.unlink()
            raise


def remove(path: Path) -> None:
    """Remove a file that ``whole`` wrote, and what a killed process left beside it.

    Args:
        path: It need not be there.
    """
    for file in (path, _partial(path)):
        file.unlink(missing_ok=True)


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.partial")
