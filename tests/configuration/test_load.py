"""jitney.yaml: each refusal with its text, and accepted values that reach the functions unchanged."""

import copy
import dataclasses
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from jitney.configuration.claim_settings import ClaimSettings
from jitney.configuration.external_id import external_id
from jitney.configuration.issuer_settings import IssuerSettings
from jitney.configuration.load import ConfigurationError, load_configuration
from jitney.configuration.settings import CallLimitSettings, LimitSettings, Settings, TargetSettings
from jitney.configuration.values import SettingsModel, secret_resource
from jitney.core import config
from jitney.core.call_limits import CallLimits
from jitney.core.identity.source_identity import source_identity
from jitney.core.issuer_config import ClaimRules, Issuer, PeopleIssuer
from jitney.core.target_config import Target
from jitney.resources import SCHEMA

ROOT = Path(__file__).resolve().parents[2]
BROKER = {"CDK_DEFAULT_ACCOUNT": "999911112222", "CDK_DEFAULT_REGION": "eu-central-1"}


def statement(resource="*"):
    return {"Effect": "Allow", "Action": "s3:GetObject", "Resource": resource}


def valid():
    """Return a small configuration that is accepted, as the plain data of its YAML."""
    return {
        "version": 1,
        "issuers": {
            "corp": {
                "issuer": "https://idp.example.com/",
                "provider": "generic",
                "token": "access",
                "jwks_uri": "https://idp.example.com/jwks?app=1",
                "audiences": ["jitney"],
                "algorithms": ["RS256", "EdDSA"],
            },
            "staff": {
                "issuer": "https://staff.example.com/",
                "provider": "generic",
                "token": "id",
                "jwks_uri": "https://staff.example.com/jwks",
                "audiences": ["jitney-web"],
                "algorithms": ["RS256"],
                "kind": "human",
                "subject_pattern": "[a-z]+",
            },
        },
        "targets": {
            "prod": {
                "account": "012345670123",
                "role_name": "jitney-target-prod",
                "region": "eu-west-1",
                "policy": {"Statement": [statement()]},
            }
        },
    }


def changed(*changes):
    """Return the valid configuration with values at paths ("targets.prod.account", value). None removes the key."""
    document = valid()
    for path, value in changes:
        *parents, key = path.split(".")
        place = document
        for parent in parents:
            place = place.setdefault(parent, {})
        if value is None:
            del place[key]
        else:
            place[key] = value
    return document


def write_policies(folder, text='@id("a") permit (principal, action, resource);'):
    """Write policies that fit every configuration."""
    folder.mkdir(exist_ok=True)
    (folder / "a.cedar").write_text(text, encoding="utf-8")


@pytest.fixture
def compiled(tmp_path):
    """Compile a document written as jitney.yaml, beside policies that fit `valid()`."""
    write_policies(tmp_path / "policies")
    path = tmp_path / "jitney.yaml"

    def compile_document(document, env=None, local=False):
        text = document if isinstance(document, str) else yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False)
        path.write_text(text, encoding="utf-8")
        return config.load(load_configuration(path, BROKER | (env or {}), local=local).json)

    return compile_document


def problems(compiled, document, **options):
    with pytest.raises(ConfigurationError) as refusal:
        compiled(document, **options)
    assert all(each.fix and each.wrong for each in refusal.value.problems)
    return {path_of(each): (each.wrong, each.fix) for each in refusal.value.problems}


def path_of(problem):
    return ".".join(map(str, problem.path))


def many(number, **members):
    return f"t{number}", valid()["targets"]["prod"] | {"account": str(10**11 + number)} | members


def owners(**members):
    """Return a change to the only reviewer group."""
    return "reviewers", {"owners": members}


def glass(**members):
    """Return a break_glass section."""
    return "break_glass", {"people": ["staff/gina"], "targets": ["prod"], **members}


def web(**members):
    """Return a change that gives the only issuer a web client. `members` are the issuer's or the web's."""
    entry = valid()["issuers"]["corp"]
    client = {
        "client_id": "jitney",
        "authorization_url": "https://idp.example.com/auth",
        "token_url": "https://idp.example.com/token",
    }
    of_issuer = {name: value for name, value in members.items() if name in ("kind", "token", "audiences", "provider")}
    of_web = {name: value for name, value in members.items() if name not in of_issuer}
    return "issuers.corp", entry | of_issuer | {"web": client | of_web}


def for_reviews(**members):
    """Return a change that makes the only issuer's tokens those of reviews. A member that is None is left out."""
    entry = valid()["issuers"]["corp"] | {"kind": "human", "token": "id", "max_age_seconds": 900, "for_reviews": True}
    return "issuers.corp", {name: value for name, value in (entry | members).items() if value is not None}


def bound(**members):
    """Return a change that lets the only issuer take tokens that are bound to a key."""
    return "issuers.corp", valid()["issuers"]["corp"] | {"dpop": True} | members


SECRET = "arn:aws:secretsmanager:eu-central-1:999911112222:secret:jitney/slack"


def slack(**members):
    """The section of Slack."""
    both = {"bot_token_arn": f"{SECRET}-bot", "signing_secret_arn": f"{SECRET}-signing-AbCdEf"}
    return {**both, "workspace": "T0123ABCD"} | members


