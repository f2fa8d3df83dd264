"""Whether a status file says that its phase is done. Pure.

Only a marker that stands at the start of a line counts: not in a sentence, not in a quotation, not in code or in a comment,
and not above a line that says it is still to come.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_PLACEHOLDER = re.compile(
    r"[\s>*_\-+.(\[]*(?:not (?:yet|done|started)|pending|tbd|tba|todo|to do|to be \w+|in progress|wip|none|n/a|open|unknown)(?![^\W_])"
    r"|[\s>*_\-+]*<[^>]*>?\s*$|\s*<!--|\s*(?:…|\.{3})\s*$|[\s>*\-+]*\[ \]",
    re.IGNORECASE,
)
NO_FILE = "there is no status file"
NO_MARKER = "its status file has no line that begins with the done marker"
STILL_OPEN = "a placeholder stands under the done marker"


def why_not_done(text: str | None, marker: str) -> str:
    """Why a status file does not end its phase, for people; "" when it does.

    Args:
        text: the file's, None when there is none.
        marker: start of the line that ends the phase.
    """
    if text is None:
        return NO_FILE
    lines = list(_prose(text))
    found = [at for at, line in enumerate(lines) if _is_marker(line, marker)]
    if not found:
        return NO_MARKER
    return "" if any(not _is_placeheld(lines, at, marker) for at in found) else STILL_OPEN


def _is_marker(line: str, marker: str) -> bool:
    rest = line.removeprefix(marker)
    return line.startswith(marker) and not (rest[:1].isalnum() or rest[:1] == "_")


def _is_placeheld(lines: list[str], at: int, marker: str) -> bool:
    """Whether the marker's own line goes on with a placeholder, or one stands beneath before the next heading."""
    rest = lines[at].removeprefix(marker).lstrip(" :-–—")
    if rest and _PLACEHOLDER.match(rest):
        return True
    for line in lines[at + 1 :]:
        if line.startswith("#"):
            return False
        if _PLACEHOLDER.match(line):
            return True
    return False


def _prose(text: str) -> Iterator[str]:
    """The lines that are neither code nor comment; a comment is kept as one line that says so."""
    fence = ""
    comment = False
    for line in text.removeprefix("\ufeff").splitlines():
        if comment:
            comment = "-->" not in line
            continue
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not line.strip(" `~"):
                fence = ""
            continue
        if mark:
            fence = mark[1]
            continue
        if line.lstrip().startswith("<!--"):
            comment = "-->" not in line
            yield "<!--"
            continue
        yield line
