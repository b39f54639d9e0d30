"""Lives of tokens: people, clients, jobs and pods choose what they may, and send their tokens (rows ID 3 to 14).

The agent that asks, the unit that pays, the human who may not decide, and the end of a grant come from the world that
signs the tokens (token_world.py) and from the history of the life.
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from jitney.core.access.grant import Grant, State
from jitney.core.identity import authenticate as authentication
from jitney.core.identity import claim_rules, claims, principal_mapping, token
from jitney.core.identity.authenticate import Authenticated
from jitney.core.identity.providers import PROVIDERS
from jitney.core.identity.providers.provider import Provider
from jitney.core.issuer_config import Issuer
from jitney.core.quotas import SingleUseKey
from jitney.core.review.content import content_hash
from jitney.handlers.caller import authentication as caller_authentication
from jitney.handlers.credentials import create_credentials
from jitney.handlers.grant_reads import list_grants
from jitney.handlers.grants import create_grant
from jitney.handlers.review.terminal_votes import vote_from_terminal
from jitney.handlers.suspensions import suspend
from tests.core.identity import minting
from tests.handlers import token_world as world
from tests.handlers.conftest import REQUEST_BODY, System
from tests.handlers.token_world import Asker, Bearer
from tests.lives import Chooser, live_many

LIVES = 40
KINDS = ("agent", "unit", "human")


@dataclass(frozen=True, eq=False)
class Sent:
    """A token: its text, its truth, when it is accepted, and its id if it is accepted only once."""

    text: str
    once: str
    bearer: Bearer
    begins: int
    ends: int
    expires: int


class IdentityLife:
    """Jitney over in-memory adapters, and what it may not forget about the world."""

    def __init__(self) -> None:
        self.system = System(config=world.world_configuration())
        self.system.ports.__dict__["keys"] = minting.KnownKeys(world.key_sets())
        self.sent: list[Sent] = []
        self.used: dict[str, int] = {}
        self.askers: dict[str, tuple[Sent, Asker]] = {}
        self.opened: Counter[Any] = Counter()
        self.suspended: set[tuple[str, Any]] = set()
        self.ids = 0

    @property
    def now(self) -> int:
        return self.system.now

    # What bearers do.

    def app(self, write: bool, how: dict[str, Any], **chosen: Any) -> None:
        self.ask(world.app(**chosen), write, **how)

    def developer(self, write: bool, how: dict[str, Any], **chosen: Any) -> None:
        self.ask(world.developer(**chosen), write, **how)

    def signed_in(self, write: bool, how: dict[str, Any], **chosen: Any) -> None:
        self.ask(world.signed_in(**chosen), write, **how)

    def job(self, write: bool, how: dict[str, Any], **chosen: Any) -> None:
        self.ask(world.job(**chosen), write, **how)

    def workflow(self, write: bool, how: dict[str, Any], **chosen: Any) -> None:
        self.ask(world.workflow(**chosen), write, **how)

    def pod(self, write: bool, how: dict[str, Any], **chosen: Any) -> None:
        self.ask(world.pod(**chosen), write, **how)

    def ask(self, minted: world.Minted, write: bool, age: int, life: int, seconds: int, jti: str, forged: str) -> None:
        """Get a token `age` seconds ago, valid for `life` seconds, and request access for `seconds` with it."""
        claims, bearer = minted
        self.ids += 1
        issued = self.now - age
        times = {"iat": issued, "exp": issued + life, "jti": jti or f"t{self.ids}", "nbf": issued}
        key = world.KEYS[claims["iss"]]
        text = world.signed(claims | times, "rsa" if forged == "key" else key, twice="sub" if forged == "twice" else "")
        bearer = bearer._replace(admitted=bearer.admitted and not forged)
        ends = min(issued + life, issued + world.LONGEST) + world.LEEWAY
        once = f"{claims['iss']} {times['jti']}" if bearer.once else ""
        self.sent.append(Sent(text, once, bearer, issued - world.LEEWAY, ends, issued + life))
        self.request(self.sent[-1], write, seconds)

    def repeat(self, at: int, write: bool) -> None:
        """Send an earlier token again."""
        if self.sent:
            self.request(self.sent[at % len(self.sent)], write, world.SHORTEST_GRANT)

    def request(self, token: Sent, write: bool, seconds: int) -> None:
        self.ids += 1
        action = "s3:PutObject" if write else "s3:GetObject"
        wanted = [{"actions": [action], "resources": [f"arn:aws:s3:::reports/2026/{self.ids}"]}]
        body = REQUEST_BODY | {"permissions": wanted, "duration_seconds": seconds}
        status, answer, _ = self.system.call(create_grant, body, token=token.text)
        expected = self.expected(token, write)
        assert status == expected, (status, answer.get("code"), expected, token.bearer)
        if status in (201, 202):
            grant = self.system.store.grants[answer["grant"]["id"]]
            self.askers[grant.id] = token, token.bearer.asker
            self.check_grant(grant, token)

    def expected(self, token: Sent, write: bool) -> int:
        """Return the status that a request must have, and count what it uses."""
        bearer = token.bearer
        if not self.accepts(token):
            return 401
        if self.is_suspended(bearer):
            return 403
        if bearer.ends_grants and token.expires - self.now < world.SHORTEST_GRANT:
            return 401
        if not bearer.permitted:
            return 403
        if write:
            return 202
        pays = bearer.unit, self.now // 3600
        if self.opened[pays] >= world.GRANTS_PER_HOUR:
            return 429
        self.opened[pays] += 1
        return 201

    def accepts(self, token: Sent) -> bool:
        """Return whether the token is admitted now. A single-use token uses its id up, until the token ends."""
        admitted = token.bearer.admitted and token.begins <= self.now < token.ends
        if not admitted or self.now < self.used.get(token.once, 0):
            return False
        if token.once:
            self.used[token.once] = token.ends
        return True

    def is_suspended(self, bearer: Bearer) -> bool:
        agent, human = bearer.asker
        person = human or (agent[1] if agent[0] == "person" else "")
        return not self.suspended.isdisjoint({("agent", agent), ("unit", bearer.unit), ("human", person)})

    def list_own(self, at: int) -> None:
        """List the grants of a token's bearer, also of a suspended one."""
        if not self.sent:
            return
        token = self.sent[at % len(self.sent)]
        status, answer, _ = self.system.call(list_grants, token=token.text)
        if not self.accepts(token):
            assert status == 401
            return
        own = {grant for grant, (_, asker) in self.askers.items() if asker == token.bearer.asker}
        assert (status, {each["id"] for each in answer["grants"]}) == (200, own)

    def fetch(self, at: int, grant: int) -> None:
        """Ask for the credentials of any grant."""
        if not self.sent or not self.askers:
            return
        token, grant_id = self.sent[at % len(self.sent)], sorted(self.askers)[grant % len(self.askers)]
        status, _, _ = self.system.call(create_credentials, token=token.text, grant_id=grant_id)
        if not self.accepts(token):
            assert status == 401
        elif self.is_suspended(token.bearer):
            assert status == 403
        else:
            own = self.askers[grant_id][1] == token.bearer.asker
            assert (status == 404) == (not own)
            assert status != 401

    # What reviewers and operators do.

    def vote(self, person: str, grant: int) -> None:
        """Approve any pending request in a terminal."""
        pending = [each for each in map(self.stored, sorted(self.askers)) if each.at(self.now).state is State.PENDING]
        if not pending or self.is_suspended(world.signed_in(person, "desk", actor=False)[1]):
            return
        grant_id = pending[grant % len(pending)].id
        token, asker = self.askers[grant_id]
        if self.is_suspended(token.bearer):
            return
        content = content_hash(self.stored(grant_id))
        body = {"verdict": "approve", "content": content, "confirmed": content}
        status, answer, _ = self.system.call(vote_from_terminal, body, token=self.own(person), grant_id=grant_id)
        wanted = (403, "own_request") if person in asker.people else (200, None)
        assert (status, answer.get("code")) == wanted, (person, asker, answer)

    def suspend(self, kind: str, grant: int) -> None:
        """Suspend the agent, the unit or the human of a grant, by the names that the grant shows."""
        if not self.askers:
            return
        grant_id = sorted(self.askers)[grant % len(self.askers)]
        token, (agent, human) = self.askers[grant_id]
        found = self.stored(grant_id)
        names = {"agent": found.principal, "unit": found.unit, "human": found.human.name if found.human else ""}
        of_kind = {"agent": agent, "unit": token.bearer.unit, "human": human}
        if not names[kind] or (kind, of_kind[kind]) in self.suspended or (kind, agent[0]) == ("agent", "person"):
            return
        body = {"kind": kind, "name": names[kind], "reason": "stop", "unseen": True}
        operator = self.own(world.OPERATOR, aud="web", groups=["security"])
        status, answer, _ = self.system.call(suspend, body, token=operator)
        assert status in (200, 201), answer
        self.suspended.add((kind, of_kind[kind]))

    def own(self, person: str, **claims: Any) -> str:
        self.ids += 1
        times = {"iat": self.now, "exp": self.now + 60, "jti": f"o{self.ids}"}
        return world.signed({"iss": world.HUB, "aud": "desk", "sub": person, **times, **claims}, world.KEYS[world.HUB])

    def wait(self, seconds: int) -> None:
        self.system.now += seconds

    # What must hold.

    def stored(self, grant_id: str) -> Grant:
        return self.system.store.grants[grant_id]

    def check_grant(self, grant: Grant, token: Sent) -> None:
        human = token.bearer.asker.human
        assert (grant.human.name if grant.human else "") == (f"staff.{human}" if human else "")
        assert grant.issuer == json.loads(minting.decode(token.text.split(".")[1]))["iss"]

    def check(self) -> None:
        """Each agent, human and unit has one name, which no other has. A grant ends with its token if it must."""
        agents, units = {}, {}
        for grant_id, (sent, asker) in self.askers.items():
            grant = self.stored(grant_id)
            agents.setdefault(grant.principal, set()).add(asker.agent)
            units.setdefault(grant.unit_key, set()).add(sent.bearer.unit)
            if sent.bearer.ends_grants:
                assert grant.expires_at <= sent.expires
        for names, truths in ((agents, {each.agent for _, each in self.askers.values()}),
                              (units, {each.bearer.unit for each, _ in self.askers.values()})):  # fmt: skip
            assert all(len(each) == 1 for each in names.values()), names
            assert len(names) == len(truths), names


