"""The channel `mail`: one message for each reviewer who is told by name, and no list of recipients in it."""

from collections.abc import Iterable

from jitney.adapters.mail_sender import MailMessage
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.core.review.mail import OWN_WORDS, SIGN_IN, review_mail
from jitney.core.review.recipients import recipients
from jitney.handlers.channels import DeliveryResult, Notification, send_each
from jitney.handlers.current_reviewers import current_reviewers
from jitney.handlers.ports import Ports
from jitney.handlers.templates import render

NAME = "mail"
NO_ADDRESS = "no_address"


def send(telling: Notification, ports: Ports) -> Iterable[DeliveryResult]:
    """Write to everybody who is told of it; who has no address is on record as not reached."""
    emails, mails = ports.config.emails, ports.mails
    if mails is None:
        return ()
    written = review_mail(telling.notice, telling.sheet, ports.reviews_url)
    html = render(ports.templates, "mail", {"letter": written, "own_words": OWN_WORDS, "sign_in": SIGN_IN})
    message = MailMessage(written.subject, written.text, html, telling.grant.id)

    def one(name: str) -> str:
        address = emails.get(name)
        return mails.send(message, address) if address else NO_ADDRESS

    review = GrantUnderReview(telling.grant, ports.config)
    return send_each(NAME, recipients(telling.notice, review, current_reviewers(ports), ports.now()), one, ports)