PLACE = {"account": "111122223333", "region": "eu-west-1"}
ISSUER = "issuers.corp"
TARGET = "targets.prod"
STATEMENT = f"{TARGET}.policy.Statement.0"
REPLICATION = {
    "account": "444455556666",
    "region": "us-east-2",
    "records_bucket": "records-replica",
    "seals_bucket": "seals-replica",
    "key_arn": "arn:aws:kms:us-east-2:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab",
}
OWN_KEY = REPLICATION["key_arn"].replace("444455556666", PLACE["account"])
PRIVATE = PLACE | {"private_api": {"vpc_endpoints": ["vpce-0a1b2c3d"]}}
DOMAIN = {"name": "jitney.example.com", "certificate_arn": "arn:aws:acm:us-east-1:111122223333:certificate/1a2b"}
STREAM = "arn:aws:dynamodb:eu-west-1:111122223333:table/audit-2/stream/2026-11-29T02:00:00.000"
RESTORED = {"state_table": "state-2", "audit_table": "audit-2", "audit_stream_arn": STREAM}
REFUSED = [
    # The change, the problem's path, what is wrong, and the fix.
    ((f"{ISSUER}.algorithms", ["HS256"]), f"{ISSUER}.algorithms.0", '"HS256" is not an accepted', "RS256 or RS384"),
    ((f"{ISSUER}.algorithms", ["RS256", "none"]), f"{ISSUER}.algorithms.1", '"none" is not', "RS256 or RS384"),
    ((f"{ISSUER}.algorithms", ["rs256"]), f"{ISSUER}.algorithms.0", '"rs256" is not', "RS256 or RS384"),
    ((f"{ISSUER}.algorithms", ["RS256", "RS256"]), f"{ISSUER}.algorithms", "listed twice", "once"),
    ((f"{ISSUER}.algorithms", []), f"{ISSUER}.algorithms", "empty", "at least one"),
    ((f"{ISSUER}.algorithms", "RS256"), f"{ISSUER}.algorithms", "not a list", "[a, b]"),
    ((f"{ISSUER}.leeway_seconds", 61), f"{ISSUER}.leeway_seconds", "61 is too large", "at most 60"),
    ((f"{ISSUER}.leeway_seconds", -1), f"{ISSUER}.leeway_seconds", "-1 is too small", "at least 0"),
    ((f"{ISSUER}.leeway_seconds", "soon"), f"{ISSUER}.leeway_seconds", '"soon" is not a whole number', "digits"),
    ((f"{ISSUER}.leeway_seconds", "1.5"), f"{ISSUER}.leeway_seconds", '"1.5" is not a whole number', "digits"),
    ((f"{ISSUER}.max_age_seconds", "15m"), f"{ISSUER}.max_age_seconds", "not a whole number", "digits only: 900"),
    ((f"{ISSUER}.max_age_seconds", "2 hours"), f"{ISSUER}.max_age_seconds", "not a whole number", "digits only: 7200"),
    (("limits", {"max_pairs": "3m"}), "limits.max_pairs", "not a whole number", "write digits only"),
    ((f"{ISSUER}.max_age_seconds", 90000), f"{ISSUER}.max_age_seconds", "too large", "86400"),
    ((f"{ISSUER}.audiences", []), f"{ISSUER}.audiences", "empty", "at least one"),
    ((f"{ISSUER}.audiences", None), f"{ISSUER}.audiences", "missing", "audiences:"),
    ((f"{ISSUER}.audiences", ["*"]), f"{ISSUER}.audiences", "wildcard", "exactly"),
    ((f"{ISSUER}.audiences", ["a", "a"]), f"{ISSUER}.audiences", '"a" is listed twice', "once"),
    ((f"{ISSUER}.audiences", [""]), f"{ISSUER}.audiences.0", "empty", "value"),
    ((f"{ISSUER}.audiences", [["a"]]), f"{ISSUER}.audiences.0", "not plain text", "single value"),
    ((f"{ISSUER}.issuer", "http://idp.example.com"), f"{ISSUER}.issuer", "not an https", "make up"),
    ((f"{ISSUER}.issuer", "idp.example.com"), f"{ISSUER}.issuer", "not an https", "https"),
    ((f"{ISSUER}.issuer", "https://"), f"{ISSUER}.issuer", "not a plain address", "https://host"),
    ((f"{ISSUER}.issuer", "https://a@idp.example.com"), f"{ISSUER}.issuer", "not a plain address", "no user"),
    ((f"{ISSUER}.issuer", "https://idp.example.com?x=1"), f"{ISSUER}.issuer", "query", "iss"),
    ((f"{ISSUER}.jwks_uri", "https://[::1/k"), f"{ISSUER}.jwks_uri", "not an address", "https://host"),
    ((f"{ISSUER}.jwks_uri", "https://host:99999/k"), f"{ISSUER}.jwks_uri", "not an address", "https://host"),
    ((f"{ISSUER}.jwks_uri", "http://idp.example.com/k"), f"{ISSUER}.jwks_uri", "not an https", "https"),
    ((f"{ISSUER}.jwks_uri", "file:///etc/passwd"), f"{ISSUER}.jwks_uri", "not an https", "https"),
    ((f"{ISSUER}.jwks_uri", "https://idp.example.com/k#f"), f"{ISSUER}.jwks_uri", "not a plain address", "fragment"),
    ((f"{ISSUER}.jwks_uri", "https://idp.example.com\\@evil"), f"{ISSUER}.jwks_uri", "not a plain", "https://host"),
    ((f"{ISSUER}.jwks_uri", "https://idp.example.com\\evil"), f"{ISSUER}.jwks_uri", "not a plain", "https://host"),
    ((f"{ISSUER}.jwks_uri", "https://idp.example.com/a b"), f"{ISSUER}.jwks_uri", "not a plain address", "space"),
    ((f"{ISSUER}.provider", "generik"), f"{ISSUER}.provider", '"generik" is not a provider', "generic"),
    ((f"{ISSUER}.token", "refresh"), f"{ISSUER}.token", '"refresh" is not accepted', "'access' or 'id'"),
    ((f"{ISSUER}.kind", "robot"), f"{ISSUER}.kind", '"robot" is not accepted', "'agent' or 'human'"),
    ((f"{ISSUER}.replay", "always"), f"{ISSUER}.replay", '"always" is not accepted', "'reuse' or 'single_use'"),
    ((f"{ISSUER}.subject_groups", {"": ["a"]}), f"{ISSUER}.subject_groups.", "empty", "value"),
    ((f"{ISSUER}.subject_groups", {"bob": "admins"}), f"{ISSUER}.subject_groups.bob", "not a list", "[a, b]"),
    ((f"{ISSUER}.audience", ["x"]), f"{ISSUER}.audience", "no such key", "did you mean audiences or audience_claim?"),
    ((f"{ISSUER}.zzz", "1"), f"{ISSUER}.zzz", "no such key", "use one of issuer, provider"),
    (web(), f"{ISSUER}", "people's ID tokens", "kind: human"),
    (web(kind="human"), f"{ISSUER}", "people's ID tokens", "token: id"),
    (web(kind="human", token="id", audiences=["other"]), f"{ISSUER}", "not among its audiences", "add jitney"),
    (web(kind="human", token="id", provider="entra"), f"{ISSUER}", 'without "profile"', "[openid, profile]"),
    (for_reviews(kind="agent"), f"{ISSUER}", "not only for tokens", "kind: human"),
    (for_reviews(web=web()[1]["web"]), f"{ISSUER}", "not only for tokens", "without web"),
    (for_reviews(human_issuer="staff"), f"{ISSUER}", "not only for tokens", "human_issuer"),
    (for_reviews(token="access"), f"{ISSUER}", "any client could get them", "token: id"),
    (for_reviews(max_age_seconds=901), f"{ISSUER}", "accepted for too long", "900 or less"),
    (for_reviews(max_age_seconds=None), f"{ISSUER}", "accepted for too long", "900 or less"),
    (for_reviews(require_iat=False), f"{ISSUER}", "accepted for too long", "leave require_iat out"),
    (for_reviews(token="access", clients=["cli"], dpop=True), f"{ISSUER}.dpop", "gets bearer tokens", "leave dpop or"),
    (bound(token="id"), f"{ISSUER}.dpop", "ID tokens are not bound", "token: access"),
    *(
        (bound(issuer=issuer, jwks_uri=f"{issuer}/k"), f"{ISSUER}.dpop", "binds no token", "leave dpop out")
        for issuer in ("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc", "https://gitlab.com")
    ),
    (bound(provider="entra", human_issuer=""), f"{ISSUER}.dpop", "entra binds no token", "leave dpop out"),
    (web(scopes=["email"]), f"{ISSUER}.web.scopes", 'without "openid"', "[openid"),
    (web(scopes=["openid", "a b"]), f"{ISSUER}.web.scopes", "has a space", "[openid"),
    ((f"{ISSUER}.subject_pattern", "[a-z]+"), f"{ISSUER}.subject_pattern", "subjects are agents", "of the people"),
    (("issuers.staff.provider", "okta"), "issuers.staff.subject_pattern", "of okta's subjects is known", "leave"),
    (web(token_url="http://idp.example.com/token"), f"{ISSUER}.web.token_url", "not an https", "https"),
    (web(client="x"), f"{ISSUER}.web.client", "no such key", "client_id"),
    (("issuers.Corp_1", valid()["issuers"]["corp"]), "issuers.Corp_1", "cannot be used", "lower-case"),
    (("issuers", {}), "issuers", "empty", "at least one"),
    (("issuers", "x"), "issuers", "not a mapping", "key: value"),
    (("issuers.corp", "x"), "issuers.corp", "not a mapping", "key: value"),
    ((f"{TARGET}.account", "44445555666"), f"{TARGET}.account", "cannot be used", "12 digits"),
    ((f"{TARGET}.account", "4444-5555-6666"), f"{TARGET}.account", "cannot be used", "12 digits"),
    ((f"{TARGET}.account", "٤٤٤٤٥٥٥٥٦٦٦٦"), f"{TARGET}.account", "cannot be used", "12 digits"),
    ((f"{TARGET}.region", "eu-wset-1"), f"{TARGET}.region", "cannot be used", "eu-west-1"),
    ((f"{TARGET}.region", "us-iso-east-1"), f"{TARGET}.region", "cannot be used", "aws, aws-cn or aws-us-gov"),
    ((f"{TARGET}.region", "europe"), f"{TARGET}.region", "cannot be used", "eu-west-1"),
    ((f"{TARGET}.role_name", "a/b"), f"{TARGET}.role_name", "cannot be used", "letters"),
    ((f"{TARGET}.role_name", "a.Role2"), f"{TARGET}.role_name", "further roles", "another name"),
    (("broker", PLACE | {"lambda_executions": 999}), "broker.lambda_executions", "too small", "at least 1000"),
    (("broker", PLACE | {"lambda_executions": 100001}), "broker.lambda_executions", "too large", "at most 100000"),
    (("broker", PLACE | {"lambda_executions": "4k"}), "broker.lambda_executions", "not a whole number", "digits"),
    (("broker", PLACE | {"runbooks_url": "docs"}), "broker.runbooks_url", "not an https", "https"),
    ((f"{TARGET}.roles", 0), f"{TARGET}.roles", "too small", "at least 1"),
    ((f"{TARGET}.roles", 11), f"{TARGET}.roles", "too large", "at most 10"),
    ((TARGET, valid()["targets"]["prod"] | {"role_name": "r" * 58, "roles": 10}), TARGET, "have 65", "by 1 char"),
    (("targets", dict(many(each, roles=10) for each in range(11))), "targets", "110 roles", "at most 100"),
    ((f"{TARGET}.external_id", "mine"), f"{TARGET}.external_id", "made by the broker", "leave it out"),
    ((f"{TARGET}.max_duration_seconds", 3601), f"{TARGET}.max_duration_seconds", "too large", "at most 3600"),
    ((f"{TARGET}.policy", None), TARGET, "may do nothing", "managed_policy"),
    ((f"{TARGET}.managed_policy", "ReadOnlyAccess"), TARGET, "both a policy and", "one"),
    ((f"{TARGET}.managed_policies", ["ReadOnlyAccess"]), f"{TARGET}.managed_policies", "no such key", "managed_policy"),
    ((f"{TARGET}.policy", {"Statement": []}), f"{TARGET}.policy", "no statements", "Statement:"),
    ((f"{TARGET}.policy", {"Statement": statement()}), f"{TARGET}.policy", "no statements", "Statement:"),
    (
        (f"{TARGET}.policy", {"Statement": [statement("arn:aws:s3:::" + "x" * 10300)]}),
        TARGET,
        "boundary would have 12",
        "managed_policy",
    ),
    ((f"{TARGET}.other_accounts", ["44445555666"]), f"{TARGET}.other_accounts.0", "cannot be used", "12 digits"),
    ((f"{TARGET}.other_accounts", ["012345670123"]), TARGET, "own account", "other accounts only"),
    ((f"{TARGET}.other_accounts", ["1" * 12, "1" * 12]), f"{TARGET}.other_accounts", "twice", "once"),
    ((f"{TARGET}.other_regions", ["virginia"]), f"{TARGET}.other_regions.0", "cannot be used", "eu-west-1"),
    ((f"{TARGET}.other_regions", ["eu-west-1"]), TARGET, "own Region", "other Regions only"),
    ((f"{TARGET}.other_regions", ["cn-north-1"]), TARGET, "another partition", "Regions of aws"),
    (
        (f"{TARGET}.any_account_actions", ["ecr:BatchGetImages"]),
        f"{TARGET}.any_account_actions.0",
        "not an action",
        "ecr:Bat",
    ),
    ((f"{TARGET}.any_region_actions", ["route5:*"]), f"{TARGET}.any_region_actions.0", "not an action", "route53:*"),
    ((f"{TARGET}.any_region_actions", ["*"]), f"{TARGET}.any_region_actions.0", "not an action", "of one service"),
    ((f"{TARGET}.policy", {"Statement": ["Allow"]}), STATEMENT, "lacks Action", "Effect, Action and Resource"),
    ((f"{TARGET}.policy", {"Statement": [{"Effect": "Allow"}]}), STATEMENT, "lacks Action, Resource", "Resource"),
    ((f"{TARGET}.policy", {"Statement": [statement() | {"NotAction": "a"}]}), STATEMENT, "has NotAction", "NotAction"),
    ((f"{TARGET}.tags", {"env": "é"}), f"{TARGET}.tags.env", "cannot be used", "letters"),
    (("targets", {}), "targets", "empty", "at least one"),
    (("targets", dict(map(many, range(101)))), "targets", "101 roles", "at most 100"),
    (("targets", dict(map(many, range(36)))), "targets", "36 targets, and canary", "all_at_once"),
    (("reviewers", {"owners": ["staff/alice"]}), "reviewers.owners", "not a mapping", "below it"),
    (owners(), "reviewers.owners.members", "missing", "members:"),
    (owners(members=[]), "reviewers.owners.members", "empty", "at least one"),
    (owners(members=["other/alice"]), "reviewers.owners.members.0", 'no issuer "other"', "corp"),
    (owners(members=["alice"]), "reviewers.owners.members.0", "cannot be used", "staff/alice"),
    (owners(members=[""]), "reviewers.owners.members.0", "cannot be used", "alias"),
    (owners(members=["staff/a", "staff/a"]), "reviewers.owners.members", "listed twice", "once"),
    (owners(members=["staff/a"], approvals=2), "reviewers.owners", "needs 2 approvals", "add members"),
    (owners(members=["staff/a"], approvals=0), "reviewers.owners.approvals", "too small", "1"),
    (owners(members=["staff/a"], notify=["staff/b"]), "reviewers.owners", '"staff/b"', "members only"),
    (owners(members=["staff/a"], notify=["none/a"]), "reviewers.owners.notify.0", 'no issuer "none"', "corp"),
    (owners(members=["staff/a"], delegates=["none/a"]), "reviewers.owners.delegates.0", 'no issuer "none"', "corp"),
    (owners(members=["staff/a"], delegates=["staff/a"]), "reviewers.owners", '"staff/a"', "not members"),
    (owners(members=["a"]), "reviewers.owners.members.0", '"a" cannot be used here', "subject: staff/a"),
    (owners(members=["staff/a"], escalates_to="bosses"), "reviewers.owners.escalates_to", '"bosses"', "owners"),
    (
        owners(members=["staff/a"], channel="#all"),
        "reviewers.owners.channel",
        "owners has a channel, but slack is not configured",
        "leave",
    ),
    (("mail", {"sender": "jitney"}), "mail.sender", "cannot be used", "alice@example.com"),
    (("mail", {"sender": "Jitney <jitney@example.com>"}), "mail.sender", "cannot be used", "alice@example.com"),
    (("mail", {"sender": "a@example.com,b@example.com"}), "mail.sender", "cannot be used", "alice@example.com"),
    (("mail", {"sender": "a@example.com\nBcc: b@example.com"}), "mail.sender", "is invisible", "remove that character"),
    (("mail", {"sender": "jitn\u00e9y@example.com"}), "mail.sender", "cannot be used", "alice@example.com"),
    (("mail", {"from": "a@example.com"}), "mail.from", "no such key", "sender"),
    (("slack", slack(bot_token_arn="jitney/slack")), "slack.bot_token_arn", "cannot be used", "ARN"),
    (("slack", slack(signing_secret_arn=f"{SECRET}*")), "slack.signing_secret_arn", "cannot be used", "ARN"),
    (("slack", slack(signing_secret_arn=f"{SECRET}-bot")), "slack.signing_secret_arn", "is the same", "of its own"),
    (("slack", slack(signing_secret_arn=f"{SECRET}-bot-AbCdEf")), "slack.signing_secret_arn", "is the same", "its own"),
    (
        ("slack", slack(bot_token_arn=SECRET.replace("aws", "aws-cn", 1))),
        "slack.bot_token_arn",
        "in the partition aws-cn, but eu-central-1 is in aws",
        "write arn:aws:",
    ),
    (
        ("slack", slack(bot_token_arn=SECRET.replace("9999", "8888"))),
        "broker",
        "in the account 888811112222",
        "the broker's account 999911112222",
    ),
    (("slack", slack(workspace="jitney")), "slack.workspace", "cannot be used", "T0123ABCD"),
    (("slack", slack(api_url="http://slack.com/api/")), "slack.api_url", "not an https", "https"),
    (("slack", slack(api_url="https://slack.com/api")), "slack.api_url", "cannot be used", "GovSlack"),
    (("slack", slack(token="xoxb-1")), "slack.token", "no such key", "bot_token_arn"),
    (("people", {"staff/a": "x@y.org", "staff/b": "X@y.org"}), "people.staff/b", "people.staff/a has the same", "each"),
    (owners(members=["staff/a"], channel="# all"), "reviewers.owners.channel", "cannot be used", "#approvals"),
    (owners(members=["staff/a"], quorum=2), "reviewers.owners.quorum", "no such key", "approvals"),
    ((f"{ISSUER}.human_claim", "act.sub"), f"{ISSUER}.human_issuer", "missing", "sign in: staff"),
    ((f"{ISSUER}.human_issuer", "corp"), f"{ISSUER}.human_issuer", "of kind: human", "staff"),
    (
        (f"{ISSUER}.owners", {"bot": ["corp/a"]}),
        f"{ISSUER}.owners.bot.0",
        '"corp" is not of kind: human',
        "staff",
    ),
    ((f"{ISSUER}.owners", {"bot": ["none/a"]}), f"{ISSUER}.owners.bot.0", 'no issuer "none"', "corp"),
    ((f"{ISSUER}.owners", {"bot": ["a"]}), f"{ISSUER}.owners.bot.0", "cannot be used", "staff/a"),
    ((f"{ISSUER}.owners", {"bot": []}), f"{ISSUER}.owners.bot", "empty", "at least one"),
    (glass(people=[]), "break_glass", "names no people and no groups", "people or groups"),
    (glass(people=["none/a"]), "break_glass.people.0", 'no issuer "none"', "corp"),
    (glass(notify=["alice"]), "break_glass.notify.0", "cannot be used", "staff/alice"),
    (glass(groups=["none/on-call"]), "break_glass.groups.0", 'no issuer "none"', "corp"),
    (glass(groups=["on-call"]), "break_glass.groups.0", "cannot be used", "alias"),
    (glass(targets=["prode"]), "break_glass.targets.0", 'no target "prode"', "prod"),
    (glass(targets=[]), "break_glass.targets", "empty", "at least one"),
    (glass(max_duration_seconds=3601), "break_glass.max_duration_seconds", "too large", "3600"),
    (glass(follow_up_seconds=86401), "break_glass.follow_up_seconds", "too large", "86400"),
    (glass(own=True), "break_glass.own", "no such key", "own_requests"),
    (("reviewers", {"break-glass": {"members": ["staff/a"]}}), "reviewers.break-glass", "policies see", "another name"),
    (("people", {"staff/a": "a at example.com"}), "people.staff/a", "cannot be used", "alice@example.com"),
    (("people", {"none/a": "a@example.com"}), "people.none/a", 'no issuer "none"', "corp"),
    (("operators", ["security"]), "operators.0", "cannot be used", "local/security"),
    (("operators", ["other/security"]), "operators.0", 'no issuer "other"', "corp"),
    (("operators", ["staff/a", "staff/a"]), "operators", "listed twice", "once"),
    (("reviewers", {"all of them": {"members": ["staff/a"]}}), "reviewers.all of them", "cannot be used", "letters"),
    (("limits", {"max_body_bytes": 1048576}), "limits.max_body_bytes", "too large", "65536"),
    (("limits", {"min_duration_seconds": 60, "max_duration_seconds": 30}), "limits", "longer than", "raise"),
    (("limits", {"max_duration": 30}), "limits.max_duration", "no such key", "max_duration_seconds"),
    (("broker", {"account": "1", "region": "eu-west-1"}), "broker.account", "cannot be used", "12 digits"),
    (
        ("broker", {"account": "111122223333", "region": "eu-west-1", "deployment": "slow"}),
        "broker.deployment",
        '"slow" is not accepted',
        "canary",
    ),
    (
        ("broker", {"account": "111122223333", "region": "eu-west-1", "domain": DOMAIN}),
        "broker",
        "in another Region",
        "eu-west-1",
    ),
    *[
        (("broker", PLACE | {"private_api": {"vpc_endpoints": ids}}), f"broker.private_api.vpc_endpoints{where}", *rest)
        for ids, where, *rest in (
            ([], "", "empty", "at least one"),
            (["vpc-0a1b2c3d"], ".0", "cannot be used", "vpce-0a1b"),
            (["vpce-0a1b2c3d"] * 2, "", "listed twice", "once"),
        )
    ],
    (
        ("broker", PLACE | {"vpc": {"subnets": ["subnet-0a1b2c3d"]}}),
        "broker.vpc.security_groups",
        "missing",
        "security_groups",
    ),
    (
        ("broker", PLACE | {"vpc": {"subnets": ["a"], "security_groups": ["sg-0a1b2c3d"]}}),
        "broker.vpc.subnets.0",
        "cannot be used",
        "subnet-0a1b",
    ),
    *[
        (
            ("broker", PLACE | {"permissions_boundary": name}),
            "broker.permissions_boundary",
            "cannot be used",
            "the name",
        )
        for name in ("arn:aws:iam::111122223333:policy/company", "/company", "a" * 129, "company*")
    ],
    (
        (
            "broker",
            PLACE
            | {
                "region": "us-gov-west-1",
                "domain": DOMAIN
                | {
                    "certificate_arn": DOMAIN["certificate_arn"].replace(
                        "aws:acm:us-east-1", "aws-us-gov:acm:us-gov-west-1"
                    ),
                    "minimum_tls": "1.3",
                },
            },
        ),
        "broker",
        "API Gateway cannot refuse TLS 1.2 in us-gov-west-1",
        'minimum_tls: "1.2"',
    ),
    *[
        (("broker", PLACE | {"replication": REPLICATION | change}), f"broker{where}", wrong, fix)
        for change, where, wrong, fix in (
            ({"records_bucket": "arn:aws:s3:::records"}, ".replication.records_bucket", "cannot be", "not its ARN"),
            ({"seals_bucket": "Seals"}, ".replication.seals_bucket", "cannot be used", "bucket's name"),
            ({"seals_bucket": "records-replica"}, ".replication", "the same bucket", "two buckets"),
            ({"key_arn": "alias/replicas"}, ".replication.key_arn", "cannot be used", "key's ARN"),
            ({"key_arn": OWN_KEY.replace("key/", "alias/")}, ".replication.key_arn", "cannot be used", "not its alias"),
            ({"region": "eu-central-1"}, ".replication", "key is in us-east-2", "key in eu-central-1"),
            ({"key_arn": OWN_KEY}, ".replication", "belongs to the account 111122223333", "account 444455556666"),
            ({"account": "4444"}, ".replication.account", "cannot be used", "12 digits"),
            (
                {
                    "account": PLACE["account"],
                    "region": "eu-west-1",
                    "key_arn": OWN_KEY.replace("us-east-2", "eu-west-1"),
                },
                "",
                "broker's own account and Region",
                "another account",
            ),
            (
                {
                    "region": "cn-north-1",
                    "key_arn": REPLICATION["key_arn"].replace("aws:kms:us-east-2", "aws-cn:kms:cn-north-1"),
                },
                "",
                "and eu-west-1 are in different ones",
                "a Region of aws",
            ),
        )
    ],
    *[
        (("broker", PLACE | {"restored_tables": RESTORED | change}), f"broker{where}", wrong, fix)
        for change, where, wrong, fix in (
            (
                {"audit_table": "state-2", "state_table": "audit-2"},
                ".restored_tables",
                "is of audit-2",
                "print",
            ),
            ({"state_table": "audit-2"}, ".restored_tables", "state_table is audit-2", "prints them"),
            ({"audit_stream_arn": STREAM.replace("eu-west-1", "us-east-2")}, "", "111122223333 us-east-2", "leave"),
            ({"audit_stream_arn": STREAM.replace("1111", "4444")}, "", "444422223333 eu-west-1", "leave"),
        )
    ],
    (
        ("broker", PLACE | {"region": "us-east-1", "domain": DOMAIN, "account": "444455556666"}),
        "broker",
        "certificate is in another account",
        "444455556666",
    ),
    (("broker", PLACE | {"tags": {"Aws:team": "x"}}), "broker", "AWS reserves tags such as Aws:team", "another name"),
    (
        ("broker", PLACE | {"replication": {"account": "444455556666"}}),
        "broker.replication.region",
        "missing",
        "region",
    ),
    (("broker", {"acount": "111122223333"}), "broker.acount", "no such key", "account"),
    (("stack_set", {"organizational_units": []}), "stack_set.organizational_units", "empty", "at least one"),
    (("stack_set", {"organizational_units": ["prod"]}), "stack_set.organizational_units.0", "cannot be used", "ou-"),
    (("stack_set", {"units": ["r-ab12"]}), "stack_set.units", "no such key", "organizational_units"),
    (
        ("stack_set", {"organizational_units": ["r-ab12"], "delegated_admin": "perhaps"}),
        "stack_set.delegated_admin",
        "neither true nor false",
        "true or false",
    ),
    (("version", 2), "version", '"2" is not accepted', "1"),
    (("version", None), "version", "missing", "version:"),
    (("isuers", {}), "isuers", "no such key", "issuers"),
    (("policies", "nowhere"), "policies", "nowhere/ has no", "name a folder (relative to this file)"),
]


