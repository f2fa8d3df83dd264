from __future__ import annotations

import pytest

from orchestrator.decide.done import NO_FILE, NO_MARKER, STILL_OPEN, why_not_done

MARKER = "## DONE"


@pytest.mark.parametrize(
    "text",
    [
        "## DONE",
        "# Parser\n\nAll is built.\n\n## DONE\n",
        "## DONE: reviewed in 1a2b3c\n",
        "## DONE (all tests pass)\r\nwith words beneath\r\n",
        "\ufeff## DONE\n",
        "```\n## DONE\n```\n\n## DONE\n",
        "## DONE\n\n- [x] lexer\n- [x] parser\n",
        "## DONE\n\n## Open questions\npending\n",
        "## DONE\nTBD\n\n## DONE\nnow it is\n",
        "<!-- a note -->\n## DONE\n",
    ],
)
def test_done(text: str) -> None:
    assert why_not_done(text, MARKER) == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, NO_FILE),
        ("", NO_MARKER),
        ("# Parser\nnothing yet\n", NO_MARKER),
        ("We write ## DONE when all is built.\n", NO_MARKER),
        (" ## DONE\n", NO_MARKER),
        ("    ## DONE\n", NO_MARKER),
        ("> ## DONE\n", NO_MARKER),
        ("- ## DONE\n", NO_MARKER),
        ("## DONELY\n", NO_MARKER),
        ("## DONE_WHEN reviewed\n", NO_MARKER),
        ("## done\n", NO_MARKER),
        ("```\n## DONE\n```\n", NO_MARKER),
        ("~~~ text\n## DONE\n", NO_MARKER),
        ("````\n```\n## DONE\n````\n", NO_MARKER),
        ("<!--\n## DONE\n-->\n", NO_MARKER),
        ("## DONE\nnot yet\n", STILL_OPEN),
        ("## DONE\n\n_pending_\n", STILL_OPEN),
        ("## DONE\n- TBD\n", STILL_OPEN),
        ("## DONE\n<commit of the last review>\n", STILL_OPEN),
        ("## DONE\n<!-- to be filled in -->\n", STILL_OPEN),
        ("## DONE\n- [ ] lexer\n", STILL_OPEN),
        ("## DONE: not yet\n", STILL_OPEN),
        ("## DONE\nall but the printer\n\nTODO: the printer\n", STILL_OPEN),
        ("## DONE\n...\n", STILL_OPEN),
    ],
)
def test_not_done(text: str | None, why: str) -> None:
    assert why_not_done(text, MARKER) == why


def test_another_marker() -> None:
    assert why_not_done("STATUS: finished\n", "STATUS: finished") == ""
    assert why_not_done("## DONE\n", "STATUS: finished") == NO_MARKER
