"""A system whose configuration changes while it runs, by `make update`: its file, its agents and its people."""

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jwt
from botocore.exceptions import ClientError

from local import agent_shell
from local.settings import LocalSettings
from tests.cli import invoke
from tests.core.identity.minting import private_key
from tests.running_systems import PATIENCE, Clients, root_keys, run_local, session_keys, until
from tests.system.conftest import Api
from tests.system.test_records import Published, chain_of

KEPT, RENAMED, REMOVED = "lake", "pond", "marsh"
"""The targets, by what becomes of them. In KEPT, people review writes."""
NEW_NAME = "pool"
ACCOUNTS = {KEPT: "555566667777", RENAMED: "666677778888", REMOVED: "777788889999"}
FACTORY, GUESTS, TEMPS = "factory", "guests", "temps"
"""The issuers of agents: one that stays and has the operators, one that is renamed, and one that is removed."""
VISITORS = "visitors"
FROZEN_READ, FROZEN_WRITE = "s3:GetObjectTagging", "s3:DeleteObject"
"""The actions that no agent gets in a change freeze. Before the configuration changes, the freeze is over."""
OPERATOR, REVIEWER = "warden", "alice"
GROUPS = {OPERATOR: ["wardens"]}

type Change = Callable[[dict[str, Any]], None]


@dataclass
class ChangingSystem:
    """The system: its settings, its stack.json, and the issuers' address. `clients` makes clients of its AWS."""

    settings: LocalSettings
    issuer: str
    http: httpx.Client
    stack: dict[str, Any]
    clients: Clients

    @property
    def config(self) -> Path:
        """The configuration file."""
        return config_file(self.settings)

    @property
    def api(self) -> Api:
        """The API, for the agents and people of the issuers."""
        return Api(self.stack["api_url"], self.http, self._token)

    def aws(self, service: str, account: str = "") -> Any:
        """Return a client with the root credentials of the account, by default the broker's."""
        return self.clients(service, root_keys(account or self.stack["account"]))

    def update(self, change: Change, *stacks: str) -> str:
        """Change the configuration, and run `make update`. Return what it said."""
        code, said = self.try_update(change, *stacks)
        assert code == 0, said
        return said

    def try_update(self, change: Change, *stacks: str) -> tuple[int, str]:
        """Change the configuration, and run `make update`. Return its exit status and what it said."""
        document = json.loads(self.config.read_text(encoding="utf-8"))
        change(document)
        self.config.write_text(json.dumps(document), encoding="utf-8")
        write_policies(self.settings, document["targets"], document["issuers"])
        done = run_local(self.settings, self.config, "update", *stacks)
        self.stack = json.loads(self.settings.stack_file.read_text(encoding="utf-8"))
        return done

    def ask(self, agent: str, target: str, action: str = "s3:GetObject", bucket: str = "") -> httpx.Response:
        """Request access to an object. A read is allowed, and a write is reviewed. `agent` is such as guests/robot."""
        permissions = [{"actions": [action], "resources": [f"arn:aws:s3:::{bucket or target}/raw/a.csv"]}]
        body = {"target": target, "permissions": permissions, "duration_seconds": 900, "reason": "monthly report"}
        return self.api("POST", "/v1/grants", body, agent=agent)

    def granted(self, agent: str, target: str) -> "Granted":
        """Return a new grant whose credentials work."""
        answer = self.ask(agent, target)
        assert answer.status_code == 201, answer.text
        made = Granted(self, agent, target, answer.json()["grant"]["id"], answer.json()["credentials"])
        assert made.works()
        return made

    def suspended(self, kind: str, name: str) -> tuple[int, dict[str, Any]]:
        """Suspend something as an operator. Return the answer."""
        body = {"kind": kind, "name": name, "reason": "a runner's key leaked"}
        answer = self.api("POST", "/v1/suspensions", body, agent=f"{FACTORY}/{OPERATOR}")
        return answer.status_code, answer.json()

    def invoked(self, function: str) -> dict[str, Any]:
        """Run a function as its schedule does. Return its answer."""
        answer = self.aws("lambda").invoke(FunctionName=function, Payload=b"{}")
        payload = answer["Payload"].read()
        assert "FunctionError" not in answer, payload
        return dict(json.loads(payload))

    def command(self, *words: str) -> tuple[int, dict[str, Any]]:
        """Run `jitney WORDS --json` in the administrator's shell. Return its exit status and its document."""
        found = agent_shell.variables(self.stack, agent_shell.ADMINISTRATOR)
        done = invoke([*words, "--json"], env={**found, "JITNEY_SEAL_KEY": ""})
        return done.exit_code, json.loads(done.stdout)

    def sealed(self, *grants: str) -> dict[str, Any]:
        """Wait until the last record of each grant is in S3. Then seal all, and return the sealer's answer."""
        published = Published(self.aws("s3"), self.stack["buckets"]["records"])
        for grant in grants:
            last = chain_of(self.aws, self.stack, grant)[-1]["seq"]
            until(lambda g=grant, n=last: any((r["chain"], r["seq"]) == (g, n) for r in published.records()))
        return self.invoked("jitney-sealer")

    def _token(self, name: str) -> str:
        """Return a token of an agent, such as guests/robot, or of REVIEWER for one vote."""
        now = int(time.time())
        claims: dict[str, Any] = {"iat": now, "exp": now + 600}
        if name == REVIEWER:
            claims |= {"sub": name, "iss": f"{self.issuer}/people", "aud": "jitney-review", "jti": str(uuid.uuid4())}
            return jwt.encode(claims, private_key("rsa"), "RS256", {"kid": "rsa", "typ": "JWT"})
        path, _, subject = name.partition("/")
        claims |= {"sub": subject, "iss": f"{self.issuer}/{path}", "aud": "jitney"}
        claims |= {"roles": GROUPS.get(subject, ["robots"])}
        return jwt.encode(claims, private_key("rsa"), "RS256", {"kid": "rsa", "typ": "at+jwt"})


