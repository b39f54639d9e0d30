"""The security checks of the package, and each module without one of them: for `make mutants` (tests/mutants.py).

A guard is an `if` that raises, in the modules of `GUARDED`, or one alternative of the `or` in such an `if`. A statement
there that only calls a check, such as `require_reviewer(...)`, is a guard too. So is an `if` that returns, in a
function that otherwise raises at its end, or one part of its `and`. In the modules of `REPORTING`, an `if` that yields
a finding is a guard. A predicate is a function of `PREDICATES` that says who may do something. Each `if` in it that
returns False is a guard, and so is each part of an `and` in what it returns. A function of `REFUSALS` says that
something is refused, counted or masked: each `if` in it that returns True is a guard, and each part of an `or`.
`EQUIVALENT` names guards whose removal cannot matter, with the reason.
"""

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "functions" / "jitney"
GUARDED = (
    "adapters",
    "configuration",
    "core",
    "handlers",
    "client",
    "sdk/access_requests.py",
    "sdk/boto3_sessions.py",
    "sdk/gateway_calls.py",
    "sdk/open_grant.py",
    "sdk/sent_parameters.py",
)
NOT_GUARDED = (
    "client/background/starting.py",
    "client/cli.py",
    "client/terminal/command_result.py",
    "client/commands",
    "client/credentials/credential_process.py",
    "client/holding/holding.py",
    "client/main.py",
    "client/inputs/optional.py",
)
"""Parts of `GUARDED` that read a command line and end the command. Tests run most of them in processes of their own."""
REPORTING = (
    "configuration/claim_settings.py",
    "configuration/hidden_text.py",
    "configuration/key_sets.py",
    "configuration/known_issuers.py",
    "configuration/look_alikes.py",
    "configuration/policy_comparisons.py",
    "configuration/policy_files.py",
    "configuration/policy_references.py",
    "configuration/policy_requests.py",
    "configuration/policy_text.py",
    "configuration/profile_settings.py",
    "core/integrity",
    "core/policy/cedar.py",
    "core/report/chain.py",
    "core/trail/join.py",
)
"""Parts of `GUARDED` whose checks yield what is wrong and do not raise."""
PREDICATES = {
    "adapters/issuer_keys.py": ("_within",),
    "adapters/slack_signatures.py": ("is_signed",),
    "client/credentials/container_credentials.py": ("is_in",),
    "client/login/redirect_listener.py": ("_has_cookie",),
    "client/mcp/http_guard.py": ("has_token",),
    "client/tokens/metadata_service.py": ("is_link_local",),
    "core/access/conditions.py": ("covers_conditions", "covers", "_covers"),
    "core/access/decision.py": ("permits_some", "would_permit"),
    "core/access/ended_approvals.py": ("approval_counts", "may_be_repeated"),
    "core/access/grant.py": ("may_have_credentials",),
    "core/access/id_ranges.py": ("is_fresh",),
    "core/access/live_credentials.py": ("needs_denial", "may_have_tickets"),
    "core/access/profile_request.py": ("_covers",),
    "core/access/rejections.py": ("_overlap",),
    "core/access/document_times.py": ("covers", "is_recent", "is_before"),
    "core/access/requested_scope.py": ("covers", "_inside", "covers_segments"),
    "core/gateway/carried_bodies.py": ("is_carried",),
    "core/gateway/changing_reads.py": ("changes_something",),
    "core/gateway/inside_grant.py": ("_covered", "_reads"),
    "core/gateway/throttling.py": ("was_throttled",),
    "core/identity/claim_rules.py": ("_matches",),
    "core/identity/claims.py": ("is_date",),
    "core/identity/keys.py": ("verifies", "rivals", "_for_verifying"),
    "core/identity/providers/provider.py": ("resolves_people",),
    "core/identity/session.py": ("accepts_cookie", "accepts_form_token"),
    "core/identity/source_identity.py": ("is_nameable",),
    "core/integrity/publishable_items.py": ("is_indexed", "is_row", "_fits"),
    "core/integrity/signatures.py": ("is_signed_by",),
    "core/integrity/verification.py": ("_within",),
    "core/masking/random_values.py": ("is_filled",),
    "core/masking/text.py": ("cannot_hold_secret",),
    "core/patterns.py": ("covers", "covers_any_name", "is_prefix"),
    "core/policy/call_mentions.py": ("mentions_call", "_reads_other_member"),
    "core/policy/evaluation.py": ("_mentioning",),
    "core/policy/decide.py": ("_earlier_approvals_help",),
    "core/policy/known_conditions.py": ("must_hold",),
    "core/policy/monotonicity.py": ("permits_more",),
    "core/policy/way_conditions.py": ("never_holds",),
    "core/review/approval_count.py": ("is_member", "_is_valid"),
    "core/review/break_glass.py": ("may_break_glass", "may_follow_up"),
    "core/review/bulk_rejection.py": ("owns",),
    "core/review/out_of_office.py": ("is_valid_delegate", "is_in"),
    "core/review/present_denial.py": ("_suffices",),
    "core/review/call_wording.py": ("shows_all_parameters",),
    "core/review/covered_access.py": ("shows_as_much", "gives_as_much"),
    "core/review/harm.py": ("takes_second_step",),
    "core/review/covering_approvals.py": ("_was_reviewed", "_is_current", "_gave"),
    "core/review/grant_under_review.py": ("is_trusted",),
    "core/review/reviewers.py": ("may_revoke", "can_be_approved"),
    "core/review/schedule.py": ("wait_goes_on",),
    "core/review/votes.py": ("has_enough_approvals", "_already_given"),
    "core/trail/beyond_grant.py": ("covers", "_matches", "_may_be"),
    "core/trail/call_join.py": ("_is_lost", "_acts_alike"),
    "handlers/gateway/call_reviews.py": ("_was_not_sent", "is_still_approved"),
    "handlers/caller/authenticated_request.py": ("count_against", "is_operator", "owns"),
    "handlers/caller/profile_disclosure.py": ("_may_learn",),
    "handlers/ending/deny_documents.py": ("_needs_no_document",),
    "handlers/ending/grant_ends.py": ("_is_undenied",),
    "handlers/ending/required_documents.py": ("is_in_iam",),
    "handlers/held_reads.py": ("_may_hold",),
    "handlers/pages/viewers.py": ("may_see", "may_vote", "is_enough_alone"),
    "handlers/review/break_glass.py": ("policies_permit_break_glass",),
}
REFUSALS = {
    "core/access/ended_approvals.py": ("ends_approvals",),
    "core/access/other_grants.py": ("is_counted",),
    "core/access/rejections.py": ("have_in_common",),
    "core/access/requested_scope.py": ("may_act_on", "_exists"),
    "core/access/suspension_entry.py": (
        "covers_person",
        "covers_target",
        "concerns_role",
        "covers_requester",
        "is_denied_on",
        "_has_name_of",
        "ends",
    ),
    "core/identity/keys.py": ("is_private",),
    "core/identity/providers/entra.py": ("_is_machine",),
    "core/identity/providers/generic.py": ("_is_clients_own",),
    "core/identity/providers/google.py": ("_is_machine",),
    "core/identity/providers/okta.py": ("_is_machine",),
    "core/masking/named_secrets.py": (
        "names_secret",
        "hints_at_secret",
        "is_random_secret",
        "names_aws_key",
        "is_secret",
    ),
    "core/masking/members.py": ("_is_named_secret", "_is_secret_option"),
    "core/patterns.py": ("patterns_intersect",),
    "core/report/published_lines.py": ("are_damaged", "has_damaged_permissions"),
    "core/review/grant_under_review.py": ("is_among",),
    "core/review/sheet.py": ("_objected_to", "no_longer_counts"),
    "core/trail/join.py": ("_shows_access",),
    "handlers/ending/deny_documents.py": ("_may_be_unknown",),
    "handlers/grant/issuance.py": ("is_outdated",),
    "handlers/publisher.py": ("_is_tampering", "_is_misdated"),
}
"""Functions that say that something is refused, counted or masked."""
EQUIVALENT: dict[tuple[str, str], str] = {
    ("adapters/session_clients.py", "keys is None"): "botocore refuses to sign without keys",
    ("core/access/request_body.py", "shown == calls"): "the same calls raise the same problem again",
    ("core/policy/shadow.py", "decision.held_actions is None"): "without it, the record has the name of another error",
    ("core/policy/shadow.py", "decision.earlier_approvals is None"): "the same",
    ("handlers/review/break_glass.py", "after.break_glass is None"): "break-glass sets it, or raises",
    ("handlers/correlator.py", "not isinstance(message, Mapping)"): "no pattern of `_dispatch` matches it",
    ("handlers/ending/grant_ends.py", "not isinstance(denial, DenyEntry)"): "the callers ask `needs_denial` first",
    ("handlers/sign_in.py", "issuer.web is None"): "`Config.people` is an issuer with a web client",
    ("configuration/load.py", "settings is None"): "settings that cannot be read leave a problem",
    (
        "client/gateway/endpoint.py",
        "self._checked_host(head)",
    ): "checked again before the call; here it spares the body",
    ("client/gateway/forms.py", "node.value is None"): "a node without a value has others below it",
    ("client/mcp/call_tools.py", "not isinstance(answer, CallAnswer)"): "Broker.call reads no ticket without `direct`",
    ("client/background/need.py", "not stat.S_ISDIR(found.st_mode)"): "Linux shows links with mode 0777, macOS may not",
    ("client/setup/json_file.py", "found is None"): "its callers remove only entries that the document has",
    ("client/setup/json_file.py", "not isinstance(document, dict)"): "the first token is checked, too",
    ("sdk/access_requests.py", "isinstance(value, bytes | bytearray)"): "base64 refuses other values as json does",
    ("core/access/conditions.py", "found is None"): "a condition with another key cannot be made",
    ("core/calls/parser.py", "found is not None"): "only a list can be of another form, and has the other alternative",
    ("core/calls/parser.py", "member.kind == 'x' and len(read) > 1"): "the options give a structure one word",
    ("core/policy/call_mentions.py", "operator not in _ACCESSES"): "no other operator of Cedar has `left` and `attr`",
    ("core/review/break_glass.py", "settings is None"): "may_break_glass refuses everyone without settings",
    (
        "core/review/covering_approvals.py",
        "_was_reviewed(): grant.call is None",
    ): "the approval of a call never counts again",
    (
        "core/trail/beyond_grant.py",
        "covers(): has_wildcard(named)",
    ): "a name without one is in each pattern that meets it",
    (
        "core/access/suspension_entry.py",
        "concerns_role(): first_role(role_arn) == self.role",
    ): "the suspension ends all grants on its own role",
    ("core/patterns.py", "not positions"): "no position accepts anything; here it spares the rest of the parts",
    ("core/gateway/inside_grant.py", "_reads(): known is not None"): "an explained action is in the table",
    (
        "handlers/gateway/call_reviews.py",
        "is_still_approved(): current is not None",
    ): "a grant is kept for 90 days after its end",
}
"""By file and condition: why the guard's removal changes nothing that a test could see."""
CHECK = re.compile("_?(check|consume|refuse|require|use_up|verify|vote_once)")
"""How the names of functions begin that raise an exception, and do nothing else that matters here."""


