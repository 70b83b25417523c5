"""What a scale-out noted on its target, read back: only what the operator wrote itself counts."""

from datetime import UTC, datetime

import pytest
from kubernetes.aio import client

from remediator.api.names import BASELINE_ANNOTATION
from remediator.api.remediation import ScaleKind
from remediator.decide.observed import ABSENT, SavedBaseline
from remediator.observe.baseline import read_baseline

NOTED = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOTE = '{"kind": "Deployment", "name": "web", "replicas": 3}'
FIELDS = {"f:metadata": {"f:annotations": {f"f:{BASELINE_ANNOTATION}": {}}}}


def entry(manager="remediator", fields=FIELDS, time=NOTED):
    return client.V1ManagedFieldsEntry(manager=manager, fields_v1=fields, time=time)


def test_note_is_read_with_the_time_at_which_it_was_made():
    found = read_baseline({BASELINE_ANNOTATION: NOTE}, [entry("helm", {"f:spec": {}}), entry()])
    assert found == SavedBaseline(ScaleKind.DEPLOYMENT, "web", 3, NOTED)


def test_entries_as_json_objects_have_them_are_read_too():
    raw = {"manager": "remediator", "fieldsV1": FIELDS, "time": "2026-01-01T12:00:00Z"}
    found = read_baseline({BASELINE_ANNOTATION: NOTE}, [raw])
    assert isinstance(found, SavedBaseline)
    assert found.noted_at == NOTED


def test_target_without_a_note_has_none():
    assert read_baseline({}, [entry()]) is ABSENT


@pytest.mark.parametrize(
    "managed", [[], [entry("a-person")], [entry(fields={"f:spec": {"f:replicas": {}}})], [entry(time=None)]]
)
def test_note_that_someone_else_wrote_is_not_trusted(managed):
    assert read_baseline({BASELINE_ANNOTATION: NOTE}, managed) is None


@pytest.mark.parametrize(
    "text",
    ["", "3", "{}", NOTE.replace("3", "-1"), NOTE.replace("3", '"x"'), NOTE.replace("Deployment", "DaemonSet")],
)
def test_note_that_cannot_be_read_is_unknown(text):
    assert read_baseline({BASELINE_ANNOTATION: text}, [entry()]) is None
