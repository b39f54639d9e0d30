"""What policies permit on a target, in lines for people and models."""

from jitney.client.api.permitted_targets import ApiPermittedAccess, ApiPermittedProfile, ApiPermittedTarget
from jitney.client.terminal.durations import format_duration
from jitney.client.terminal.wording import conditions_in_words, who

PARTLY = "partly: policies permit only some of it. Try a request with --dry-run."


INCOMPLETE = "Policies have too many patterns to list them all. Try a request with --dry-run."


def target_line(target: ApiPermittedTarget) -> str:
    """Return where a target is, the longest duration of a grant there, and which ticket a request needs."""
    suspended = ", suspended: requests are refused until an operator lifts it" if target.suspended else ""
    longest = format_duration(target.max_seconds)
    patterns = f", with a ticket that matches {' or '.join(target.ticket_patterns)}" if target.ticket_patterns else ""
    return f"account {target.account}, {', '.join(target.regions)}, at most {longest}{patterns}{suspended}"


def access_line(access: ApiPermittedAccess, target: ApiPermittedTarget) -> str:
    """Return what is permitted, and on which terms."""
    services = "any service" if access.services == ("*",) else ", ".join(access.services)
    limits = " and ".join(conditions_in_words(access.conditions))
    terms = [
        f"only if {limits}" if limits else "",
        "partly" if access.partial else "",
        "" if access.wildcards or not any("*" in each[1:] for each in access.resources) else "each by its own ARN",
        f"by {access.ways[0]} only" if len(access.ways) == 1 else "",
        *_shared_terms(access, target),
    ]
    what = ", ".join(access.actions) or services
    return ", ".join([f"{what} on {', '.join(access.resources)}", *filter(None, terms)])


def profile_line(profile: ApiPermittedProfile, target: ApiPermittedTarget) -> str:
    """Return an access profile, and its terms."""
    return ", ".join(
        [profile.name, *filter(None, ["partly" if profile.partial else "", *_shared_terms(profile, target)])]
    )


def has_partial(target: ApiPermittedTarget) -> bool:
    """Return whether policies permit something on the target only in part."""
    return any(each.partial for each in target.access) or any(each.partial for each in target.access_profiles)


def _shared_terms(permitted: ApiPermittedAccess | ApiPermittedProfile, target: ApiPermittedTarget) -> list[str]:
    shorter = permitted.max_seconds < target.max_seconds
    return [
        f"after a review by {who(permitted.reviews)}" if permitted.effect == "review" else "",
        f"at most {format_duration(permitted.max_seconds)}" if shorter else "",
    ]
