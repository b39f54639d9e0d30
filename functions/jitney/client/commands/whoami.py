"""`jitney whoami`: the identity of this command line's requests, and where its token comes from."""

import time
from collections.abc import Mapping
from typing import Any

from jitney.client.api.broker import Broker
from jitney.client.inputs import options
from jitney.client.inputs.grouping import grouped
from jitney.client.inputs.settings import address_of, chosen_source, read_settings
from jitney.client.problems import ClientProblem
from jitney.client.terminal.command_result import exit_on_problem, print_json, screen
from jitney.client.terminal.wait_note import asking_note
from jitney.client.tokens import CLIENT_CLAIMS, NAME_CLAIMS, Token, claims_of, whole_seconds
from jitney.client.tokens.token_choice import ChosenSource


@grouped
def whoami(*, as_json: options.AsJson = False, connection: options.Connection) -> None:
    """Show the identity of your requests.

    Shows the token's source and why it was chosen, and its issuer, subject, client, actor and end. The token is read
    but not verified here. The broker's answer shows the principal and the human.

    Example: jitney whoami
    """
    with exit_on_problem("whoami", as_json=as_json):
        settings = read_settings(connection)
        chosen = chosen_source(settings, connection)
        shown = identity(chosen, _fetched(chosen, as_json=as_json), int(time.time()))
        if not as_json:
            _show(shown)
        with Broker(address_of(settings), chosen.source, note=asking_note) as broker:
            caller = broker.targets()
        known = {"principal": caller.principal, "human": caller.human}
        if as_json:
            print_json(shown | known)
        else:
            screen().rows((name, value or "") for name, value in known.items())


def _fetched(chosen: ChosenSource, *, as_json: bool) -> Token:
    """Return a token of the source. The source's problems are raised with its name."""
    try:
        return chosen.source.fetch()
    except ClientProblem as problem:
        problem.extras |= {"source": chosen.name, "why": chosen.why}
        if not as_json:
            screen().note(f"jitney: the token source is {chosen.name}: {chosen.why}")
        raise


def identity(chosen: ChosenSource, token: Token, now: int) -> dict[str, Any]:
    """Return the claims of the token at `now`, and its source."""
    claims = claims_of(token.value)
    end = whole_seconds(claims.get("exp"))
    if end is None:
        end = None if token.lifetime_seconds is None else now + token.lifetime_seconds
    return {
        "source": chosen.name,
        "why": chosen.why,
        "issuer": _text(claims, "iss"),
        "subject": _text(claims, "sub"),
        "client": _first(claims, CLIENT_CLAIMS),
        "actor": _text(claims.get("act"), "sub"),
        "name": _first(claims, NAME_CLAIMS),
        "audience": claims.get("aud"),
        "expires_at": None if end is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(end))),
    }


def _show(shown: Mapping[str, Any]) -> None:
    audience = shown["audience"]
    audiences = audience if isinstance(audience, list) else [audience]
    unverified = "as the token says, unverified" if shown["subject"] else "its issuer and subject cannot be read"
    screen().heading(shown["subject"] or "An opaque token", "bold", unverified)
    screen().rows(
        [
            ("source", f"{shown['source']}: {shown['why']}"),
            ("issuer", shown["issuer"]),
            ("name", shown["name"]),
            ("client", shown["client"]),
            ("actor", shown["actor"]),
            ("audience", ", ".join(str(each) for each in audiences if each)),
            ("ends", shown["expires_at"] or ""),
        ]
    )


def _first(claims: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((found for name in names if (found := _text(claims, name))), "")


def _text(claims: object, name: str) -> str:
    value = claims.get(name) if isinstance(claims, Mapping) else None
    return value if isinstance(value, str) else ""
