"""The channel `mail`: one message per reviewer. A message does not name the other recipients."""

from collections.abc import Iterable

from jitney.adapters.mail_sender import MailMessage
from jitney.core.review.mail import AGENT_TEXT_NOTE, SIGN_IN, review_mail
from jitney.core.review.recipients import recipients
from jitney.handlers.notifying.channels import DeliveryResult, Notification, send_each
from jitney.handlers.review.current_reviewers import current_reviewers
from jitney.handlers.review.under_review import under_review
from jitney.handlers.runtime.ports import Ports
from jitney.handlers.runtime.templates import render

NAME = "mail"
NO_ADDRESS = "no_address"


def send(notification: Notification, ports: Ports) -> Iterable[DeliveryResult]:
    """Mail each recipient, and yield the results. A person without an address gets the code no_address."""
    addresses, sender = ports.config.emails, ports.mail_sender
    if sender is None:
        return ()
    mail = review_mail(notification.notice, notification.sheet, ports.reviews_url)
    html = render(ports.templates, "mail", {"mail": mail, "agent_text_note": AGENT_TEXT_NOTE, "sign_in": SIGN_IN})
    message = MailMessage(mail.subject, mail.text, html, notification.grant.id)

    def send_to(name: str) -> str:
        address = addresses.get(name)
        return sender.send(message, address) if address else NO_ADDRESS

    review = under_review(notification.grant, ports, ports.suspensions.current())
    groups = current_reviewers(ports, review.suspensions)
    return send_each(NAME, recipients(notification.notice, review, groups, ports.now()), send_to, notification, ports)