@dataclass(frozen=True)
class Mutant:
    """One guard switched off: its file, its line, what was removed, and a function that makes the module without it.

    `acting` are the lines that run only where the guard raises, or those of a call that raises. A function that answers
    has none, and `line` is its first: only tests in which it `answers` so can notice a removal. For an `if` that
    returns, `line` is that of the `raise` at the function's end.
    """

    file: str
    line: int
    condition: str
    tree: Callable[[], ast.Module]
    acting: range = range(0)
    calls: bool = False
    answers: bool = False


def mutants() -> Iterator[Mutant]:
    """Yield every mutant of the guarded modules."""
    for place in GUARDED:
        root = PACKAGE / place
        for path in (root,) if root.is_file() else sorted(root.rglob("*.py")):
            if not _name(path).startswith(NOT_GUARDED):
                yield from _guards(path)
    for refuses, named in ((False, PREDICATES), (True, REFUSALS)):
        for name, functions in named.items():
            yield from _answering(PACKAGE / name, functions, refuses)


def _guards(path: Path) -> Iterator[Mutant]:
    tree, reports = ast.parse(path.read_text(encoding="utf-8"), str(path)), _name(path).startswith(REPORTING)
    named = {False: PREDICATES, True: REFUSALS}
    denials = {each for answer, of in named.items() for each in _returning(tree, of.get(_name(path), ()), answer)}
    passing = dict(_passing(tree))
    for index, node in enumerate(ast.walk(tree)):
        if isinstance(node, ast.If) and any(each in denials or _is_alarm(each, reports) for each in node.body):
            alternatives = node.test.values if _is_or(node.test) else [node.test]
            acting = range(node.body[0].lineno, (node.body[-1].end_lineno or 0) + 1)
            for number, alternative in enumerate(alternatives):
                removed = partial(_unguarded, tree, index, number)
                yield Mutant(_name(path), node.lineno, ast.unparse(alternative), removed, acting)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _is_check(node.value):
            acting = range(node.lineno, (node.end_lineno or 0) + 1)
            removed = partial(_uncalled, tree, index)
            yield Mutant(_name(path), node.lineno, ast.unparse(node), removed, acting, calls=True)
        elif isinstance(node, ast.If) and node in passing:
            end = passing[node]
            acting = range(end.lineno, (end.end_lineno or 0) + 1)
            for number, part in enumerate(node.test.values if _is_and(node.test) else [node.test]):
                removed = partial(_passed, tree, index, number)
                yield Mutant(_name(path), end.lineno, ast.unparse(part), removed, acting)


