"""Bytes from the terminal, told apart into keys, text and pastes."""

from __future__ import annotations

ESC = 0x1B
PASTE_START = b"\x1b[200~"
PASTE_END = b"\x1b[201~"
CONTROL = {
    0x03: "ctrl-c",
    0x04: "ctrl-d",
    0x08: "backspace",
    0x0A: "newline",
    0x0D: "enter",
    0x15: "ctrl-u",
    0x7F: "backspace",
}
SEQUENCES = {b"\x1b": "escape", b"\x1b[A": "up", b"\x1b[B": "down", b"\x1bOA": "up", b"\x1bOB": "down"}

Key = tuple[str, str]
"""What was pressed, and its text: ("text", "abc"), ("paste", "two\\nlines"), ("enter", "")."""


def decode(data: bytes, *, final: bool = False) -> tuple[list[Key], bytes]:
    """Splits input into keys and the bytes of a key that is not complete yet.

    Args:
        data: what was left over last time and what has been read since.
        final: nothing more came for a moment, so a lone ESC is the Escape key.
    """
    keys: list[Key] = []
    while data:
        length = _first_key_length(data, final=final)
        if length == 0:
            break
        keys.append(_key(data[:length]))
        data = data[length:]
    return keys, data


def _first_key_length(data: bytes, *, final: bool) -> int:
    """Length of the first key, 0 when more bytes are needed to tell."""
    if data.startswith(PASTE_START):
        end = data.find(PASTE_END)
        return end + len(PASTE_END) if end >= 0 else 0
    if data[0] == ESC:
        return _escape_length(data) or (1 if final else 0)
    if _is_control(data[0]):
        return 1
    return _text_length(data) or (len(data) if final else 0)


def _escape_length(data: bytes) -> int:
    """Length of an escape sequence, 0 while it is incomplete."""
    if len(data) == 1:
        return 0
    if data[1] == ESC:
        return 1
    if data[1] == ord("O"):
        return 3 if len(data) >= 3 else 0
    if data[1] != ord("["):
        return 2
    return next((i + 1 for i in range(2, len(data)) if 0x40 <= data[i] <= 0x7E), 0)


def _text_length(data: bytes) -> int:
    """Length of the leading run of text, less a UTF-8 character whose end is missing."""
    run = next((i for i, byte in enumerate(data) if _is_control(byte)), len(data))
    if run < len(data):
        return run
    for back in range(1, min(4, run) + 1):
        lead = data[run - back]
        if lead >= 0xC0:
            need = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
            return run - back if back < need else run
        if lead < 0x80:
            break
    return run


def _is_control(byte: int) -> bool:
    return byte < 0x20 or byte == 0x7F


def _key(data: bytes) -> Key:
    if data.startswith(PASTE_START):
        return "paste", _lines(data[len(PASTE_START) : -len(PASTE_END)])
    if data[0] == ESC:
        return SEQUENCES.get(data, "other"), ""
    if data == b"\t":
        return "text", "\t"
    if _is_control(data[0]):
        return CONTROL.get(data[0], "other"), ""
    return "text", data.decode("utf-8", "replace")


def _lines(data: bytes) -> str:
    """The text of a paste; a terminal sends a carriage return for each line end."""
    return data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
