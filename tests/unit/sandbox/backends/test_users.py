"""The User Service: profiles, search, recipients, forgetting."""

from sandbox.people import Role


async def test_users_read_their_profile_and_staff_all(backends) -> None:
    one, other = backends.person(Role.APPLICANT), backends.person(Role.APPLICANT, 1)
    assert (await backends("user", "GET", f"/users/{one.user_id}", actor=one))[1]["name"] == one.name
    assert (await backends("user", "GET", f"/users/{one.user_id}", actor=other))[0] == 403
    assert (await backends("user", "GET", f"/users/{one.user_id}", actor=backends.person(Role.MANAGER)))[0] == 200


async def test_only_the_user_sets_the_language_and_only_admins_block(backends) -> None:
    one, manager, admin = (backends.person(role) for role in (Role.APPLICANT, Role.MANAGER, Role.ADMIN))
    path = f"/users/{one.user_id}"
    assert (await backends("user", "PATCH", path, {"language": "uz"}, actor=one))[1]["language"] == "uz"
    assert (await backends("user", "PATCH", path, {"language": "uz"}, actor=manager))[0] == 403
    assert (await backends("user", "PATCH", path, {"blocked": True}, actor=one))[0] == 403
    assert (await backends("user", "PATCH", path, {"blocked": True}, actor=admin))[1]["blocked"] is True
    status, body = await backends("request", "GET", "/requests", actor=one)
    assert (status, body["error"]["code"]) == (403, "blocked")


async def test_search(backends) -> None:
    admin, one = backends.person(Role.ADMIN), backends.person(Role.APPLICANT, 2)
    _status, page = await backends("user", "GET", "/users", actor=admin, q=one.phone[-5:], role="applicant")
    assert [user["id"] for user in page["items"]] == [one.user_id]
    assert (await backends("user", "GET", "/users", actor=one))[0] == 403


async def test_recipients_are_paged(backends) -> None:
    admin, seen, after = backends.person(Role.ADMIN), [], 0
    while after is not None:
        _status, page = await backends("user", "GET", "/users/telegram-ids", actor=admin, limit="7", after=after)
        seen += [item["telegram_id"] for item in page["items"]]
        after = page["next"]
    assert seen == sorted(person.telegram_id for person in backends.people if person.linked)


async def test_unlinking_the_telegram_account(backends) -> None:
    one = backends.person(Role.APPLICANT)
    assert (await backends("user", "DELETE", f"/users/{one.user_id}/telegram-link", actor=one))[0] == 200
    assert (await backends("auth", "POST", "/auth/verify", {"telegram_id": one.telegram_id}))[0] == 404


async def test_statistics(backends) -> None:
    _status, counts = await backends("user", "GET", "/users/statistics", actor=backends.person(Role.MANAGER))
    assert counts["total"] == len(backends.people)
    assert counts["by_role"]["executor"] == sum(person.role is Role.EXECUTOR for person in backends.people)