def _passing(tree: ast.Module) -> Iterator[tuple[ast.stmt, ast.Raise]]:
    """Yield each `if` that only returns, of a function that otherwise raises at its end, with that `raise`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and isinstance(end := node.body[-1], ast.Raise):
            for each in node.body[:-1]:
                if isinstance(each, ast.If) and isinstance(each.body[-1], ast.Return) and not each.orelse:
                    yield each, end


def _returning(tree: ast.Module, functions: Sequence[str], answer: bool) -> Iterator[ast.stmt]:
    """Yield the statements of these functions that return this answer."""
    for node in ast.walk(tree) if functions else ():
        if isinstance(node, ast.FunctionDef) and node.name in functions:
            for each in ast.walk(node):
                if isinstance(each, ast.Return) and isinstance(each.value, ast.Constant) and each.value.value is answer:
                    yield each


def _is_alarm(statement: ast.stmt, reports: bool) -> bool:
    if reports and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Yield):
        return True
    return isinstance(statement, ast.Raise)


def _unguarded(tree: ast.Module, index: int, number: int) -> ast.Module:
    """Return the module with one alternative of the `if` at `index` switched off."""
    return _with_test(tree, index, number, _is_or, _never)


def _passed(tree: ast.Module, index: int, number: int) -> ast.Module:
    """Return the module where one part of the `if` at `index` always holds."""
    return _with_test(tree, index, number, _is_and, _always_true)


def _with_test(
    tree: ast.Module,
    index: int,
    number: int,
    has_parts: Callable[[ast.expr], bool],
    changed_test: Callable[[ast.expr], ast.expr],
) -> ast.Module:
    """Return the module with another condition of the `if` at `index`, or another part of it if it `has_parts`."""
    changed = deepcopy(tree)
    same = _at(changed, index)
    if has_parts(same.test):
        same.test.values[number] = changed_test(same.test.values[number])
    else:
        same.test = changed_test(same.test)
    return ast.fix_missing_locations(changed)


def _uncalled(tree: ast.Module, index: int) -> ast.Module:
    """Return the module without the call at `index`."""
    changed = deepcopy(tree)
    statement = _at(changed, index)
    statement.value = ast.copy_location(ast.Constant(None), statement.value)
    return ast.fix_missing_locations(changed)


def _is_check(call: ast.Call) -> bool:
    """Return whether the function raises, by its name. One that collects faults does not."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return bool(CHECK.match(name)) and not any(getattr(each, "id", "") == "faults" for each in call.args)


