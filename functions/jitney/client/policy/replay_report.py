"""The result of `jitney policy replay`, as JSON and as rows. Needs the extra `policy`."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jitney.client.audit.record_lines import UNVERIFIED, ReadingProgress, RecordSource
from jitney.client.policy.policy_access import loaded_policies
from jitney.client.terminal.policy_screen import KindsTable
from jitney.core.access.request import permissions_view
from jitney.core.integrity.answer_integrity import unchecked
from jitney.core.quantities import format_list, quantity
from jitney.core.replay.policy_replay import PolicyReplay, ReplayedAnswer, ReplayedRequest
from jitney.core.replay.recorded_requests import DecisionLines
from jitney.core.stored_identity import name_of
from jitney.core.times import iso

TITLE = "The requests were not replayed"


class ReplayOptions(NamedTuple):
    """What to replay: the records, and whether dry runs count."""

    source: RecordSource
    dry_runs: bool


def replay(options: ReplayOptions, config: Any, progress: ReadingProgress) -> PolicyReplay:
    """Return the replay of recorded requests under the policies of the configuration `config`. Raises Invalid."""
    replayed = PolicyReplay(loaded_policies(config, TITLE).context, DecisionLines(options.dry_runs))
    for line in options.source.lines(TITLE, progress):
        replayed.add(line)
    return replayed


def document(replayed: PolicyReplay) -> dict[str, Any]:
    """Return the replay as JSON, with each change."""
    return {
        "policy_version": replayed.context.policy_set.version,
        "replayed": replayed.replayed,
        "distinct": replayed.distinct,
        "effects": [
            {"before": before, "after": after, "count": count}
            for (before, after), count in sorted(replayed.effects.items())
        ],
        "changes": [_change(each) for each in replayed.changed],
        "other_policies": replayed.other_policies,
        "not_replayable": [{"reason": reason, "count": count} for reason, count in replayed.left_out.most_common()],
        "other_action_table": replayed.other_tables,
        "unreadable_lines": replayed.decisions.unreadable,
        "integrity": unchecked(UNVERIFIED).document(),
    }


def _change(each: ReplayedRequest) -> dict[str, Any]:
    recorded, request = each.recorded, each.recorded.request
    return {
        "time": iso(recorded.time),
        "chain": recorded.chain,
        "seq": recorded.seq,
        "grant_id": recorded.grant_id,
        "principal": recorded.principal.source_identity,
        "human": name_of(recorded.principal.human),
        "target": request.target,
        "permissions": permissions_view(request.permissions),
        "access_profile": request.access_profile.name if request.access_profile else "",
        "duration_seconds": request.duration_seconds,
        "way": request.way,
        "reveal": request.reveal,
        "before": answer_document(each.before),
        "after": answer_document(each.after),
    }


def answer_document(answer: ReplayedAnswer) -> dict[str, Any]:
    """Return an answer as JSON."""
    return {
        "effect": answer.effect,
        "policies": list(answer.policies),
        "reviews": [sorted(groups) for groups in answer.reviews],
    }


def counts(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the counts as rows."""
    distinct = f", {result['distinct']:,} of them distinct for these policies"
    yield "replayed", f"{quantity(result['replayed'], 'decision')}{distinct}"
    for each in result["effects"]:
        if each["before"] != each["after"]:
            yield "changed", f"{each['count']:,} from {each['before']} to {each['after']}"
    reviews = sum(each["before"]["effect"] == each["after"]["effect"] for each in result["changes"])
    yield "changed", f"{reviews:,} to other reviewers" if reviews else ""
    others = result["other_policies"]
    yield "same", f"{others:,} with the same answer by other policies" if others else ""
    for each in result["not_replayable"]:
        yield "left out", f"{quantity(each['count'], 'decision')}: {each['reason']}"
    if others := result["other_action_table"]:
        yield "note", f"{quantity(others, 'decision')} used another table of AWS actions, which may explain a change"
    lines = result["unreadable_lines"]
    yield "left out", f"{lines:,} unreadable lines" if lines else ""
    yield "records", UNVERIFIED


_COLUMNS = ("count", "last", "principal", "target", "actions", "resources", "before", "after")


def table(result: Mapping[str, Any], most: int) -> KindsTable:
    """Return the changes by kind, in at most `most` rows.

    Equal changes are one row, and the most frequent come first.
    """
    groups: Counter[tuple[str, ...]] = Counter()
    last: dict[tuple[str, ...], str] = {}
    for each in result["changes"]:
        named = {kind: dict.fromkeys(name for one in each["permissions"] for name in one[kind])
                 for kind in ("actions", "resources")}  # fmt: skip
        key = (
            each["principal"],
            each["target"],
            each["access_profile"] or format_list(list(named["actions"]), 3),
            format_list(list(named["resources"]), 3),
            _answer_words(each["before"]),
            _answer_words(each["after"]),
        )
        groups[key] += 1
        last[key] = max(last.get(key, ""), each["time"])
    rows = [[f"{count:,}", last[key], *key] for key, count in groups.most_common(most)]
    return KindsTable(_COLUMNS, rows, len(groups))


def _answer_words(answer: Mapping[str, Any]) -> str:
    reviews = " or ".join("+".join(groups) for groups in answer["reviews"])
    return f"{answer['effect']}{f' by {reviews}' if reviews else ''} ({', '.join(answer['policies'])})"
