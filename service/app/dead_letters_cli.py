"""`bot-gateway dead-letters list|show|replay`: inspect and replay updates that could not be handled."""

import sys
from datetime import UTC, datetime

import orjson
from aiogram.types import Update
from aiohttp import ClientError, ClientSession, ClientTimeout

from app.core.redis import RedisConnections
from app.core.settings import Settings
from app.delivery.dead_letters import DeadLetter, DeadLetterReason, DeadLetters
from app.delivery.keys import KeySpace
from app.delivery.origin import origin_of
from app.webhook import SECRET_HEADER

_SHOWN = 60


async def list_letters(settings: Settings, count: int) -> int:
    """Print the newest dead letters, one per line. Returns the exit status; raises RedisError."""
    connections = RedisConnections(settings)
    try:
        for letter in await _letters(connections, settings).list(count):
            head = letter.body[:_SHOWN].decode("utf-8", "replace").replace("\n", " ")
            sys.stdout.write(
                f"{letter.letter_id}  {_time(letter)}  {letter.reason:<15} {len(letter.body):>8} B  {head}\n"
            )
    finally:
        await connections.close()
    return 0


async def show_letter(settings: Settings, letter_id: str) -> int:
    """Print one dead letter in full. Returns the exit status; raises RedisError."""
    connections = RedisConnections(settings)
    try:
        letter = await _letters(connections, settings).get(letter_id)
    finally:
        await connections.close()
    if letter is None:
        return _not_found(letter_id)
    sys.stdout.write(f"id: {letter.letter_id}\ntime: {_time(letter)}\nreason: {letter.reason}\n")
    sys.stdout.write(f"trace_id: {letter.trace_id}\n\n{letter.body.decode('utf-8', 'replace')}\n")
    return 0


async def replay_letter(settings: Settings, letter_id: str, url: str) -> int:
    """Post a dead letter to a gateway's webhook again, and delete it when that succeeded.

    An update whose handler failed is committed, so its id is removed from the committed ones first. Backends do not
    repeat what they did for it the first time, because the idempotency keys are the same.
    """
    connections = RedisConnections(settings)
    letters = _letters(connections, settings)
    try:
        letter = await letters.get(letter_id)
        if letter is None:
            return _not_found(letter_id)
        if letter.reason == DeadLetterReason.HANDLER_FAILED:
            await _uncommit(connections, settings, letter)
        status = await _post(settings, url, letter.body)
        if status != 200:
            sys.stderr.write(f"bot-gateway: {url} responded {status}; the dead letter is kept\n")
            return 1
        await letters.remove(letter_id)
    except (ClientError, TimeoutError) as error:
        sys.stderr.write(f"bot-gateway: cannot reach {url}: {type(error).__name__}\n")
        return 1
    finally:
        await connections.close()
    sys.stdout.write(f"{letter_id} replayed\n")
    return 0


async def _post(settings: Settings, url: str, body: bytes) -> int:
    headers = {"Content-Type": "application/json"}
    if settings.webhook_secret is not None:
        headers[SECRET_HEADER] = settings.webhook_secret.get_secret_value()
    async with (
        ClientSession(timeout=ClientTimeout(total=60)) as session,
        session.post(url, data=body, headers=headers) as response,
    ):
        return response.status


async def _uncommit(connections: RedisConnections, settings: Settings, letter: DeadLetter) -> None:
    origin = origin_of(Update.model_validate(orjson.loads(letter.body)))
    _, done, *_ = KeySpace(settings.redis_key_prefix, settings.bot_id).of_update(origin)
    await connections.client.zrem(done, origin.update_id)


def _letters(connections: RedisConnections, settings: Settings) -> DeadLetters:
    return DeadLetters.of(connections.client, KeySpace(settings.redis_key_prefix, settings.bot_id), settings)


def _time(letter: DeadLetter) -> str:
    return datetime.fromtimestamp(int(letter.letter_id.partition("-")[0]) / 1000, UTC).isoformat(timespec="seconds")


def _not_found(letter_id: str) -> int:
    sys.stderr.write(f"bot-gateway: no dead letter {letter_id}\n")
    return 1
