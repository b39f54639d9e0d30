"""Unsigned tokens, whose claims the client reads before it sends them."""

import base64
import json
import time
from typing import Any


def jwt(audience: str | list[str] = "jitney", *, ends_in: int = 300, **claims: Any) -> str:
    """Return a JWT for the audience that ends in so many seconds."""
    payload = {"iss": "https://idp.example.com", "sub": "reader", "aud": audience, "exp": int(time.time()) + ends_in}
    parts = ({"alg": "RS256"}, payload | claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode() for each in parts]
    return ".".join([*encoded, "c2lnbmF0dXJl"])
