"""Every alert has a runbook of four chapters and its row in docs/alerts.md."""

from __future__ import annotations

import re
import sys
from typing import Any

from support.tools import ROOT, run

RUNBOOKS = ROOT / "docs/runbooks"
CHAPTERS = ["Meaning", "Impact", "First three commands", "Fix"]


def test_every_alert_has_a_runbook_and_every_runbook_an_alert(alert_rules: dict[str, dict[str, Any]]) -> None:
    assert {file.stem for file in RUNBOOKS.glob("*.md")} - {"README"} == set(alert_rules)


def test_every_runbook_has_its_chapters_and_three_commands(alert_rules: dict[str, dict[str, Any]]) -> None:
    for alert in alert_rules:
        text = (RUNBOOKS / f"{alert}.md").read_text()
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == CHAPTERS, alert
        (commands,) = re.findall(r"```bash\n(.*?)\n```", text, re.DOTALL)
        assert len(commands.splitlines()) == 3, alert
        for link in re.findall(r"\]\((\w+\.md)\)", text):
            assert (RUNBOOKS / link).exists(), f"{alert} links to {link}"


def test_the_table_of_alerts_is_up_to_date() -> None:
    done = run(sys.executable, str(ROOT / "scripts/generators/alerts_page.py"), "--check")
    assert done.returncode == 0, done.stderr
