"""The channel `mail`: one message for each reviewer who is told by name, and no list of recipients in it."""

from collections.abc import Iterable

from jitney.adapters.mails import Message
from jitney.core.review.mail import OWN_WORDS, SIGN_IN, letter
from jitney.core.review.recipients import recipients
from jitney.core.review.reviewers import of_now
from jitney.handlers.at_work import at_work
from jitney.handlers.channels import Sent, Telling, one_by_one
from jitney.handlers.ports import Ports
from jitney.handlers.rendering import render

NAME = "mail"
NO_ADDRESS = "no_address"


def send(telling: Telling, ports: Ports) -> Iterable[Sent]:
    """Write to everybody who is told of it; who has no address is on record as not reached."""
    emails, mails = ports.config.emails, ports.mails
    if mails is None:
        return ()
    written = letter(telling.notice, telling.sheet, ports.reviews_url)
    html = render(ports.templates, "mail", {"letter": written, "own_words": OWN_WORDS, "sign_in": SIGN_IN})
    message = Message(written.subject, written.text, html, telling.grant.id)

    def one(name: str) -> str:
        address = emails.get(name)
        return mails.send(message, address) if address else NO_ADDRESS

    grant = of_now(telling.grant, ports.config)
    return one_by_one(NAME, recipients(telling.notice, grant, at_work(ports), ports.now()), one, ports)