@dataclass(frozen=True)
class Granted:
    """A grant of a read, and the credentials that were issued first."""

    system: ChangingSystem
    agent: str
    target: str
    id: str
    credentials: Mapping[str, str]

    def works(self) -> bool:
        """Return whether AWS lets the credentials read."""
        s3 = self.system.clients("s3", session_keys(dict(self.credentials)))
        try:
            s3.get_object(Bucket=self.target, Key="raw/a.csv")
        except ClientError as refusal:
            assert refusal.response["Error"]["Code"] == "AccessDenied", refusal
            return False
        return True

    def state(self) -> str:
        """Return the grant's state, as its agent sees it."""
        answer = self.system.api("GET", f"/v1/grants/{self.id}", agent=self.agent)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["grant"]["state"])

    def renewal(self) -> tuple[int, str]:
        """Renew the credentials. Return the status, and the code of a refusal."""
        answer = self.system.api("POST", f"/v1/grants/{self.id}/credentials", agent=self.agent)
        return answer.status_code, answer.json().get("code", "")

    def revocation(self) -> tuple[int, str]:
        """Revoke the grant as an operator. Return the status, and the code of a refusal."""
        path, operator = f"/v1/grants/{self.id}/revocation", f"{FACTORY}/{OPERATOR}"
        answer = self.system.api("POST", path, {"reason": "not needed"}, agent=operator)
        return answer.status_code, answer.json().get("code", "")


def config_file(settings: LocalSettings) -> Path:
    """Return the configuration file of the system with these settings. It is JSON, which is YAML, too."""
    return settings.state / "changing.yaml"


