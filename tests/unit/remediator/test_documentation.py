"""The page about the operator says what the code has: reason codes, rights, metrics, settings, stages."""

import ast
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

import remediator
from remediator.api.reasons import Reason, Use
from remediator.documentation import with_tables
from remediator.metrics import REPAIR_STAGES, Metrics
from remediator.settings import Settings

SOURCE = Path(remediator.__file__).parent
PAGE = (Path(__file__).parents[3] / "docs" / "remediation.md").read_text(encoding="utf-8")


def test_generated_tables_are_those_of_the_code():
    assert with_tables(PAGE) == PAGE, "run: python -m remediator.documentation docs/remediation.md"


def test_page_without_its_marks_is_refused():
    with pytest.raises(ValueError, match="no table between <!-- reasons -->"):
        with_tables("# The operator\n")


def test_every_reason_is_given_somewhere():
    given = {
        node.attr
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Reason"
    }
    assert given == {reason.name for reason in Reason}


def test_every_reason_says_what_it_means_in_one_sentence():
    for reason in Reason:
        assert reason.value.isalnum()
        assert reason.meaning.endswith(".")
        assert len(reason.meaning) < 110
    assert {reason.use for reason in Reason} == set(Use)


def test_every_metric_is_in_the_page():
    registry = CollectorRegistry()
    Metrics(registry)
    families = {family.name + ("_total" if family.type == "counter" else "") for family in registry.collect()}
    assert {name for name in families if f"| `{name}` |" not in PAGE} == set()


def test_every_setting_and_stage_is_in_the_page():
    names = {f"REMEDIATOR_{name.upper()}" for name in Settings.model_fields}
    assert {name for name in names if f"`{name}`" not in PAGE} == set()
    assert {stage for stage in REPAIR_STAGES if f"| `{stage}` |" not in PAGE} == set()
