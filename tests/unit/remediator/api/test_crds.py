"""The CRDs say the same as the models: fields, defaults, allowed values; and what the operator writes fits them."""

from enum import StrEnum
from pathlib import Path
from typing import get_args

import jsonschema
import pytest
import yaml
from pydantic import BaseModel

from remediator.api.policy import Action, Mode, Policy, PolicySpec, PolicyStatus, Scope
from remediator.api.remediation import Phase, RemediationSpec, RemediationStatus
from support.incident import SimulatedTarget, make_policy

CRDS = Path(__file__).resolve().parents[4] / "charts" / "bot-gateway" / "crds"


def _crd(name):
    return yaml.safe_load((CRDS / f"{name}.yaml").read_text())


def _schema(name, part):
    (version,) = _crd(name)["spec"]["versions"]
    return version["schema"]["openAPIV3Schema"]["properties"][part]


PARTS = [
    (PolicySpec, _schema("remediationpolicies", "spec")),
    (PolicyStatus, _schema("remediationpolicies", "status")),
    (RemediationSpec, _schema("remediations", "spec")),
    (RemediationStatus, _schema("remediations", "status")),
]


def _model_in(annotation):
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model_in(part)) is not None), None)


def _differences(model, schema, path):
    properties = schema.get("properties", {})
    names = {field.alias or name for name, field in model.model_fields.items()}
    yield from (f"{path}.{name}: only in one of both" for name in names ^ set(properties))
    for name, field in model.model_fields.items():
        inner = properties.get(field.alias or name, {})
        inner = inner.get("items", inner)
        nested = _model_in(field.annotation)
        if nested is not None:
            yield from _differences(nested, inner, f"{path}.{field.alias}")
        if "description" not in inner and "description" not in properties.get(field.alias or name, {}):
            yield f"{path}.{field.alias}: has no description"


@pytest.mark.parametrize(("model", "schema"), PARTS)
def test_models_and_schemas_have_the_same_fields_each_with_a_description(model, schema):
    assert list(_differences(model, schema, model.__name__)) == []


def _defaults(schema):
    if "default" in schema and schema["default"] not in ({}, None):
        return schema["default"]
    if "properties" in schema:
        values = {name: _defaults(inner) for name, inner in schema["properties"].items()}
        return {name: value for name, value in values.items() if value is not None} or None
    return None


def test_a_policy_with_the_defaults_of_the_crd_is_the_one_with_the_defaults_of_the_model():
    least = {"targetRef": {"name": "gw"}, "alerts": ['alertname="X"']}
    filled = {**_defaults(_schema("remediationpolicies", "spec")), **least}
    policies = [Policy.from_object({"metadata": {"name": "p"}, "spec": spec}) for spec in (least, filled)]
    assert policies[0] == policies[1]


@pytest.mark.parametrize(
    ("schema", "enum"),
    [
        (_schema("remediationpolicies", "spec")["properties"]["mode"], Mode),
        (_schema("remediationpolicies", "spec")["properties"]["escalation"]["items"]["properties"]["when"], Scope),
        (_schema("remediations", "status")["properties"]["phase"], Phase),
    ],
)
def test_allowed_values_are_the_same(schema, enum: type[StrEnum]):
    assert schema["enum"] == [str(value) for value in enum]


def test_actions_of_a_policy_are_those_that_can_be_asked_for():
    steps = _schema("remediationpolicies", "spec")["properties"]["escalation"]["items"]
    assert set(steps["properties"]["action"]["enum"]) == {str(item) for item in Action} - {"Revert", "None"}


def _closed(schema):
    """Return the schema so that an unknown field is an error, as pruning would drop it."""
    if isinstance(schema, dict):
        inner = {key: _closed(value) for key, value in schema.items() if not key.startswith("x-kubernetes")}
        return {**inner, "additionalProperties": False} if "properties" in schema else inner
    return [_closed(item) for item in schema] if isinstance(schema, list) else schema


@pytest.mark.parametrize("mode", ["Enforce", "DryRun"])
@pytest.mark.parametrize(
    "escalation",
    [
        [{"action": "RestartPods"}, {"action": "RolloutRestart"}],
        [{"action": "ScaleOut", "when": "Majority", "by": 2, "max": 9}],
    ],
)
def test_every_status_that_is_written_fits_the_crd(mode, escalation):
    validator = jsonschema.Draft202012Validator(_closed(_schema("remediations", "status")))
    target = SimulatedTarget(make_policy(mode=mode, escalation=escalation), pods=4)
    target.fire("gw-0", "gw-1")
    if escalation[0]["action"] == "ScaleOut":
        target.fire("gw-2")
    target.run(700)
    target.clear()
    target.run(1200)
    written = [decision.status.to_object() for decision in target.decisions]
    assert any(status.get("steps") for status in written)
    for status in written:
        validator.validate(status)


def test_both_kinds_are_short_to_type_and_have_a_status_of_their_own():
    for name, short in (("remediationpolicies", "rp"), ("remediations", "rem")):
        spec = _crd(name)["spec"]
        assert spec["names"]["shortNames"] == [short]
        assert spec["versions"][0]["subresources"] == {"status": {}}
    columns = [item["name"] for item in _crd("remediations")["spec"]["versions"][0]["additionalPrinterColumns"]]
    assert columns == ["Alert", "Target", "Phase", "Action", "Reason", "Age", "Message"]