def configured(settings: LocalSettings, issuer: str) -> Path:
    """Write the configuration before its changes, and its policies."""
    settings.state.mkdir(parents=True, exist_ok=True)
    people = {"provider": "generic", "token": "id", "audiences": ["jitney-review"], "kind": "human"}
    people |= {"max_age_seconds": 900, "for_reviews": True}
    agents = {"provider": "generic", "token": "access", "audiences": ["jitney"], "kind": "agent"}
    agents |= {"groups_claim": "roles"}
    issuers = {FACTORY: agents, GUESTS: agents, TEMPS: agents, "people": people}
    places = {name: {"issuer": f"{issuer}/{name}", "jwks_uri": f"{issuer}/keys"} for name in issuers}
    chosen = {
        "version": 1,
        "broker": {"account": "111122223333", "region": "eu-west-1"},
        "issuers": {name: {**places[name], **each, "algorithms": ["RS256"]} for name, each in issuers.items()},
        "targets": {name: _target(name) for name in ACCOUNTS},
        "operators": [f"{FACTORY}/wardens"],
        "reviewers": {"owners": {"members": [f"people/{REVIEWER}"]}},
        "people": {f"people/{REVIEWER}": f"{REVIEWER}@example.com"},
        "mail": {"sender": "jitney@example.com"},
        "time_windows": {"freeze": freeze(-7200, -3600)},
        "policies": "changing-policies",
    }
    write_policies(settings, chosen["targets"], chosen["issuers"])
    config_file(settings).write_text(json.dumps(chosen), encoding="utf-8")
    return config_file(settings)


def freeze(opens: int, closes: int) -> dict[str, Any]:
    """Return a time window. Its times are seconds from now, to the minute before."""
    opened, closed = (time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() + each)) for each in (opens, closes))
    return {"time_zone": "UTC", "periods": [{"opens": opened, "closes": closed}]}


def _target(name: str) -> dict[str, Any]:
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]}
    policy = {"Version": "2012-10-17", "Statement": [allow]}
    return {"account": ACCOUNTS[name], "region": "eu-west-1", "role_name": f"{name}-robots", "policy": policy}


def write_policies(settings: LocalSettings, targets: Any, issuers: Any) -> None:
    """Write policies for these targets and issuers: robots read, and write after a review."""
    folder = settings.state / "changing-policies"
    folder.mkdir(exist_ok=True)
    agents = [name for name, each in issuers.items() if each["kind"] == "agent"]
    permits = [
        f'@id("{agent}-{target}")\npermit (principal in Jitney::Group::"{agent}/robots", action, '
        f'resource in Jitney::Target::"{target}");\n'
        for agent in agents
        for target in targets
    ]
    reviewed = '@id("writes-reviewed")\n@approval("owners")\nforbid (principal, action == Jitney::Action::"Write", '
    reviewed += 'resource)\nunless { context.approvals.contains("owners") };\n'
    frozen = f'@id("freeze")\nforbid (principal, action, resource)\nwhen {{ ["{FROZEN_READ}", "{FROZEN_WRITE}"]'
    frozen += '.contains(context.action) && context.timeWindows.contains("freeze") };\n'
    (folder / "all.cedar").write_text("".join(permits) + reviewed + frozen, encoding="utf-8")
    cases = [
        _case(f"{agent} reads {target}", agent, target, "s3:GetObject") | {"effect": "allow", "policies": [policy]}
        for agent in agents
        for target in targets
        for policy in [f"{agent}-{target}"]
    ]
    write = _case("a write", agents[0], next(iter(targets)), "s3:PutObject")
    cases.append(write | {"effect": "review", "policies": ["writes-reviewed"], "reviews": [["owners"]]})
    read = _case("a read in a freeze", agents[0], next(iter(targets)), FROZEN_READ) | {"time_windows": ["freeze"]}
    read |= {"effect": "deny", "policies": ["freeze"]}
    cases.append(read)
    (folder / "tests.yaml").write_text(json.dumps({"cases": cases}), encoding="utf-8")


def _case(name: str, agent: str, target: str, action: str) -> dict[str, Any]:
    place = {"target": target, "groups": [f"{agent}/robots"], "resources": [f"arn:aws:s3:::{target}/raw/a.csv"]}
    return {"name": name, **place, "actions": [action], "seconds": 900}


def client() -> httpx.Client:
    """Return an HTTP client for a system."""
    return httpx.Client(timeout=PATIENCE, trust_env=False)
