"""Forms that a person posts with a session of their own, without the sign-in and the pages before it."""

from collections.abc import Mapping, Sequence

from jitney.core.identity.principal import Principal
from jitney.core.identity.session import Session
from jitney.handlers.pages.visits import FormRoute, FormVisit, Page, visit_of
from jitney.handlers.review.break_glass import break_glass
from jitney.handlers.runtime.ports import Ports


def post_form(
    ports: Ports, person: Principal, grant_id: str, route: FormRoute, form: Mapping[str, str | Sequence[str]]
) -> Page:
    """Return the page that answers a form about a request. A field may have several values."""
    event = {
        "httpMethod": "POST",
        "resource": "/reviews/{id}",
        "headers": {},
        "pathParameters": {"id": grant_id},
        "requestContext": {
            "requestId": "req-1",
            "identity": {"sourceIp": "198.51.100.7"},
            "domainName": "jitney.example.com",
            "path": f"/live/reviews/{grant_id}",
        },
    }
    visit, now = visit_of(event, ports), ports.now()
    session = Session(person, now, "k" * 43, "web")
    whole = (visit.event, visit.request, ports, now, visit.root, session, ports.suspensions.current())
    fields = {name: [value] if isinstance(value, str) else [*value] for name, value in form.items()}
    return route(FormVisit(*whole, fields=fields))


def use_break_glass(ports: Ports, person: Principal, grant_id: str, content: str) -> Page:
    """Return the page after both steps of break-glass, for a request that the person saw with this content."""
    form = {"content": content, "reason": "down"}
    first = post_form(ports, person, grant_id, break_glass, form)
    return post_form(ports, person, grant_id, break_glass, form | {"confirmed": first.values["confirmed"]})