PLACES = ("main", "a+env=b", "b", "a", "b+env=b", "%2B", "caf\u00e9", "cafe\u0301", "x" * 60, "x" * 61, "y\u200b")
ALIKE = (("a+env=b", "b"), ("a", "b+env=b"), ("caf\u00e9", "b"), ("cafe\u0301", "b"))
"""Branches and environments that joined texts or composed letters would confuse."""
CLIENTS = ("portal", "cli", "0001", "sub=0002")


def how(random: Random) -> dict[str, Any]:
    """Choose the times of a token, the request's duration, and how the token is forged, if at all."""
    return {
        "age": random.choice((*[0] * 20, 100, 329, 330, 3629, 3630, -30, -31)),
        "life": random.choice((300, 600, 900, 3600, 3600, 7200)),
        "seconds": random.choice((300, 900, 3600)),
        "jti": random.choice(("", "same")),
        "forged": random.choice(("",) * 20 + ("key", "twice")),
    }


def branch(random: Random) -> dict[str, Any]:
    """Choose the branch and the environment of a job."""
    apart = random.choice(PLACES), random.choice((*PLACES, *PLACES, "", ["a"], 7))
    return dict(zip(("ref", "env"), random.choice((apart, *ALIKE)), strict=True))


def asking(chosen: Chooser) -> Chooser:
    return lambda random: {"write": random.random() < 0.4, "how": how(random), **chosen(random)}