def test_the_small_configuration_is_accepted(compiled):
    assert compiled(valid()).local is False


@pytest.mark.parametrize(("change", "path", "wrong", "fix"), REFUSED, ids=[f"{row[0]}"[:70] for row in REFUSED])
def test_each_problem_has_its_place_and_its_fix(compiled, change, path, wrong, fix):
    found = problems(compiled, changed(change))
    assert path in found
    assert wrong in found[path][0]
    assert fix in found[path][1]


def test_all_problems_are_reported_in_the_order_of_the_file(compiled, tmp_path):
    second = valid()["issuers"]["corp"] | {"algorithms": ["HS256"]}
    document = changed(
        ("issuers.other", second), (f"{TARGET}.account", "1"), ("reviewers", {"a": {"members": ["x/y"]}})
    )
    with pytest.raises(ConfigurationError) as refusal:
        compiled(document | {"policies": "nowhere"})
    assert [path_of(each) for each in refusal.value.problems] == [
        "issuers.other.audiences.0",
        "issuers.other.algorithms.0",
        "targets.prod.account",
        "reviewers.a.members.0",
        "policies",
    ]
    text = str(refusal.value)
    assert text.startswith(f"{tmp_path / 'jitney.yaml'} has 5 problems:")
    lines = (tmp_path / "jitney.yaml").read_text(encoding="utf-8").splitlines()
    number = next(index for index, line in enumerate(lines, 1) if "account:" in line)
    assert re.search(rf"jitney\.yaml:{number}  targets\.prod\.account\n  wrong: .*\n  fix:   .*12 digits", text)
    assert "issuers.other.algorithms[0]" in text


