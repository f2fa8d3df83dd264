"""Screen text to a `Reading`: regions, rules, reset times. Pure.

Start in `judge.py`. A screen is cut into rows (`lines.py`), the prompt box is found
(`box.py`), what stands above it is told apart by speaker (`blocks.py`), and a backend's rules
(`rules.py`) look at these regions (`regions.py`). `resets.py` reads when a limit ends.
"""

from orchestrator.reading.judge import read
from orchestrator.reading.rules import Rules, compile_rules

__all__ = ["Rules", "compile_rules", "read"]
