import pytest
from opentelemetry.sdk.resources import Resource

from app.compat.hashed_resource import HashedResource


def test_it_is_the_resource_with_a_hash_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Resource.create({"service.name": "Bot Gateway Service", "numbers": [1, 2]})
    hashed = HashedResource(plain)
    expected = hash(plain)
    monkeypatch.setattr("opentelemetry.sdk.resources.dumps", lambda *_args, **_options: pytest.fail("hashed again"))
    assert hash(hashed) == expected
    assert hashed == plain
    assert {hashed: 1}[hashed] == 1
