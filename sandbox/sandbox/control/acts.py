"""What ``POST /updates`` understands: one act of one user."""

from pydantic import BaseModel, ConfigDict, Field

from sandbox.telegram.users import Users


class Place(BaseModel):
    """A shared location, in degrees."""

    latitude: float
    longitude: float


class Act(BaseModel):
    """Exactly one of the acts is named; ``chat_id`` makes it an act in a group."""

    model_config = ConfigDict(extra="forbid")

    user_id: int
    chat_id: int | None = None
    text: str | None = None
    photos: int = Field(0, ge=0, le=10, description="Photos to send; more than one is an album.")
    caption: str = ""
    contact: str | None = Field(None, description="A phone to share as one's own contact.")
    location: Place | None = None
    message_id: int | None = Field(None, description="The message whose button is pressed or that is edited.")
    callback_data: str | None = None
    edited_text: str | None = None


def perform(users: Users, act: Act) -> list[int | None]:
    """Do it and return the updates' ids.

    Raises:
        ValueError: no act is named.
        UnknownTargetError: the message acted on is not there.
    """
    if act.callback_data is not None and act.message_id is not None:
        return [users.press(act.user_id, act.message_id, act.callback_data, chat_id=act.chat_id)]
    if act.edited_text is not None and act.message_id is not None:
        return [users.edit(act.user_id, act.message_id, act.edited_text)]
    if act.text is not None:
        return [users.say(act.user_id, act.text, chat_id=act.chat_id)]
    if act.photos:
        return users.send_photos(act.user_id, act.photos, act.caption)
    if act.contact is not None:
        return [users.send_contact(act.user_id, act.contact)]
    if act.location is not None:
        return [users.send_location(act.user_id, act.location.latitude, act.location.longitude)]
    raise ValueError("name one act: text, photos, contact, location, callback_data or edited_text with message_id")
