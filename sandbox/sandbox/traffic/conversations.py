"""Conversations that people have with the bot.

They know the bot's commands, not its texts: what to do next is read from the message's buttons. A dialogue's message
with nothing to press but "cancel" wants a text; one without any button ends the dialogue.
"""

import random
from collections.abc import Awaitable, Callable

from sandbox.people import Role
from sandbox.traffic.phone import BotMessage, Button, Phone

MAX_STEPS = 15

# Parts of callback data that a person in a hurry does not press: leaving, and acts that change other people's lives.
_LEAVES = ("cancel",)
_GRAVE = ("broadcast", "ba:", "bc:", "ub:", "lang")

_ADDRESSES = ("Navoi street 12, apt. 7", "Bobur street 3", "Amir Temur 45, entrance 2", "Chilonzor 9, apt. 31")
_TROUBLES = ("The tap drips", "No light in the hall", "The radiator is cold", "The lift is stuck", "The door is broken")
_WORDS = ("street", "light", "Ali", "R-0000", "tap")

Pause = Callable[[], Awaitable[None]]
Conversation = Callable[[Phone, random.Random, Pause], Awaitable[None]]


def choices(message: BotMessage) -> list[Button]:
    """Return the buttons that lead on."""
    avoided = _LEAVES + _GRAVE
    return [button for button in message.buttons if not any(part in button.data for part in avoided)]


async def greet(phone: Phone, chance: random.Random, pause: Pause) -> None:  # noqa: ARG001 - a conversation's form
    """Say hello."""
    await phone.say("/start")


async def file_request(phone: Phone, chance: random.Random, pause: Pause) -> None:
    """Go through the dialogue of a new request, whatever it asks."""
    message = await phone.say("/newrequest")
    texts = [chance.choice(_ADDRESSES), f"{chance.choice(_TROUBLES)} ({chance.getrandbits(32):08x})"]
    for _step in range(MAX_STEPS):
        if not message.buttons:
            return
        await pause()
        buttons = choices(message)
        if not buttons:
            message = await _write(phone, chance, texts)
        elif len(buttons) == 1 and chance.random() < 0.2:
            message = await phone.send_photos(chance.choice((1, 3)))
        else:
            # The first button of a summary goes on, the others change something: go on more often than not.
            message = await phone.press(message, buttons[0] if chance.random() < 0.5 else chance.choice(buttons))


async def list_requests(phone: Phone, chance: random.Random, pause: Pause) -> None:
    """Look through one's requests."""
    await _browse(phone, chance, pause, "/requests", presses=2)


async def work(phone: Phone, chance: random.Random, pause: Pause) -> None:
    """An executor's round: shifts or assigned requests."""
    command = chance.choice(("/shifts", "/shifts", "/myshifts", "/requests", "/availability"))
    await _browse(phone, chance, pause, command, presses=3)


async def administer(phone: Phone, chance: random.Random, pause: Pause) -> None:
    """A manager's round: the administration's menu, with a search where it asks for a text."""
    message = await _browse(phone, chance, pause, "/admin", presses=1)
    if not choices(message):
        await pause()
        await phone.say(chance.choice(_WORDS))


def pick(role: Role, chance: random.Random) -> Conversation:
    """Return a conversation that suits a role."""
    if role is Role.APPLICANT:
        return chance.choices((file_request, list_requests, greet), (4, 5, 1))[0]
    if role is Role.EXECUTOR:
        return chance.choices((work, list_requests, greet), (7, 2, 1))[0]
    return chance.choices((administer, greet), (8, 2))[0]


async def _write(phone: Phone, chance: random.Random, texts: list[str]) -> BotMessage:
    """Answer a question; the first one may be answered with a place instead."""
    if len(texts) == 2 and chance.random() < 0.1:
        texts.pop(0)
        return await phone.send_location(41.3 + chance.random() / 10, 69.2 + chance.random() / 10)
    return await phone.say(texts.pop(0) if len(texts) > 1 else texts[0])


async def _browse(phone: Phone, chance: random.Random, pause: Pause, command: str, *, presses: int) -> BotMessage:
    message = await phone.say(command)
    for _press in range(presses):
        buttons = choices(message)
        if not buttons:
            break
        await pause()
        message = await phone.press(message, chance.choice(buttons))
    return message
