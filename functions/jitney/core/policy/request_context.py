"""What policies see of a whole request, and not of one of its pairs."""

from typing import Any, NamedTuple, Self

from jitney.core.access.request import AccessRequest, Way


class RequestContext(NamedTuple):
    """What policies see of a whole request: the name of its access profile ("" for none), its way, and its reveal.

    `grant_approvals` are the approvals of the grant in which a call is made. `earlier_approvals` are the groups that
    approved the same access before. In the decision about a call, policies that look at the call see neither.
    """

    profile: str
    way: Way
    reveal: bool
    grant_approvals: tuple[str, ...] = ()
    earlier_approvals: tuple[str, ...] = ()
    is_call: bool = False

    @classmethod
    def of(cls, request: AccessRequest) -> Self:
        """Return the context of a request."""
        profile = request.access_profile
        approvals = tuple(sorted(request.grant_approvals))
        name = profile.name if profile else ""
        return cls(name, request.way, request.reveal, approvals, is_call=bool(request.operation))

    @property
    def of_the_call(self) -> Self:
        """The context for policies that look at the call."""
        return self._replace(grant_approvals=(), earlier_approvals=()) if self.is_call else self

    def context(self) -> dict[str, Any]:
        """Return the members of Cedar's context that are equal for all pairs of the request, without the approvals."""
        return {
            "accessProfile": self.profile,
            "way": self.way,
            "reveal": self.reveal,
            "earlierApprovals": self.earlier_approvals,
        }
