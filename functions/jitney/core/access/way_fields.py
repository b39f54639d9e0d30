"""Reads how an agent wants to use a grant: the members `way` and `reveal` of a request."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from jitney.core.access.fields import FieldErrors
from jitney.core.access.request import Way


class RequestedWay(NamedTuple):
    """The way of a request, and whether its answers reveal sensitive values."""

    way: Way
    reveal: bool


def read_way(body: Mapping[str, Any], faults: FieldErrors) -> RequestedWay:
    """Return `way` and `reveal` of a body, and the defaults for absent members. Add the errors to `faults`."""
    way, reveal = body.get("way", Way.CREDENTIALS), faults.flag(body.get("reveal", False), "/reveal")
    ways = [str(each) for each in Way]
    if not isinstance(way, str) or way not in ways:
        faults.add("/way", "The value is not a way.", f"Use one of {', '.join(ways)}.", alternatives=ways)
        way = Way.CREDENTIALS
    elif reveal and way != Way.GATEWAY:
        detail = "Only the gateway masks answers, so there is nothing to reveal with credentials."
        faults.add("/reveal", detail, 'Add "way": "gateway", or leave reveal out.')
    if way == Way.GATEWAY and "access_profile" in body:
        detail = "Access profiles are for tools that hold credentials. The gateway needs none."
        faults.add("/access_profile", detail, "Request the permissions of the calls, or leave way out.")
    return RequestedWay(Way(way), reveal)
