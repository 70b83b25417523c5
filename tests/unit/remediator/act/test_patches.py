"""JSON Patch and managed fields."""

from remediator.act.patches import escaped, field_managers, release_patch

FIELDS = [
    {"manager": "helm", "fieldsV1": {"f:spec": {"f:template": {}}}},
    {"manager": "remediator", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
    {"manager": "kubectl", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
    {"manager": "remediator", "fieldsV1": {"f:metadata": {}}},
    {"manager": "empty"},
]


def test_key_with_a_slash_is_one_part_of_a_pointer() -> None:
    assert escaped("a/b~c") == "a~1b~0c"


def test_owners_of_a_field() -> None:
    assert field_managers(FIELDS, ("spec", "replicas")) == {"remediator", "kubectl"}
    assert field_managers(FIELDS, ("spec", "minReplicas")) == set()


def test_release_removes_our_entries_from_the_last_to_the_first_and_tests_each() -> None:
    assert release_patch(FIELDS) == [
        {"op": "test", "path": "/metadata/managedFields/3/manager", "value": "remediator"},
        {"op": "remove", "path": "/metadata/managedFields/3"},
        {"op": "test", "path": "/metadata/managedFields/1/manager", "value": "remediator"},
        {"op": "remove", "path": "/metadata/managedFields/1"},
    ]


def test_nothing_to_release_is_no_patch() -> None:
    assert release_patch(FIELDS[:1]) == []
