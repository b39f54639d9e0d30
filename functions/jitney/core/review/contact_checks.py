"""Whether reviewers can be reached: what there is to check, and what each code means (row REV 13). Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jitney.core.config import Config

CHANNEL, PERSON, SENDER = "channel", "person", "sender"
NO_ADDRESS, NOT_FULL_MEMBER, NOT_CHECKED = "no_address", "not_full_member", "not_checked"

_FIXES: Mapping[str, str] = {
    "channel_not_found": "Correct the group's channel in jitney.yaml; invite the app first if it is private.",
    "not_in_channel": "Invite the app into the channel: /invite @jitney.",
    "no_address": "Write the person's address under people in jitney.yaml.",
    "users_not_found": "Write the address under people with which the person is in Slack.",
    "not_full_member": "Ask Slack's administrator: guests, bots, strangers and unconfirmed addresses do not review.",
    "sender_not_verified": "Verify the sender of mail in Amazon SES, its address or its domain.",
    "missing_scope": "Install the app in Slack again, with the scopes of docs/slack.md.",
    "invalid_auth": "Put the app's bot token into the secret: docs/slack.md.",
    "ratelimited": "Check again in a minute.",
    "not_checked": "Check again: there was no time for it.",
    "unavailable": "Look at the secret of slack in jitney.yaml, and at what its function may read.",
}
_OTHERWISE = "Look the code up in the documentation of Slack or Amazon SES."


class ContactCheck(NamedTuple):
    """One thing that reviewers are reached by: a channel, a person, or the sender of mail; `code` is "" when they are.

    `groups` are those that it is for.
    """

    kind: str
    name: str
    groups: tuple[str, ...]
    code: str = ""

    def view(self) -> dict[str, Any]:
        """It as the API shows it, with what to do about its code."""
        fix = _FIXES.get(self.code, _OTHERWISE) if self.code else ""
        return {**self._asdict(), "groups": list(self.groups), "ok": not self.code, "fix": fix}


def contact_checks(config: Config) -> Iterator[ContactCheck]:
    """The sender, every channel and every person of the reviewer groups, each once; a code for who has no address."""
    names = tuple(sorted(config.reviewers))
    if config.mail:
        yield ContactCheck(SENDER, config.mail.sender, names)
    channels: dict[str, list[str]] = {}
    people: dict[str, list[str]] = {}
    for name in names:
        group = config.reviewers[name]
        if group.channel:
            channels.setdefault(group.channel, []).append(name)
        for human in dict.fromkeys((*group.members, *group.delegates)):
            people.setdefault(human, []).append(name)
    yield from (ContactCheck(CHANNEL, name, tuple(groups)) for name, groups in channels.items())
    yield from (
        ContactCheck(PERSON, human, tuple(groups), "" if config.emails.get(human) else NO_ADDRESS)
        for human, groups in sorted(people.items())
    )
