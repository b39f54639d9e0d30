"""GET /reviews/{id}/story: what became of a request, for whoever may see the request. Writes nothing (row AUD 4)."""

from jitney.core.problems import Problem
from jitney.core.story.suggestion import suggest
from jitney.core.story.telling import tell
from jitney.core.story.wording import sections, state
from jitney.handlers.pages import Page, Visit
from jitney.handlers.seeing import seen, to_sign_in


def show_story(visit: Visit) -> Page:
    """200 with the story of the request of the path's id. Raises Problem grant_not_found or not_reviewer."""
    if visit.session is None:
        return to_sign_in(visit)
    grant, _ = seen(visit)
    ports, now = visit.ports, visit.now
    records, calls = ports.stories.records(grant.id), ports.stories.calls(grant.id)
    story = tell(grant.id, records.lines, calls.lines, now, cut=records.cut or calls.cut)
    if story is None:
        fix = "Ask an auditor: what was published stays in S3, for `jitney audit show`."
        raise Problem("grant_not_found", "No record of this request is kept here any more.", fix)
    told = sections(story, suggest(story, ports.actions, ports.may_need, now))
    return Page(200, "story", {"heading": state(story), "sections": told})
