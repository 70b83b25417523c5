"""An OpenTelemetry resource whose hash is computed once.

The OTLP encoder asks for the hash with each span, and the SDK serializes all attributes to JSON each time: a third
of the cost of sending a span.
"""

from opentelemetry.sdk.resources import Resource


class HashedResource(Resource):
    """`resource` with a stored hash; equal to it and interchangeable with it."""

    def __init__(self, resource: Resource) -> None:
        super().__init__(resource.attributes, resource.schema_url)
        self._stored_hash = super().__hash__()

    def __hash__(self) -> int:
        return self._stored_hash
