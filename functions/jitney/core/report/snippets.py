"""What was suggested, ready to paste: a command line that asks for it, and policies that would allow no more.

No more also means to nobody else and not without the reviewers: a policy that is pasted holds the next time too.
"""

import json
import re
import shlex
from collections.abc import Iterator, Sequence

from jitney.core.access.grant import permissions_view
from jitney.core.access.request import Permission
from jitney.core.patterns import has_wildcard
from jitney.core.report.grant_report import GrantReport, Terms

_NAME = re.compile(r"[^A-Za-z0-9]+")
_GROUP = re.compile(r"[A-Za-z0-9._/-]+")


def request_lines(target: str, terms: Terms, reason: str, ticket: str) -> tuple[str, ...]:
    """The lines to paste into a shell to ask for `terms`."""
    words = ["jitney", "request", target]
    one = terms.permissions[0] if len(terms.permissions) == 1 else None
    if one:
        words += [word for action in one.actions for word in ("--action", action)]
        words += [word for resource in one.resources for word in ("--resource", resource)]
    else:
        words += ["--permissions", "-"]
    words += ["--for", f"{terms.duration_seconds}s", "--reason", reason]
    line = shlex.join(words + (["--ticket", ticket] if ticket else []))
    return (line,) if one else (f"{line} <<'JSON'", json.dumps(permissions_view(terms.permissions)), "JSON")


def policy_text(story: GrantReport, terms: Terms) -> str:
    """A Cedar policy for each permission, which lets this principal alone have it, for the same human and as reviewed.

    "" where none can say so. Cedar has no `?`: where a resource has one, no policy would allow just that. What was
    taken by breaking the glass no policy is to give; and which reviews it took must be told, and nothing be missing.
    """
    named = all(each and all(map(_GROUP.fullmatch, each)) for each in story.reviews)
    untold = story.warnings or story.partial or not named or (story.votes and not story.reviews)
    if untold or story.break_glass or any("?" in arn for each in terms.permissions for arn in each.resources):
        return ""
    name = _NAME.sub("-", f"{story.who.principal} {story.target}").strip("-").lower()[:50]
    permits = (_permit(f"{name}-{number}", story, each, terms) for number, each in enumerate(terms.permissions, 1))
    return "\n\n".join(permits)


def _permit(name: str, story: GrantReport, permission: Permission, terms: Terms) -> str:
    actions = ", ".join(map(_quoted, permission.actions))
    groups = ", ".join(dict.fromkeys(group for each in story.reviews for group in each))
    lines = [
        f"@id({_quoted(name)})",
        *([f"@approval({_quoted(groups)})"] if groups else []),
        "permit (",
        f"    principal == Jitney::Agent::{_quoted(story.who.principal)},",
        "    action,",
        f"    resource in Jitney::Target::{_quoted(story.target)}",
        ")",
        *_bound(story),
        f"when {{ [{actions}].contains(context.action) && context.durationSeconds <= {terms.duration_seconds} }}",
        f"when {{ {' || '.join(_compared(permission.resources))} }};",
    ]
    return "\n".join(lines)


def _bound(story: GrantReport) -> Iterator[str]:
    """Whose approval it takes, and on whose behalf it is."""
    ways = [[f"context.approvals.contains({_quoted(group)})" for group in each] for each in story.reviews]
    if ways:
        yield f"when {{ {' || '.join(' && '.join(each) for each in ways)} }}"
    if story.who.human:
        yield f"when {{ principal has human && principal.human == {_quoted(story.who.human)} }}"


def _compared(resources: Sequence[str]) -> Iterator[str]:
    """What the resource may be. A permit that does not speak of wildcards allows none (the schema's `wildcard`)."""
    exact = [each for each in resources if not has_wildcard(each)]
    if exact:
        yield f"[{', '.join(map(_quoted, exact))}].contains(resource.arn) && !resource.wildcard"
    for each in resources:
        if each not in exact:
            yield f"resource.arn like {_quoted(each)} && [true, false].contains(resource.wildcard)"


def _quoted(text: str) -> str:
    """A literal of Cedar, whose escapes are Rust's."""
    return '"' + "".join(_escaped(each) for each in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if " " <= character <= "~" else f"\\u{{{ord(character):x}}}"
