"""The text in the prompt box: typed, pasted, not yet submitted."""

from __future__ import annotations

PASTE_SHOWN_LINES = 10
PASTE_SHOWN_CHARACTERS = 800


class Draft:
    """What a person or a supervisor has put into the box. Long pastes show as a placeholder."""

    def __init__(self) -> None:
        self.shown = ""
        self._pastes: dict[str, str] = {}

    def press(self, name: str, text: str) -> None:
        """Applies a key that edits; any other is without effect."""
        if name == "text":
            self.shown += text
        elif name == "newline":
            self.shown += "\n"
        elif name == "paste":
            self.shown += self._placeholder(text)
        elif name == "ctrl-u":
            self.clear()
        elif name == "backspace":
            whole = next((p for p in self._pastes if self.shown.endswith(p)), None)
            self.shown = self.shown[: -len(whole or " ")]

    def take(self) -> str:
        """Empties the box and returns its whole text."""
        text = self.shown
        for placeholder, paste in self._pastes.items():
            text = text.replace(placeholder, paste)
        self.clear()
        return text

    def clear(self) -> None:
        """Empties the box."""
        self.shown = ""
        self._pastes.clear()

    def _placeholder(self, text: str) -> str:
        """What stands in the box for a paste: itself, or a few words when it is long."""
        newlines = text.count("\n")
        if newlines < PASTE_SHOWN_LINES and len(text) < PASTE_SHOWN_CHARACTERS:
            return text
        more = f" +{newlines} lines" if newlines else ""
        placeholder = f"[Pasted text #{len(self._pastes) + 1}{more}]"
        self._pastes[placeholder] = text
        return placeholder
