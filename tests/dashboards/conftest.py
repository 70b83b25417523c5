"""Makes the dashboards' code and these tests' own modules importable: neither is an installed package."""

import sys
from pathlib import Path

for folder in (Path(__file__).parent, Path(__file__).parents[2] / "grafana-dashboards"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