CHOOSERS: Mapping[str, Chooser] = {
    "app": asking(
        lambda random: {"client": random.choice(CLIENTS), "audience": random.choice(("jitney",) * 4 + ("dev",))}
    ),
    "developer": asking(
        lambda random: {
            "client": random.choice(CLIENTS),
            "person": random.choice(world.PEOPLE),
            "audience": random.choice(("dev", "dev", "dev", "jitney")),
            "email": random.random() < 0.5,
        }
    ),
    "signed_in": asking(
        lambda random: {
            "person": random.choice(world.PEOPLE),
            "audience": random.choice(("web", "web", "web", "desk")),
            "actor": random.random() < 0.2,
        }
    ),
    "job": asking(
        lambda random: {
            "project": random.choice((7, 7, 7, 7, 20, "20", "20+ref=main", True)),
            **branch(random),
            "audience": random.choice(("jitney", "short")),
            "attempt": random.choice((None, 1, 3) * 16 + (4, True, "1", 1.0, 2**70)),
            "prod": random.choice((None, False) * 20 + (True, "true", 0)),
            "starter": random.choice((None, "0001", "0002") * 6 + ("ada", ["0001"])),
        }
    ),
    "workflow": asking(
        lambda random: {
            "owner": random.choice(("583231",) * 12 + ("1",)),
            "repository": random.choice(("1", "1", "1", "12")),
            "ref": random.choice((*["refs/heads/main", "refs/heads/a", "refs/tags/a"] * 3, "refs/pull/1/merge")),
            "environment": random.choice((None, None, "prod", *PLACES, "z" * 300)),
        }
    ),
    "pod": asking(
        lambda random: {
            "namespace": random.choice(("agents", "agents", "agents", "agents-a")),
            "account": random.choice(("reader", "reader", "reader", "a-reader")),
            "created": random.choice((1, 2)),
            "pod_name": random.choice(("reader-0", "reader-1")),
        }
    ),
    "repeat": lambda random: {"at": random.randrange(1000), "write": random.random() < 0.4},
    "list_own": lambda random: {"at": random.randrange(1000)},
    "fetch": lambda random: {"at": random.randrange(1000), "grant": random.randrange(1000)},
    "vote": lambda random: {"person": random.choice(world.PEOPLE), "grant": random.randrange(1000)},
    "suspend": lambda random: {"kind": random.choice(KINDS), "grant": random.randrange(1000)},
    "wait": lambda random: {"seconds": random.choice((1, 30, 60, 300, 600, 3600))},
}
OFTEN = (*["app", "developer", "workflow", "pod", "vote"] * 3, *["job"] * 9, "fetch", "list_own", "repeat", "signed_in")