def _answering(path: Path, functions: Sequence[str], refuses: bool) -> Iterator[Mutant]:
    """Yield the guards of functions that say no, or of those that say yes to refuse something."""
    tree, removed = ast.parse(path.read_text(encoding="utf-8"), str(path)), _never if refuses else _always_true
    for index, node in enumerate(ast.walk(tree)):
        if isinstance(node, ast.FunctionDef) and node.name in functions:
            line = min(each.lineno for each in (node, *node.decorator_list))  # as in the function's code object
            whole = partial(_always, tree, index, removed)
            yield Mutant(_name(path), line, f"{node.name}()", whole, answers=refuses)
            kind = ast.Or if refuses else ast.And
            for place, value in enumerate(_combinations(node, kind)):
                for number, part in enumerate(value.values):
                    without = partial(_without_part, tree, index, place, number, kind)
                    yield Mutant(_name(path), line, f"{node.name}(): {ast.unparse(part)}", without, answers=refuses)


def _combinations(function: ast.AST, kind: type[ast.boolop]) -> list[ast.BoolOp]:
    """Return each `and`, or each `or`, in what the function returns or names. Defaults such as `or {}` are left out."""
    values = (each.value for each in ast.walk(function) if isinstance(each, ast.Return | ast.Assign) and each.value)
    inner = (each for value in values for each in ast.walk(value))
    found = [each for each in inner if isinstance(each, ast.BoolOp) and isinstance(each.op, kind)]
    return [each for each in found if not isinstance(each.values[-1], ast.Constant | ast.Dict | ast.Tuple)]


