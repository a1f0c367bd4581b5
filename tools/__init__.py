"""The book's own tooling: execute the chapters, stage and build the pages, check both.

Nothing here is shipped with `sslkit`, and nothing in `sslkit` imports it.
"""


class BookError(Exception):
    """Something that a reader or an author can mend: shown without a traceback."""