def test_id_01_entries_of_one_issuer_differ_in_their_audiences_alone(compiled):
    corp = valid()["issuers"]["corp"]
    found = problems(compiled, changed(("issuers.again", corp)))
    assert found["issuers.again.audiences.0"][0] == "issuers.corp has the same issuer and this audience"
    other = {**corp, "audiences": ["jitney-web"], "jwks_uri": "https://other.example.com/keys", "provider": "okta"}
    found = problems(compiled, changed(("issuers.again", other)))
    assert {path: wrong for path, (wrong, _) in found.items()} == {
        "issuers.again.jwks_uri": "issuers.corp has the same issuer and another jwks_uri",
        "issuers.again.provider": "issuers.corp has the same issuer and another provider",
    }


def test_id_06_a_person_has_one_name_in_all_entries_of_an_issuer(compiled):
    corp, agents, staff = (valid()["issuers"]["corp"] for _ in range(3))
    agents |= {"audiences": ["jitney-agents"], "human_claim": "act.sub", "human_issuer": "staff"}
    staff |= {"audiences": ["jitney-web"], "kind": "human", "subject_pattern": "[a-z]+"}
    document = changed(
        ("issuers", {"corp": corp, "agents": agents, "staff": staff}),
        ("reviewers", {"a": {"members": ["staff/alice"]}}),
    )
    loaded = compiled(document, local=True)
    assert {entry.identity_name for entry in loaded.issuers.values()} == {"corp"}
    assert loaded.issuers["agents"].human_claim == "act.sub"
    people = PeopleIssuer("corp", "https://idp.example.com/", "generic", "[a-z]+")
    assert loaded.issuers["agents"].human_issuer == people
    assert loaded.reviewers["a"].members == ("corp.alice",)


