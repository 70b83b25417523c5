"""`python tests/game_day/run.py`: see game_day.main."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])

from game_day.main import main  # noqa: E402 - found by the line above

sys.exit(main())
