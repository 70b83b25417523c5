"""The bearer token: what it accepts, and how a rotation spreads."""

from pathlib import Path

import pytest

from remediator.intake.token import REREAD_SECONDS, BearerToken, TokenUnreadableError


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("Bearer secret", True),
        ("bearer secret", True),
        ("Bearer  secret ", True),
        ("Bearer secre", False),
        ("Bearer secrets", False),
        ("Bearer ", False),
        ("Bearer пароль", False),
        ("Basic secret", False),
        ("secret", False),
        ("", False),
        (None, False),
    ],
)
def test_only_the_token_is_accepted(header: str | None, accepted: bool) -> None:
    token = BearerToken(file=None, fixed="secret", monotonic=Clock())
    assert token.accepts(header) is accepted


def test_rotation_is_seen_and_the_old_token_ends_after_its_grace(tmp_path: Path) -> None:
    file, clock = tmp_path / "token", Clock()
    file.write_text("old\n")
    token = BearerToken(file=file, fixed=None, monotonic=clock, grace=120)
    file.write_text("new\n")
    assert token.accepts("Bearer old")
    clock.now += REREAD_SECONDS
    assert token.accepts("Bearer new")
    assert token.accepts("Bearer old")
    clock.now += 121
    assert token.accepts("Bearer new")
    assert not token.accepts("Bearer old")


def test_file_that_vanishes_leaves_the_token_valid(tmp_path: Path) -> None:
    file, clock = tmp_path / "token", Clock()
    file.write_text("old")
    token = BearerToken(file=file, fixed=None, monotonic=clock)
    file.unlink()
    clock.now += REREAD_SECONDS
    assert token.accepts("Bearer old")


@pytest.mark.parametrize("content", [None, "", " \n"])
def test_missing_or_empty_file_is_refused_at_start(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)
    with pytest.raises(TokenUnreadableError, match=str(file)):
        BearerToken(file=file, fixed=None, monotonic=Clock())
