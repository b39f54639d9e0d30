"""Checks that reviewers can be reached, and the fix for each error code (row REV 13). Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jitney.core.config import Config

CHANNEL, PERSON, SENDER = "channel", "person", "sender"
NO_ADDRESS, NO_CHANNEL, NOT_FULL_MEMBER, NOT_CHECKED = "no_address", "no_channel", "not_full_member", "not_checked"

_STORE_AGAIN = "Store the app's bot token in its secret, as docs/slack.md shows."
_FIXES: Mapping[str, str] = {
    "channel_not_found": "Correct the group's channel in jitney.yaml; invite the app first if it is private.",
    "not_in_channel": "Invite the app into the channel: /invite @jitney.",
    "no_address": "Add the person's address under people in jitney.yaml.",
    "users_not_found": "Change the person's address under people in jitney.yaml to their Slack address.",
    "no_channel": "Add a channel to the group in jitney.yaml, or add mail. Its reviewers are not notified now.",
    "not_full_member": "Ask your Slack administrator. Guests, bots and unconfirmed addresses cannot review.",
    "sender_not_verified": "Verify the mail sender's address or domain in Amazon SES.",
    "failed": "Check again in a minute. Amazon SES failed.",
    "sending_paused": "Find out in Amazon SES why the account may not send.",
    "not_permitted": "Find the policy that denies Amazon SES to the function.",
    "missing_scope": "Reinstall the Slack app with the scopes in docs/slack.md.",
    "account_inactive": _STORE_AGAIN,
    "invalid_auth": _STORE_AGAIN,
    "token_revoked": _STORE_AGAIN,
    "ratelimited": "Check again in a minute.",
    "throttled": "Check again in a minute.",
    "unreachable": "Check again in a minute. The service could not be reached.",
    "no_answer": "Check again in a minute. The service did not answer.",
    "not_checked": "Check again: no time was left for this check.",
    "unavailable": "Check the secrets of slack in jitney.yaml, and the function's permission to read them.",
}
_OTHERWISE = "Look up the code in the documentation of Slack or Amazon SES."


class ContactCheck(NamedTuple):
    """One check of a channel, a person or the mail sender, for `groups`. `code` is "" when the check passed."""

    kind: str
    name: str
    groups: tuple[str, ...]
    code: str = ""

    def view(self) -> dict[str, Any]:
        """The check as the API returns it, with the fix for its code."""
        fix = _FIXES.get(self.code, _OTHERWISE) if self.code else ""
        return {**self._asdict(), "groups": list(self.groups), "ok": not self.code, "fix": fix}


def contact_checks(config: Config) -> Iterator[ContactCheck]:
    """Yield one check of the mail sender, and one of each channel and person of the reviewer groups.

    A group that no channel notifies yields a check that has failed already, with the name of the group.
    """
    names = tuple(sorted(config.reviewers))
    if config.mail:
        yield ContactCheck(SENDER, config.mail.sender, names)
    channels: dict[str, list[str]] = {}
    people: dict[str, list[str]] = {}
    for name in names:
        group = config.reviewers[name]
        if group.channel:
            channels.setdefault(group.channel, []).append(name)
        elif config.slack and not config.mail:  # the only channel
            yield ContactCheck(CHANNEL, name, (name,), NO_CHANNEL)
        for human in dict.fromkeys((*group.members, *group.delegates)):
            people.setdefault(human, []).append(name)
    yield from (ContactCheck(CHANNEL, name, tuple(groups)) for name, groups in channels.items())
    yield from (
        ContactCheck(PERSON, human, tuple(groups), "" if config.emails.get(human) else NO_ADDRESS)
        for human, groups in sorted(people.items())
    )
