"""A token in the variable JITNEY_TOKEN, such as GitLab's `id_tokens`."""

from dataclasses import dataclass, field

from jitney.client.tokens import Token, checked_jwt, checked_token

_WHERE = "JITNEY_TOKEN"


@dataclass(frozen=True, slots=True)
class VariableToken:
    """The token `text`. It must be for `audience`, unless that is "" or the token is not a JWT."""

    text: str = field(repr=False)
    audience: str = ""

    def fetch(self) -> Token:
        """Return the token. Raises Unauthenticated when it is not a token, has expired, or is for another audience."""
        fix = (
            "Set JITNEY_TOKEN to a current token. In GitLab, declare it under id_tokens of the job, which gets it once."
        )
        return checked_jwt(checked_token(self.text, _WHERE), _WHERE, self.audience, fix)