def live(lives: int = LIVES) -> None:
    live_many(IdentityLife, CHOOSERS, OFTEN, lives)


def test_id_10_jitney_takes_each_bearer_for_who_they_are():
    live()


def _provider(name: str, **changes: Any) -> dict[str, Provider]:
    return {**PROVIDERS, name: PROVIDERS[name]._replace(**changes)}


def _cut(alias: str, _issuer: str, subject: str) -> str:
    return re.sub("[^A-Za-z0-9_+=.@-]", "-", f"{alias}.{subject}")[:64]


def _without_end(*about: Any) -> Authenticated:
    return authenticated(*about)._replace(grants_end_by=None)


def _composed_letters(*about: Any) -> str:
    return unicodedata.normalize("NFC", claimed_subject(*about))


def _any_tag(_path: str, value: Any, kind: str) -> Any:
    return int(value) if kind == "long" else bool(value)


def _key_of_id(_token: Any, claims: Any, issuer: Issuer) -> SingleUseKey | None:
    return SingleUseKey(f"REPLAY#{claims['jti']}", claims["exp"]) if issuer.replay == "single_use" else None


authenticated, claimed_subject = authentication._authenticated, principal_mapping.claimed_subject
PLANTED: dict[str, tuple[Any, str, Any]] = {
    "takes a person's token for the client's own": (
        principal_mapping,
        "PROVIDERS",
        _provider("generic", human=lambda *_: None),
    ),
    "takes a client for the person whose subject is its id": (authentication, "check_agents_subject", lambda *_: None),
    "takes a client for the unit whose name it has": (authentication, "check_subject_is_no_unit", lambda *_: None),
    "takes tokens of any kind": (principal_mapping, "_check_kind", lambda *_: None),
    "lets a person who pushes choose the unit": (
        principal_mapping,
        "PROVIDERS",
        _provider("github_actions", unit=lambda claims, _: f"ref={claims['ref']}"),
    ),
    "takes a new account for the deleted one": (
        principal_mapping,
        "PROVIDERS",
        _provider("kubernetes", subject=lambda claims, _: claims["sub"]),
    ),
    "joins claims without escaping them": (claim_rules, "escaped", lambda text: text),
    "cuts long names": (principal_mapping, "source_identity", _cut),
    "takes two spellings for one": (principal_mapping, "claimed_subject", _composed_letters),
    "takes a tag of any type": (claim_rules, "_tag", _any_tag),
    "forgets the human": (principal_mapping, "_claimed_human", lambda *_: None),
    "lets a grant outlive its token": (authentication, "_authenticated", _without_end),
    "takes an expired token": (claims, "leeway", lambda _: 600),
    "takes a token twice": (caller_authentication, "use_up", lambda *_: None),
    "takes equal ids of two issuers for one": (authentication, "single_use_token", _key_of_id),
    "reads one of two members": (token, "strict_json", json),
}


@pytest.mark.slow
@pytest.mark.parametrize("bug", PLANTED)
def test_id_10_a_planted_bug_is_found(bug: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(*PLANTED[bug])
    with pytest.raises(AssertionError, match="seed"):
        live()
