"""Body of ``POST /updates``: one action of one user."""

from pydantic import BaseModel, ConfigDict, Field

from sandbox.telegram.users import Users


class Location(BaseModel):
    """Coordinates in degrees."""

    latitude: float
    longitude: float


class UserAction(BaseModel):
    """Exactly one action is set; ``chat_id`` performs it in a group instead of the private chat."""

    model_config = ConfigDict(extra="forbid")

    user_id: int
    chat_id: int | None = None
    text: str | None = None
    photos: int = Field(0, ge=0, le=10, description="Photos to send; more than one is an album.")
    caption: str = ""
    contact: str | None = Field(None, description="Phone number to share as one's own contact.")
    location: Location | None = None
    message_id: int | None = Field(None, description="The message whose button is pressed or that is edited.")
    callback_data: str | None = None
    edited_text: str | None = None


def perform(users: Users, action: UserAction) -> list[int | None]:
    """Perform the action and return the ids of its updates.

    Raises:
        ValueError: no action is set.
        UnknownTargetError: the message does not exist.
    """
    if action.callback_data is not None and action.message_id is not None:
        return [users.press(action.user_id, action.message_id, action.callback_data, chat_id=action.chat_id)]
    if action.edited_text is not None and action.message_id is not None:
        return [users.edit(action.user_id, action.message_id, action.edited_text)]
    if action.text is not None:
        return [users.say(action.user_id, action.text, chat_id=action.chat_id)]
    if action.photos:
        return users.send_photos(action.user_id, action.photos, action.caption)
    if action.contact is not None:
        return [users.send_contact(action.user_id, action.contact)]
    if action.location is not None:
        return [users.send_location(action.user_id, action.location.latitude, action.location.longitude)]
    raise ValueError("set one action: text, photos, contact, location, callback_data or edited_text with message_id")
