"""The people of the sandbox: deterministic, so that tests and demos can refer to them.

Telegram ids tell the role: 1001.. applicants, 2001.. executors, 3001.. managers, 4001.. admins. Ids from 5001 are
people whom the company knows by phone number only, for account linking.
"""

from dataclasses import dataclass
from enum import StrEnum

EXECUTORS = 12
MANAGERS = 6
ADMINS = 4
UNLINKED = 8


class Role(StrEnum):
    APPLICANT = "applicant"
    EXECUTOR = "executor"
    MANAGER = "manager"
    ADMIN = "admin"


MANAGEMENT = (Role.MANAGER, Role.ADMIN)
"""Who may see and change what belongs to others."""


class Specialization(StrEnum):
    PLUMBER = "plumber"
    ELECTRICIAN = "electrician"
    HEATING = "heating"
    ELEVATOR = "elevator"
    CLEANER = "cleaner"
    UNIVERSAL = "universal"


LANGUAGES = ("ru", "uz", "en")
FIRST_TELEGRAM_ID = {Role.APPLICANT: 1001, Role.EXECUTOR: 2001, Role.MANAGER: 3001, Role.ADMIN: 4001}
FIRST_UNLINKED_TELEGRAM_ID = 5001

_FIRST_NAMES = {
    "ru": ("Анна", "Иван", "Ольга", "Сергей", "Мария", "Дмитрий", "Елена"),
    "uz": ("Aziza", "Bekzod", "Dilnoza", "Jahongir", "Malika", "Oʻtkir", "Shahnoza"),
    "en": ("Alice", "Ben", "Clara", "David", "Emma", "Frank", "Grace"),
}
_LAST_NAMES = {
    "ru": ("Ким", "Петренко", "Соколова", "Ли", "Юсупова"),
    "uz": ("Karimova", "Rahimov", "Tosheva", "Aliyev", "Yusupova"),
    "en": ("Brown", "Miller", "Novak", "Silva", "Young"),
}


@dataclass(frozen=True, slots=True)
class Person:
    """One person in the company's user directory.

    ``telegram_id`` is their Telegram account; ``linked`` tells whether the company has linked it to the user.
    """

    user_id: int
    telegram_id: int
    role: Role
    language: str
    name: str
    phone: str
    specializations: tuple[Specialization, ...] = ()
    linked: bool = True

    @property
    def username(self) -> str:
        return f"{self.role.value}_{self.telegram_id}"


def seed_people(applicants: int) -> list[Person]:
    """Return the given number of applicants and a fixed staff."""
    counts = {Role.APPLICANT: applicants, Role.EXECUTOR: EXECUTORS, Role.MANAGER: MANAGERS, Role.ADMIN: ADMINS}
    wanted = [
        (role, FIRST_TELEGRAM_ID[role] + number, True) for role, count in counts.items() for number in range(count)
    ]
    wanted += [(Role.APPLICANT, FIRST_UNLINKED_TELEGRAM_ID + number, False) for number in range(UNLINKED)]
    return [
        _person(user_id, role, telegram_id, linked)
        for user_id, (role, telegram_id, linked) in enumerate(wanted, start=1)
    ]


def _person(user_id: int, role: Role, telegram_id: int, linked: bool) -> Person:
    number = telegram_id % 1000 - 1
    language = LANGUAGES[number % len(LANGUAGES)]
    first, last = _FIRST_NAMES[language], _LAST_NAMES[language]
    return Person(
        user_id=user_id,
        telegram_id=telegram_id,
        role=role,
        language=language,
        name=f"{first[number % len(first)]} {last[number % len(last)]}",
        phone=f"+99890{telegram_id:07d}",
        specializations=_specializations(number) if role is Role.EXECUTOR else (),
        linked=linked,
    )


def _specializations(number: int) -> tuple[Specialization, ...]:
    every = list(Specialization)
    first = every[number % len(every)]
    return (first,) if number % 2 == 0 else (first, every[(number + 1) % len(every)])
