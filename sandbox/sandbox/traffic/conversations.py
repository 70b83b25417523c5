"""Conversations with the bot.

They know the bot's commands, not its texts: the buttons of a message decide the next step. In a dialogue, a message
with only a "cancel" button expects a text; a message without buttons ends the dialogue.
"""

import random
from collections.abc import Awaitable, Callable

from sandbox.people import Role
from sandbox.traffic.user_client import BotMessage, Button, UserClient

MAX_STEPS = 15

# Parts of callback data that conversations avoid: leaving a dialogue, and actions with an effect on other people.
_LEAVES = ("cancel",)
_AFFECTS_OTHERS = ("broadcast", "ba:", "bc:", "ub:", "lang")

_ADDRESSES = ("Navoi street 12, apt. 7", "Bobur street 3", "Amir Temur 45, entrance 2", "Chilonzor 9, apt. 31")
_DESCRIPTIONS = (
    "The tap drips",
    "No light in the hall",
    "The radiator is cold",
    "The lift is stuck",
    "The door is broken",
)
_WORDS = ("street", "light", "Ali", "R-0000", "tap")

Pause = Callable[[], Awaitable[None]]
Conversation = Callable[[UserClient, random.Random, Pause], Awaitable[None]]


def choices(message: BotMessage) -> list[Button]:
    """Return the buttons that continue the conversation."""
    avoided = _LEAVES + _AFFECTS_OTHERS
    return [button for button in message.buttons if not any(part in button.data for part in avoided)]


async def greet(user: UserClient, chance: random.Random, pause: Pause) -> None:  # noqa: ARG001 - a conversation's form
    await user.say("/start")


async def create_request(user: UserClient, chance: random.Random, pause: Pause) -> None:
    """Complete the dialogue for a new request."""
    message = await user.say("/newrequest")
    texts = [chance.choice(_ADDRESSES), f"{chance.choice(_DESCRIPTIONS)} ({chance.getrandbits(32):08x})"]
    for _step in range(MAX_STEPS):
        if not message.buttons:
            return
        await pause()
        buttons = choices(message)
        if not buttons:
            message = await _write(user, chance, texts)
        elif len(buttons) == 1 and chance.random() < 0.2:
            message = await user.send_photos(chance.choice((1, 3)))
        else:
            # The first button of a summary confirms, the others change a field: prefer to confirm.
            message = await user.press(message, buttons[0] if chance.random() < 0.5 else chance.choice(buttons))


async def list_requests(user: UserClient, chance: random.Random, pause: Pause) -> None:
    """Browse one's requests."""
    await _browse(user, chance, pause, "/requests", presses=2)


async def work(user: UserClient, chance: random.Random, pause: Pause) -> None:
    """Browse shifts or assigned requests as an executor."""
    command = chance.choice(("/shifts", "/shifts", "/myshifts", "/requests", "/availability"))
    await _browse(user, chance, pause, command, presses=3)


async def administer(user: UserClient, chance: random.Random, pause: Pause) -> None:
    """Use the administration menu, with a search if it asks for a text."""
    message = await _browse(user, chance, pause, "/admin", presses=1)
    if not choices(message):
        await pause()
        await user.say(chance.choice(_WORDS))


def pick(role: Role, chance: random.Random) -> Conversation:
    """Return a conversation that suits a role."""
    if role is Role.APPLICANT:
        return chance.choices((create_request, list_requests, greet), (4, 5, 1))[0]
    if role is Role.EXECUTOR:
        return chance.choices((work, list_requests, greet), (7, 2, 1))[0]
    return chance.choices((administer, greet), (8, 2))[0]


async def _write(user: UserClient, chance: random.Random, texts: list[str]) -> BotMessage:
    """Answer a question with a text; the first one sometimes with a location."""
    if len(texts) == 2 and chance.random() < 0.1:
        texts.pop(0)
        return await user.send_location(41.3 + chance.random() / 10, 69.2 + chance.random() / 10)
    return await user.say(texts.pop(0) if len(texts) > 1 else texts[0])


async def _browse(user: UserClient, chance: random.Random, pause: Pause, command: str, *, presses: int) -> BotMessage:
    message = await user.say(command)
    for _press in range(presses):
        buttons = choices(message)
        if not buttons:
            break
        await pause()
        message = await user.press(message, chance.choice(buttons))
    return message
