"""A scripted agent program: looks and behaves like an agent CLI, and needs nothing installed.

    python -P -m orchestrator.backends.demo_agent [OPTIONS] [--] [PROMPT]

It runs as a process of its own in an agent's pane. A fleet may start a hundred at once, so it
imports only what costs next to nothing, and an idle one sleeps in a single `select`.
Start reading at `agent.py`; what a submitted text can ask for is in `turns.py`.
"""
