"""Deterministic seed data: people, future shifts and a few requests."""

import random
from datetime import datetime, timedelta

from sqlalchemy import func, select, text

from sandbox.backends.database import Database
from sandbox.backends.request_models import Category, RequestStatus, Urgency
from sandbox.backends.tables import RequestRow, ShiftRow, UserRow
from sandbox.people import Person, Role, Specialization

SHIFTS = 240
SEEDED_APPLICANTS = 10
REQUESTS_EACH = 3
SHIFT_HOURS = 8

_STREETS = ("Navoi", "Amir Temur", "Bobur", "Mustaqillik", "Chilonzor", "Yunusobod")
_DESCRIPTIONS = {
    Category.PLUMBING: "The kitchen tap drips",
    Category.ELECTRICITY: "No light on the third floor",
    Category.HEATING: "The radiator stays cold",
    Category.ELEVATOR: "The elevator stops between floors",
    Category.CLEANING: "The stairs need cleaning",
    Category.OTHER: "The front door does not close",
}


async def seed_database(database: Database, people: list[Person], now: datetime) -> None:
    """Seed an empty database; leave one with users unchanged."""
    async with database.write() as session:
        if await session.scalar(select(func.count()).select_from(UserRow)):
            return
        session.add_all(_user(person) for person in people)
        await session.flush()
        session.add_all(_shifts(now))
        session.add_all(_requests(people, now))
        if database.engine.dialect.name == "postgresql":
            # The ids above were set explicitly; the sequence must continue after them.
            await session.flush()
            await session.execute(text("SELECT setval('users_id_seq', (SELECT max(id) FROM users))"))


def _user(person: Person) -> UserRow:
    return UserRow(
        id=person.user_id,
        telegram_id=person.telegram_id if person.linked else None,
        name=person.name,
        role=person.role.value,
        language=person.language,
        phone=person.phone,
        specializations=[specialization.value for specialization in person.specializations],
    )


def _address(chance: random.Random) -> str:
    return f"{chance.choice(_STREETS)} street {chance.randint(1, 90)}, apt. {chance.randint(1, 120)}"


def _shifts(now: datetime) -> list[ShiftRow]:
    chance = random.Random(1)  # noqa: S311 - made-up data
    start = now.replace(hour=8, minute=0, second=0, microsecond=0) + timedelta(days=1)
    kinds = list(Specialization)
    shifts = []
    for number in range(SHIFTS):
        starts_at = start + timedelta(hours=SHIFT_HOURS * (number // len(kinds)))
        shifts.append(
            ShiftRow(
                specialization=kinds[number % len(kinds)].value,
                address=_address(chance),
                starts_at=starts_at,
                ends_at=starts_at + timedelta(hours=SHIFT_HOURS),
            )
        )
    return shifts


def _requests(people: list[Person], now: datetime) -> list[RequestRow]:
    chance = random.Random(2)  # noqa: S311 - made-up data
    applicants = [person for person in people if person.role is Role.APPLICANT and person.linked]
    executors = [person for person in people if person.role is Role.EXECUTOR]
    statuses = (RequestStatus.NEW, RequestStatus.ASSIGNED, RequestStatus.IN_PROGRESS, RequestStatus.DONE)
    requests = []
    for number in range(SEEDED_APPLICANTS * REQUESTS_EACH):
        category = chance.choice(list(Category))
        status = statuses[number % len(statuses)]
        created = now - timedelta(hours=SEEDED_APPLICANTS * REQUESTS_EACH - number)
        requests.append(
            RequestRow(
                category=category.value,
                address=_address(chance),
                description=_DESCRIPTIONS[category],
                urgency=chance.choice(list(Urgency)).value,
                status=status.value,
                applicant_id=applicants[number % min(SEEDED_APPLICANTS, len(applicants))].user_id,
                executor_id=None if status is RequestStatus.NEW else executors[number % len(executors)].user_id,
                created_at=created,
                updated_at=created,
                photos=[],
                location=None,
            )
        )
    return requests