def test_id_10_an_agent_has_the_same_owners_in_all_entries_of_its_issuer(compiled):
    corp, agents, staff = (valid()["issuers"]["corp"] for _ in range(3))
    corp |= {"owners": {"bot": ["staff/alice"]}}
    agents |= {"audiences": ["jitney-agents"], "owners": {"bot": ["staff/bob", "staff/alice"], "other": ["staff/bob"]}}
    staff |= {"issuer": "https://staff.example.com", "kind": "human"}
    document = changed(("issuers", {"corp": corp, "agents": agents, "staff": staff}))
    owned = {"bot": ("staff.alice", "staff.bob"), "other": ("staff.bob",)}
    loaded = compiled(document)
    assert {name: dict(entry.owners) for name, entry in loaded.issuers.items()} == {
        "corp": owned,
        "agents": owned,
        "staff": {},
    }
    found = problems(compiled, changed(("issuers", {"corp": corp, "staff": staff | {"owners": {"a": ["staff/b"]}}})))
    assert found["issuers.staff.owners"][0] == "the issuer's subjects are people"


def test_id_10_people_do_not_act_on_behalf_of_others(compiled):
    staff = valid()["issuers"]["corp"] | {"kind": "human", "human_claim": "act.sub", "human_issuer": "staff"}
    found = problems(compiled, changed((ISSUER, staff)))
    assert found == {f"{ISSUER}.human_claim": ("the issuer's subjects are people", found[f"{ISSUER}.human_claim"][1])}


def test_a_role_has_one_alias(compiled):
    found = problems(compiled, changed(("targets.again", valid()["targets"]["prod"])))
    assert found["targets.again.role_name"][0] == "targets.prod has the same account and role_name"


def test_a_role_has_one_alias_in_any_case_of_its_name(compiled):
    again = valid()["targets"]["prod"] | {"role_name": "Jitney-Target-Prod"}
    found = problems(compiled, changed(("targets.again", again)))
    assert found["targets.again.role_name"][0] == "targets.prod has the same account and role_name"


SAME = valid()["issuers"]["staff"] | {"audiences": ["jitney-review"], "for_reviews": True, "max_age_seconds": 900}


def test_rev_04_one_person_under_two_aliases_has_one_vote(compiled):
    group = owners(members=["staff/alice", "terminal/alice"], approvals=2)
    found = problems(compiled, changed(("issuers.terminal", SAME), group))
    wrong, fix = found["reviewers.owners.members"]
    assert wrong == "terminal/alice and staff/alice are one person, who has one vote"
    assert fix == "list the person once"
    addresses = ("people", {"staff/alice": "a@example.com", "terminal/alice": "alice@example.com"})
    found = problems(compiled, changed(("issuers.terminal", SAME), addresses))
    assert found["people.terminal/alice"][0] == "terminal/alice and staff/alice are one person"


@pytest.mark.parametrize(
    "way",
    [("issuers.terminal", SAME), ("slack", slack()), web(kind="human", token="id")],
    ids=["terminal", "slack", "web"],
)
def test_rev_06_reviewers_have_a_way_to_decide(compiled, way):
    group = owners(members=["staff/alice"])
    wrong, fix = problems(compiled, changed(group))["reviewers"]
    assert "no reviewer can decide" in wrong
    assert "add web" in fix
    assert compiled(changed(group), local=True)
    group = owners(members=["corp/alice"]) if way[0] == ISSUER else group
    group = owners(members=["staff/alice"], channel="#all") if way[0] == "slack" else group
    assert compiled(changed(group, way, *([("issuers.staff", None)] if way[0] == ISSUER else [])))


MAIL = ("mail", {"sender": "jitney@example.com"})
TO_ALICE = ("people", {"staff/alice": "alice@example.com"})


@pytest.mark.parametrize(
    ("channels", "fix"),
    [
        ([("slack", slack())], "give it a channel"),
        ([MAIL], "write the members' addresses under people"),
        ([("slack", slack()), MAIL], "give it a channel or write the members' addresses"),
        ([("slack", slack()), TO_ALICE], "give it a channel"),
        ([MAIL, ("people", {"staff/bob": "bob@example.com"})], "write the members'"),
    ],
)
def test_rev_06_a_group_that_no_channel_notifies_is_refused(compiled, channels, fix):
    wrong, shown = problems(compiled, changed(owners(members=["staff/alice"]), *channels), local=True)["people"]
    assert wrong == "nothing notifies reviewers.owners: it has no channel, and no member has an address for mail"
    assert fix in shown