def _without_part(tree: ast.Module, index: int, place: int, number: int, kind: type[ast.boolop]) -> ast.Module:
    """Return the module where one part of an `and` always holds, or one part of an `or` never."""
    changed = deepcopy(tree)
    parts = _combinations(_at(changed, index), kind)[place].values
    parts[number] = _always_true(parts[number]) if kind is ast.And else _never(parts[number])
    return ast.fix_missing_locations(changed)


def _always(tree: ast.Module, index: int, removed: Callable[[ast.expr], ast.expr]) -> ast.Module:
    """Return the module whose function at `index` gives the same answer each time."""
    changed = deepcopy(tree)
    for each in ast.walk(_at(changed, index)):
        if isinstance(each, ast.Return) and each.value is not None:
            each.value = removed(each.value)
    return ast.fix_missing_locations(changed)


def _is_or(node: ast.expr) -> bool:
    return isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or)


def _is_and(node: ast.expr) -> bool:
    return isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And)


def _at(tree: ast.Module, index: int) -> ast.AST:
    return next(node for number, node in enumerate(ast.walk(tree)) if number == index)


def _never(condition: ast.expr) -> ast.expr:
    """Return the condition: it is evaluated as before, and never true."""
    return ast.copy_location(ast.BoolOp(ast.And(), [condition, ast.Constant(())]), condition)


def _always_true(condition: ast.expr) -> ast.expr:
    """Return the condition: it is evaluated as before, and always true."""
    return ast.copy_location(ast.BoolOp(ast.Or(), [condition, ast.Constant(True)]), condition)


def _name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()
