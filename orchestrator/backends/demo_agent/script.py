"""`--script FILE`: what the demo agent does when it is given prose instead of commands.

    # lines before the first `on` are done by the first turn of a new conversation
    /sh git commit -qam "claim: step 1"
    on review
    /sh ./mend.sh
    on *
    /say nothing to do

`on WORDS` answers every text that contains the words, in any case; the first block that fits
counts, and `on *` fits all. A text that no block fits is taken as it is.
"""

from __future__ import annotations


class Script:
    """The blocks of a script file."""

    def __init__(self, text: str) -> None:
        self.opening = ""
        self.blocks: list[tuple[str, str]] = []
        body: list[str] = []
        words = ""
        for line in [*(x.strip() for x in text.splitlines()), "on *"]:
            if line.startswith("on "):
                self._add(words, "\n".join(body))
                words, body = line[3:].strip(), []
            elif line and not line.startswith("#"):
                body.append(line)

    def _add(self, words: str, body: str) -> None:
        if words:
            self.blocks.append((words.lower(), body))
        else:
            self.opening = body

    def for_text(self, text: str, *, first: bool) -> str:
        """What to do for a submitted text; `first`: it opens the conversation."""
        if first and self.opening:
            return self.opening
        lower = text.lower()
        return next((body for words, body in self.blocks if words == "*" or words in lower), text)
