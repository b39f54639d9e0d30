"""Break-glass in `jitney.yaml`: who may take a request without its reviewers, and what bounds that (row REV 8)."""

from collections.abc import Iterator

from jitney.configuration.problems import did_you_mean
from jitney.configuration.yaml_source import ConfigurationProblem, Value, entries
from jitney.core.config import BREAK_GLASS_APPROVAL


def break_glass_checks(value: Value) -> Iterator[ConfigurationProblem]:
    """What single values cannot show: targets and issuers that there are not, and a group of the reserved name."""
    if BREAK_GLASS_APPROVAL in dict(entries(value, "reviewers")):
        wrong = f'policies see "{BREAK_GLASS_APPROVAL}" among the approvals when somebody breaks the glass'
        yield ConfigurationProblem(("reviewers", BREAK_GLASS_APPROVAL), wrong, "give the group another name")
    given = dict(entries(value, "break_glass"))
    aliases = [alias for alias, _ in entries(value, "issuers")]
    targets = [alias for alias, _ in entries(value, "targets")]
    for index, name in _listed(given.get("targets")):
        if name not in targets:
            place = ("break_glass", "targets", index)
            yield ConfigurationProblem(place, f'there is no target "{name}"', did_you_mean(name, targets))
    for index, name in _listed(given.get("groups")):
        if "/" in name and name.partition("/")[0] not in aliases:
            place = ("break_glass", "groups", index)
            yield ConfigurationProblem(
                place, f'there is no issuer "{name.partition("/")[0]}"', f"use one of {', '.join(aliases)}"
            )


def people_of_break_glass(value: Value) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Everybody whom it names as issuer alias/subject, and where."""
    given = dict(entries(value, "break_glass"))
    for member in ("people", "told"):
        for index, name in _listed(given.get(member)):
            yield ("break_glass", member, index), name


def _listed(value: Value | None) -> Iterator[tuple[int, str]]:
    for index, each in enumerate(value if isinstance(value, list) else []):
        if isinstance(each, str):
            yield index, each