def test_rev_06_a_channel_or_the_address_of_one_member_notifies_a_group(compiled):
    by_slack = owners(members=["staff/alice"], channel="#all")
    assert compiled(changed(by_slack, ("slack", slack())), local=True).reviewers
    both = owners(members=["staff/alice", "staff/bob"])
    assert compiled(changed(both, MAIL, TO_ALICE), local=True).reviewers
    again = ("people", {"terminal/alice": "alice@example.com"})
    assert compiled(changed(both, MAIL, again, ("issuers.terminal", SAME)), local=True).reviewers
    assert compiled(changed(both), local=True).reviewers


def test_rev_08_break_glass_is_on_the_pages(compiled):
    wrong, fix = problems(compiled, changed(glass(), ("slack", slack())))["break_glass"]
    assert "no issuer has web" in wrong
    assert "leave break_glass out" in fix
    assert compiled(changed(glass()), local=True).break_glass


def test_id_10_a_wrong_kind_or_issuer_of_people_has_no_misleading_further_problems(compiled):
    group = owners(members=["staff/alice"])
    found = problems(compiled, changed(("issuers.staff.kind", "Human"), group))
    assert found["reviewers.owners.members.0"][1] == "write kind: human in issuers.staff, if people sign in with it"
    of_agent = ((f"{ISSUER}.human_claim", "act.sub"), (f"{ISSUER}.human_issuer", "staff"))
    found = problems(compiled, changed(("issuers.staff.kind", "Human"), *of_agent))
    assert found[f"{ISSUER}.human_issuer"][1] == "write kind: human in issuers.staff"
    found = problems(compiled, changed(("issuers.staff.issuer", "staff.example.com"), group))
    assert list(found) == ["issuers.staff.issuer"]


IMPOSSIBLE_TIMES = [
    # The changes, what is wrong, and the fix.
    (
        [("limits", {"min_duration_seconds": 60}), (f"{TARGET}.max_duration_seconds", 59)],
        "no grant can last 60 seconds, because targets.prod allows 59",
        "raise max_duration_seconds of targets.prod",
    ),
    (
        [("limits", {"min_duration_seconds": 60}), glass(max_duration_seconds=59)],
        "because break_glass allows 59",
        "of break_glass",
    ),
    (
        [("limits", {"review_seconds": 900}), owners(members=["staff/a"], escalates_to="owners")],
        "end after 900 seconds, and reviewers.owners escalates after 900: never",
        "raise review_seconds",
    ),
]


@pytest.mark.parametrize(("changes", "wrong", "fix"), IMPOSSIBLE_TIMES, ids=["target", "break_glass", "escalation"])
def test_ops_02_limits_leave_time_for_what_is_configured(compiled, changes, wrong, fix):
    found = problems(compiled, changed(*changes), local=True)
    assert wrong in found["limits"][0]
    assert fix in found["limits"][1]
    (_, limits), other = changes
    later = {name: value + (1 if name == "review_seconds" else -1) for name, value in limits.items()}
    assert compiled(changed(("limits", later), other), local=True)


def settings_models(annotation: Any = Settings) -> Iterator[type[SettingsModel]]:
    """Yield the models of all parts of jitney.yaml."""
    if isinstance(annotation, type) and issubclass(annotation, SettingsModel):
        yield annotation
        parts = [each.annotation for each in annotation.model_fields.values()]
    else:
        parts = [*get_args(getattr(annotation, "__value__", annotation))]
    for each in parts:
        yield from settings_models(each)


@pytest.mark.parametrize("model", sorted(set(settings_models()), key=str), ids=lambda model: model.__name__)
def test_the_sample_file_explains_every_key(model: type[SettingsModel]):
    sample = (ROOT / "jitney.yaml").read_text(encoding="utf-8")
    assert [key for key in model.model_fields if not re.search(rf"\b{key}\b", sample)] == []


def test_only_one_issuer_has_a_web_client(compiled):
    _, entry = web(kind="human", token="id")
    other = copy.deepcopy(entry) | {"issuer": "https://other.example.com"}
    found = problems(compiled, changed(("issuers.corp", entry), ("issuers.other", other)))
    assert found["issuers.other.web"][0] == "issuers.corp has web, too"


def test_rev_17_tokens_for_reviews_are_peoples_own_and_short_lived(compiled):
    loaded = compiled(changed(for_reviews(), ("issuers.staff", None)))
    entry = loaded.issuers["corp"]
    assert (entry.for_reviews, entry.kind, entry.max_age_seconds) == (True, "human", 900)


def test_an_alias_appears_once(compiled):
    text = yaml.safe_dump(valid()).replace("targets:", "targets:\n  prod: {}", 1)
    assert "given twice" in problems(compiled, text)["targets.prod"][0]


def test_an_unset_variable_is_the_only_problem_about_its_value(compiled):
    found = problems(compiled, changed((f"{TARGET}.account", "${JITNEY_NOT_SET}")))
    assert list(found) == ["targets.prod.account"]
    assert "JITNEY_NOT_SET is not set" in found["targets.prod.account"][0]


@pytest.mark.parametrize("key", ["policies", "shadow_policies"])
def test_a_folder_without_a_name_is_one_problem(compiled, key):
    with pytest.raises(ConfigurationError) as refusal:
        compiled(yaml.safe_dump(valid()) + f"{key}: null\n")
    (problem,) = refusal.value.problems
    assert "no value" in problem.wrong


def test_pol_14_problems_of_shadow_policies_are_reported_with_all_others(compiled):
    found = problems(compiled, changed((f"{TARGET}.account", "1"), ("shadow_policies", "nowhere")))
    assert found.keys() == {f"{TARGET}.account", "shadow_policies"}


def test_variables_may_hold_any_value(compiled):
    document = changed((f"{ISSUER}.leeway_seconds", "${LEEWAY:-20}"), (f"{TARGET}.account", "${ACCOUNT}"))
    loaded = compiled(document, env={"ACCOUNT": "999900001111"})
    assert loaded.issuers["corp"].leeway_seconds == 20
    assert loaded.targets["prod"].account == "999900001111"


def test_http_is_for_a_local_system_only(compiled):
    document = changed((f"{ISSUER}.issuer", "http://127.0.0.1:9/"), (f"{ISSUER}.jwks_uri", "http://127.0.0.1:9/jwks"))
    assert set(problems(compiled, document)) == {f"{ISSUER}.issuer", f"{ISSUER}.jwks_uri"}
    loaded = compiled(document, local=True)
    assert loaded.local is True
    assert loaded.issuers["corp"].jwks_uri == "http://127.0.0.1:9/jwks"


def test_pol_02_policies_that_do_not_fit_the_schema_are_refused_when_the_stack_is_built(compiled, tmp_path):
    write_policies(tmp_path / "own", '@id("a")\npermit (principal, action, resource) when { resource.nam == "x" };\n')
    found = problems(compiled, valid() | {"policies": "own"})
    assert "nam" in found["policies"][0]
    assert "region" in found["policies"][1]


def test_a_policy_file_that_is_not_text_is_a_problem(compiled, tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "a.cedar").write_bytes(b"\xff")
    assert "utf-8" in problems(compiled, valid() | {"policies": "own"})["policies"][0]
    with pytest.raises(ConfigurationError, match=r"own/a\.cedar\n  wrong: the file is not text"):
        compiled(valid() | {"policies": "own"})


def test_a_policies_folder_without_policies_is_refused(compiled, tmp_path):
    (tmp_path / "own").mkdir()
    assert "has no" in problems(compiled, valid() | {"policies": "own"})["policies"][0]


def test_a_policies_folder_with_a_copy_of_the_schema_is_refused_with_the_fix(compiled, tmp_path):
    write_policies(tmp_path / "own")
    (tmp_path / "own" / "schema.cedarschema").write_bytes(SCHEMA.read_bytes())
    with pytest.raises(ConfigurationError, match=r"own/schema\.cedarschema\n  wrong: .*ships it\n  fix:   del"):
        compiled(valid() | {"policies": "own"})


@pytest.mark.parametrize("change", ["change", "rename"])
def test_the_policy_version_changes_with_any_text(compiled, tmp_path, change):
    folder = tmp_path / "own"
    folder.mkdir()
    for path in (tmp_path / "policies").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "b.cedar").write_text('@id("b") permit (principal, action, resource);', encoding="utf-8")
    before = compiled(valid() | {"policies": "own"}).policies
    assert before.version == compiled(valid() | {"policies": "own"}).policies.version
    path = folder / "a.cedar"
    if change == "rename":
        path.rename(folder / "c.cedar")
    else:
        path.write_text(path.read_text(encoding="utf-8") + "\n// more\n", encoding="utf-8")
    after = compiled(valid() | {"policies": "own"}).policies
    assert len(after.version) == len(hashlib.sha256().hexdigest())
    assert after.version != before.version


