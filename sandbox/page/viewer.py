"""The person who looks at the page: names, dates and times depend on them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sandbox.slack.directory import BOT_USER_ID, SLACKBOT_ID, Channel, Directory, User


def time_of_day(then: datetime, behind_hour: str = "%M") -> str:
    """10:30 AM"""
    return f"{then.hour % 12 or 12}:{then:{behind_hour}} {'AM' if then.hour < 12 else 'PM'}"


APP_NAME = "Emporix Jobs"
SLACKBOT_NAME = "Slackbot"


@dataclass(frozen=True, slots=True)
class Reader:
    """The person who looks at the page; `now` is in seconds since 1970."""

    user: User
    directory: Directory
    now: float

    def at(self, seconds: float) -> datetime:
        """Return a time in this person's time zone."""
        return datetime.fromtimestamp(seconds, ZoneInfo(self.user.tz))

    def local_time(self, user: User) -> str:
        """Return another user's local time: "10:30 AM in New York"."""
        city = user.tz.rpartition("/")[2].replace("_", " ")
        return f"{time_of_day(datetime.fromtimestamp(self.now, ZoneInfo(user.tz)))} in {city}"

    def person(self, user_id: str) -> str:
        """Return the name of a person or app; the id itself if it is unknown."""
        named = {BOT_USER_ID: APP_NAME, SLACKBOT_ID: SLACKBOT_NAME}
        known = self.directory.users.get(user_id)
        return known.real_name if known else named.get(user_id, user_id)

    def user_group(self, group_id: str) -> tuple[str, bool]:
        """Return the handle of a user group, and whether this person is a member.

        The id itself if it is unknown.
        """
        group = self.directory.user_groups.get(group_id)
        return (group.handle, self.user.id in group.members) if group else (group_id, False)

    def is_app(self, user_id: str) -> bool:
        return user_id in (BOT_USER_ID, SLACKBOT_ID)

    def title(self, channel: Channel) -> str:
        """Return `#ops`, or the app's name for its direct messages."""
        return APP_NAME if channel.is_im else f"#{channel.name}"

    def place(self, channel_id: str) -> str:
        """Return the name of a channel; the id itself if it is unknown."""
        channel = self.directory.channels.get(channel_id)
        if channel is None:
            return channel_id
        return APP_NAME if channel.is_im else channel.name
