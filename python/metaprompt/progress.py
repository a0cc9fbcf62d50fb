"""Shows the progress of a run: in a notebook or on a terminal with a line that changes, and elsewhere with plain lines.

Progress is shown by a function `show(line, stays)`. A line with `stays` false is replaced by the next one.
"""

import html
import re
import sys
import time

_PLAIN_SECONDS = 10  # between two changing lines in a file
_COUNT = re.compile(r"(\d+)/(\d+) ")


class Notebook:
    """Shows progress in one output cell: the last lines that stay, and below them a bar and the line that changes."""

    LINES = 40

    def __init__(self):
        from IPython.display import HTML, display

        self._html = HTML
        self._kept = []
        self._handle = display(HTML(""), display_id=True)

    def __call__(self, line, stays):
        if stays:
            self._kept = [*self._kept, line][-self.LINES :]
        last = "" if stays else _bar(line) + html.escape(line)
        kept = "".join(html.escape(one) + "\n" for one in self._kept)
        self._handle.update(self._html("<pre>" + kept + last + "</pre>"))


def _bar(line):
    """An HTML element with the share that is done; empty if the line has no counts."""
    count = _COUNT.search(line)
    if count is None or int(count[2]) == 0:
        return ""
    return f'<progress value="{count[1]}" max="{count[2]}"></progress> '


class Terminal:
    """Shows progress on standard error.

    If that is not a terminal, shows all lines that stay and, at most every ten seconds, a line that changes.
    """

    def __init__(self, stream=None):
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._width = 0
        self._shown = time.monotonic()

    def __call__(self, line, stays):
        now = time.monotonic()
        if self._terminal:
            end = "\n" if stays else ""
            self._stream.write("\r" + line.ljust(self._width) + end)
            self._width = 0 if stays else len(line)
        elif stays or now - self._shown >= _PLAIN_SECONDS:
            self._stream.write(line + "\n")
            self._shown = now
        self._stream.flush()


def default():
    """Progress for a notebook if this is one, and otherwise for standard error."""
    shell = sys.modules.get("IPython")
    kernel = shell.get_ipython() if shell is not None else None
    return Notebook() if kernel is not None and hasattr(kernel, "kernel") else Terminal()


def silent(line, stays):
    """Shows nothing."""