CHANGES = {
    "operator": lambda document: document.update(operators=["corp/mallory"]),
    "limit": lambda document: document["limits"].update(max_pending=11),
    "target": lambda document: document["targets"]["prod"].update(sealed=True),
    "time window": lambda document: document.update(time_windows={"late": {"time_zone": "UTC", "weekly": [{}]}}),
}


@pytest.mark.parametrize("name", [*CHANGES, "policies"])
def test_aud_01_the_digest_changes_with_any_setting_and_policy(compiled, tmp_path, name):
    document = valid()
    document.setdefault("limits", {})
    before = compiled(document).digest
    assert before == compiled(document).digest
    if name == "policies":
        path = tmp_path / "policies" / "a.cedar"
        path.write_text(path.read_text(encoding="utf-8") + "\n// more\n", encoding="utf-8")
    else:
        CHANGES[name](document)
    after = compiled(document).digest
    assert after != before
    assert re.fullmatch(r"[0-9a-f]{32}", after)


def test_accepted_values_reach_the_functions_unchanged(compiled):
    issuer = {
        "issuer": "https://idp.example.com/",
        "provider": "generic",
        "token": "id",
        "jwks_uri": "https://keys.example.com/jwks",
        "audiences": ["jitney", "other"],
        "clients": ["cli"],
        "algorithms": ["ES256"],
        "kind": "human",
        "replay": "single_use",
        "max_age_seconds": 600,
        "leeway_seconds": 0,
        "groups_claim": "roles",
        "human_claim": "",
        "human_issuer": "",
        "subject_pattern": "",
        "grants_end_with_token": True,
        "for_reviews": False,
        "dpop": False,
        "subject_groups": {"bob@example.com": ["admins", "writers"]},
        "audience_claim": "aud",
        "require_iat": True,
        "claims": {
            "require": {"email": ["*@example.com"]},
            "subject": ["email"],
            "unit": [],
            "groups": ["realm_access.roles"],
            "facts": {"Team": "team"},
            "tags": {"level": "long"},
        },
        "web": {
            "client_id": "other",
            "authorization_url": "https://idp.example.com/auth?prompt=login",
            "token_url": "https://idp.example.com/token",
            "scopes": ["openid", "roles"],
        },
    }
    document = changed(
        ("issuers.staff", None),
        (ISSUER, issuer),
        owners(members=["corp/alice", "corp/a b/c"], notify=["corp/alice"], approvals=2, escalates_to="owners"),
        ("people", {"corp/a b/c": "a@example.com"}),
        ("mail", {"sender": "jitney@example.com"}),
        ("limits", {"min_duration_seconds": 60, "max_pairs": 7}),
        (f"{TARGET}.tags", {"env": "prod", "version": "1.10"}),
        (f"{TARGET}.region", "us-gov-west-1"),
    )
    loaded = compiled(document, env={"CDK_DEFAULT_REGION": "us-gov-east-1"})
    tuples = {key: tuple(value) if isinstance(value, list) else value for key, value in issuer.items()}
    tuples["subject_groups"] = {"bob@example.com": ("admins", "writers")}
    rules = issuer["claims"] | {"require": {"email": ("*@example.com",)}}
    tuples["claims"] = ClaimRules(**{k: tuple(v) if isinstance(v, list) else v for k, v in rules.items()})
    tuples["web"] = config.Web(**issuer["web"] | {"scopes": ("openid", "roles")})
    read_back = loaded.issuers["corp"]
    assert {item.name: getattr(read_back, item.name) for item in dataclasses.fields(read_back)} == tuples | {
        "name": "corp",
        "identity_name": "corp",
        "human_issuer": None,
        "owners": {},
        "key_set": "",
    }
    target = loaded.targets["prod"]
    assert target.role_arn == "arn:aws-us-gov:iam::012345670123:role/jitney/jitney-target-prod"
    assert (target.alias, target.tags) == ("prod", {"env": "prod", "version": "1.10"})
    alice, other = (source_identity("corp", "https://idp.example.com/", each) for each in ("alice", "a b/c"))
    assert loaded.reviewers == {"owners": config.ReviewerGroup((alice, other), 2, (alice,), "owners", 900, "")}
    assert loaded.emails == {other: "a@example.com"}
    assert loaded.mail == config.MailConfig("jitney@example.com")
    assert compiled(valid()).mail is None
    assert loaded.limits == config.Limits(60, 3600, 65536, 7, 3600, 30)
    assert '@id("a")' in loaded.policies.text
    assert "namespace Jitney" in loaded.policies.schema


def test_rev_08_break_glass_reaches_the_functions(compiled):
    loaded = compiled(changed(glass(groups=["corp/on-call"], notify=["staff/olga"])), local=True)
    assert loaded.break_glass == config.BreakGlassConfig(
        ("staff.gina",), ("corp/on-call",), ("prod",), ("staff.olga",), 900, 86400, own_requests=False
    )
    assert compiled(valid()).break_glass is None


def test_slack_and_peoples_addresses_reach_the_functions(compiled):
    loaded = compiled(changed(("slack", slack()), ("people", {"staff/alice": "a@example.com"})))
    assert loaded.slack == config.SlackConfig(
        f"{SECRET}-bot", f"{SECRET}-signing-AbCdEf", "T0123ABCD", "https://slack.com/api/"
    )
    assert loaded.subjects == {"staff.alice": ("staff", "alice")}
    assert compiled(valid()).slack is None


@pytest.mark.parametrize(("written", "named"), [(f"{SECRET}-AbCdEf", f"{SECRET}-AbCdEf"), (SECRET, f"{SECRET}-??????")])
def test_a_policy_names_a_secret_with_or_without_its_suffix(written, named):
    assert secret_resource(written) == named


@pytest.mark.parametrize("unset", list(BROKER))
def test_ops_02_without_a_place_for_the_broker_only_a_local_system_has_one(compiled, unset):
    assert problems(compiled, valid(), env={unset: ""})["broker"][0] == "nothing says where the broker is deployed"
    assert compiled(valid(), env={unset: ""}, local=True).targets


def test_the_functions_and_the_trust_policy_have_the_same_external_id(compiled):
    of_broker = compiled(valid()).targets["prod"].external_id
    of_another = compiled(valid(), env={"CDK_DEFAULT_ACCOUNT": "111111111111"}).targets["prod"].external_id
    assert of_broker != of_another
    assert of_broker == external_id("prod", TargetSettings.model_validate(valid()["targets"]["prod"]), "999911112222")


def test_gw_12_a_target_has_its_own_limits_of_calls_and_otherwise_those_of_every_target(compiled):
    document = valid()
    document.setdefault("limits", {})["call_limits"] = {"calls": 50, "bytes_out": 1000}
    document["targets"]["prod"]["call_limits"] = {"calls": 5, "items_deleted": 1}
    limits = compiled(document).targets["prod"].call_limits
    assert limits == CallLimits(calls=5, bytes_out=1000, items_deleted=1)


def test_gw_12_prices_of_instances_are_dollars_an_hour(compiled):
    document = valid()
    document["limits"] = {"hourly_prices": {"t3.micro": 0.0104, "db.r6g.16xlarge": "7.68", "t4g.nano": "0.000001"}}
    assert dict(compiled(document).limits.hourly_prices) == {
        "t3.micro": 10_400,
        "db.r6g.16xlarge": 7_680_000,
        "t4g.nano": 1,
    }


@pytest.mark.parametrize("price", ["0", "-1", "free", "NaN", "sNaN", "Infinity", "0.0000001", "10001", "1e9"])
def test_gw_12_a_price_is_a_positive_number_of_dollars(compiled, price):
    document = valid()
    document["limits"] = {"hourly_prices": {"t3.micro": price}}
    assert "is not a price" in problems(compiled, document)["limits.hourly_prices.t3.micro"][0]


