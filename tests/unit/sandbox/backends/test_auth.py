"""The Auth Service knows linked accounts and links the others by phone."""

from sandbox.people import Role


async def test_verify(backends) -> None:
    status, identity = await backends("auth", "POST", "/auth/verify", {"telegram_id": 2002})
    assert status == 200
    assert (identity["role"], identity["language"], identity["blocked"]) == ("executor", "uz", False)
    assert identity["specializations"] == ["electrician", "heating"]


async def test_verify_of_an_unknown_account(backends) -> None:
    status, body = await backends("auth", "POST", "/auth/verify", {"telegram_id": 5001})
    assert (status, body["error"]["code"]) == (404, "unknown_user")


async def test_link_normalises_the_phone_number(backends) -> None:
    stranger = next(person for person in backends.people if not person.linked)
    phone = f"{stranger.phone[1:6]} {stranger.phone[6:]}"
    body = {"telegram_id": stranger.telegram_id, "phone": phone, "language": "en"}
    status, identity = await backends("auth", "POST", "/auth/link", body)
    assert (status, identity["user_id"], identity["language"]) == (200, stranger.user_id, "en")
    assert (await backends("auth", "POST", "/auth/verify", {"telegram_id": stranger.telegram_id}))[0] == 200


async def test_link_is_refused(backends) -> None:
    applicant = backends.person(Role.APPLICANT)
    stranger = next(person for person in backends.people if not person.linked)

    async def link(telegram_id: int, phone: str) -> tuple[int, str]:
        status, body = await backends("auth", "POST", "/auth/link", {"telegram_id": telegram_id, "phone": phone})
        return status, body["error"]["code"]

    assert await link(9, "+1") == (404, "unknown_phone")
    assert await link(9, applicant.phone) == (409, "already_linked")
    assert await link(applicant.telegram_id, stranger.phone) == (409, "account_taken")
