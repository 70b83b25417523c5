"""People are the same every time, and their Telegram ids tell their role."""

from sandbox.people import LANGUAGES, Role, seed_people


def test_ids_roles_and_languages() -> None:
    people = {person.telegram_id: person for person in seed_people(40)}
    assert [people[first].role for first in (1001, 2001, 3001, 4001)] == list(Role)
    assert [people[1001 + number].language for number in range(4)] == [*LANGUAGES, LANGUAGES[0]]
    assert sum(person.role is Role.APPLICANT and person.linked for person in people.values()) == 40
    assert all(person.specializations for person in people.values() if person.role is Role.EXECUTOR)


def test_ids_and_phones_are_unique() -> None:
    people = seed_people(999)
    for name in ("user_id", "telegram_id", "phone", "username"):
        assert len({getattr(person, name) for person in people}) == len(people)


def test_some_people_are_not_linked() -> None:
    assert [person.telegram_id for person in seed_people(1) if not person.linked][:2] == [5001, 5002]