def test_a_target_can_require_tickets(compiled):
    document = valid()
    assert compiled(document).targets["prod"].ticket_patterns == ()
    document["targets"]["prod"]["ticket_patterns"] = ["OPS-*", "?*", "OPS 1"]
    assert compiled(document).targets["prod"].ticket_patterns == ("OPS-*", "?*", "OPS 1")


@pytest.mark.parametrize(
    ("patterns", "said"),
    [
        (["OPS-*", "OPS-*"], "twice"),
        (["**"], '"**" accepts requests without a ticket'),
        *(
            ([pattern], "is written as a regular expression, so it matches no ticket")
            for pattern in ("OPS-[0-9]+", "^OPS-*", "OPS-*$", "(OPS|CHG)-*", r"OPS-\d+", "OPS-.*", "OPS-.+")
        ),
        ([""], "up to 100 printable ASCII characters"),
        ([" "], "it begins or ends with a space"),
        (["x" * 101], "up to 100 printable ASCII characters"),
        (["größe-*"], "up to 100 printable ASCII characters"),
        ([f"OPS-{number}" for number in range(11)], "10"),
    ],
)
def test_ticket_patterns_that_no_ticket_or_no_ticket_at_all_can_match_are_refused(compiled, patterns, said):
    document = valid()
    document["targets"]["prod"]["ticket_patterns"] = patterns
    assert said in str(problems(compiled, document))


def test_the_settings_have_the_fields_that_the_functions_read():
    read = {item.name for item in dataclasses.fields(Issuer)}
    assert set(IssuerSettings.model_fields) - {"jwks_file"} | {"name", "identity_name", "key_set"} == read
    assert tuple(ClaimSettings.model_fields) == ClaimRules._fields
    assert tuple(CallLimitSettings.model_fields) == CallLimits._fields
    assert CallLimitSettings().model_dump() == CallLimits()._asdict()
    assert set(LimitSettings.model_fields) - {"call_limits"} == {
        item.name for item in dataclasses.fields(config.Limits)
    }
    own = {"alias", "external_id", "role_arn", "boundary_arn", "deny_room", "canary"}
    assert {item.name for item in dataclasses.fields(Target)} - own <= set(TargetSettings.model_fields)


def test_ops_02_a_message_does_not_repeat_what_may_be_a_secret(compiled):
    token = "xoxb-1234567890-" + "a" * 24
    with pytest.raises(ConfigurationError) as refusal:
        compiled(changed(("slack", slack(bot_token_arn=token))))
    assert "the value cannot be used here" in str(refusal.value)
    assert token not in str(refusal.value)


def test_the_same_configuration_gives_the_same_text(compiled, tmp_path):
    compiled(valid())
    path = tmp_path / "jitney.yaml"
    first, second = (load_configuration(path, BROKER, local=False).json for _ in range(2))
    assert first == second
    assert json.loads(first)["local"] is False


@pytest.mark.parametrize("local", [True, False])
def test_the_sample_configuration_is_accepted_as_it_is(local):
    configuration = load_configuration(ROOT / "jitney.yaml", {}, local=local)
    loaded = config.load(configuration.json)
    assert list(loaded.targets) == ["analytics-prod"]
    assert loaded.targets["analytics-prod"].role_arn.endswith(":444455556666:role/jitney/jitney-target-analytics-prod")
    assert set(loaded.reviewers) == {"data-owners", "security"}


def test_a_missing_file_is_a_problem(tmp_path):
    with pytest.raises(ConfigurationError, match="No such file") as refusal:
        load_configuration(tmp_path / "none.yaml", {}, local=False)
    assert "JITNEY_CONFIG" in str(refusal.value)


def test_a_file_that_is_not_text_is_said(tmp_path):
    (tmp_path / "jitney.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        load_configuration(tmp_path / "jitney.yaml", {}, local=False)


@pytest.mark.parametrize("text", ["", "[]", "just text", "a: [", "version: 1\nversion: 1\n"])
def test_an_empty_file_is_refused(compiled, text):
    assert problems(compiled, text)


def test_a_file_that_is_not_yaml_has_that_problem_only(tmp_path):
    (tmp_path / "jitney.yaml").write_text("a: [1")
    with pytest.raises(ConfigurationError) as refusal:
        load_configuration(tmp_path / "jitney.yaml", {}, local=True)
    (only,) = refusal.value.problems
    assert "not YAML" in only.wrong


def test_refused_issuers_and_accounts_are_not_compared(compiled):
    document = valid()
    corp, prod = document["issuers"]["corp"] | {"issuer": "x"}, document["targets"]["prod"] | {"account": "1"}
    document["issuers"] = {"a": corp, "b": copy.deepcopy(corp) | {"provider": "okta"}}
    document["targets"] = {"a": prod, "b": copy.deepcopy(prod)}
    found = {path for path in problems(compiled, document) if path.startswith(("issuers", "targets"))}
    assert found == {"issuers.a.issuer", "issuers.b.issuer", "targets.a.account", "targets.b.account"}


PRIVATE_CONFLICTS = [
    # The change, the problem's path, what is wrong, and the fix.
    (("slack", slack()), "broker", "Slack cannot reach it", "notify by mail"),
    ((f"{TARGET}.bind_to_caller", "true"), "targets", "prod has bind_to_caller", "leave bind_to_caller out"),
]


REGION_CONFLICTS = [
    # The change, the problem's path, what is wrong, and the fix.
    (("slack", slack()), "broker", "a secret of slack is in eu-central-1", "use secrets in eu-west-1"),
    ((f"{TARGET}.region", "cn-north-1"), "targets", "no role there can trust a broker in eu-west-1", "in aws-cn"),
]


CHINA_CONFLICTS = [
    (("mail", {"sender": "jitney@example.com"}), "broker", "is not available in cn-north-1", "notify by Slack"),
    (
        ("stack_set", {"organizational_units": ["ou-ab12-11111111"]}),
        "stack_set",
        "in cn-north-1 cannot have organizational units",
        "a stack for each target",
    ),
]


@pytest.mark.parametrize(("change", "place", "wrong", "fix"), CHINA_CONFLICTS)
def test_ops_02_what_aws_does_not_have_in_china_is_refused_there(compiled, change, place, wrong, fix):
    compiled(changed(("broker", PLACE), change))
    china = (("broker", PLACE | {"region": "cn-north-1"}), (f"{TARGET}.region", "cn-north-1"))
    found = problems(compiled, changed(*china, change))
    assert place in found
    assert wrong in found[place][0]
    assert fix in found[place][1]


@pytest.mark.parametrize(("change", "place", "wrong", "fix"), REGION_CONFLICTS)
def test_ops_02_what_cannot_work_from_the_brokers_region_is_refused(compiled, change, place, wrong, fix):
    compiled(changed(("broker", PLACE)))
    found = problems(compiled, changed(("broker", PLACE), change))
    assert place in found
    assert wrong in found[place][0]
    assert fix in found[place][1]


def test_ops_02_a_target_in_the_brokers_own_account_says_so(compiled):
    own = (f"{TARGET}.account", BROKER["CDK_DEFAULT_ACCOUNT"])
    flag = (f"{TARGET}.in_broker_account", "true")
    wrong, fix = problems(compiled, changed(own))["targets"]
    assert "prod is in the broker's account 999911112222" in wrong
    assert "in_broker_account: true" in fix
    assert compiled(changed(own, flag))
    assert "and is not in the broker's account" in problems(compiled, changed(flag))["targets"][0]


def test_ops_02_replicas_may_be_in_the_same_region_of_another_account(compiled):
    there = {"region": PLACE["region"], "key_arn": REPLICATION["key_arn"].replace("us-east-2", PLACE["region"])}
    compiled(changed(("broker", PLACE | {"replication": REPLICATION | there})))


@pytest.mark.parametrize(("change", "place", "wrong", "fix"), PRIVATE_CONFLICTS)
def test_ops_02_a_private_api_is_refused_with_what_cannot_work_there(compiled, change, place, wrong, fix):
    compiled(changed(change))  # a public API has both
    compiled(changed(("broker", PRIVATE)))
    found = problems(compiled, changed(("broker", PRIVATE), change))
    assert found.keys() == {place}
    assert wrong in found[place][0]
    assert fix in found[place][1]
