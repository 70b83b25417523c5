"""A span of OpenTelemetry's redis package, made in a handler, is part of the update's trace."""

from opentelemetry.instrumentation.redis import RedisInstrumentor
from redis.asyncio import Redis

from app.core import tracing
from app.core.tracer_provider import LightSpan
from app.core.tracing import Recording, Sink, create_span


async def test_the_redis_instrumentation_nests(redis: Redis) -> None:
    parents: dict[str, str | None] = {}

    def keep(recording: Recording, _root: LightSpan) -> bool:
        names = {span.span_id: span.name for span in recording.spans}
        parents.update({span.name: names.get(span.parent_id or 0) for span in recording.spans})
        return True

    tracing.install(Sink(lambda: True, keep, lambda _span: None, lambda _count: None))
    RedisInstrumentor().instrument()
    try:
        client: Redis = Redis(connection_pool=redis.connection_pool)
        with create_span("handler"):
            await client.set("key", "value")
    finally:
        RedisInstrumentor().uninstrument()
        tracing.install(Sink())
    assert parents == {"handler": None, "SET": "handler"}
