from __future__ import annotations

import sys
from pathlib import Path

# Tests are no package; the corpus is shared by the files of this folder.
sys.path.insert(0, str(Path(__file__).parent))
