"""The service account token that Kubernetes projects into the pod for Jitney.

The kubelet renews the file, so it is read each time. The pod's default token is for the cluster's API server. It is
never sent, because the broker could use it there.
https://kubernetes.io/docs/concepts/storage/projected-volumes/#serviceaccounttoken
"""

from dataclasses import dataclass
from pathlib import Path

from jitney.client.tokens import Token, checked_jwt
from jitney.client.tokens.file import FileToken

MOUNTED = Path("/var/run/secrets/jitney/token")
"""Where the pod mounts the token. For another path, JITNEY_TOKEN_FILE names it."""


@dataclass(frozen=True, slots=True)
class KubernetesToken:
    """The projected token at `path`, which must be for `audience`."""

    audience: str
    path: Path = MOUNTED

    def fetch(self) -> Token:
        """Return the token. Raises Unauthenticated when it is missing, has expired, or is for another audience."""
        fix = f"Project a serviceAccountToken with the audience {self.audience} into the pod, at {self.path}."
        return checked_jwt(FileToken(self.path).fetch().value, f"The token file {self.path}", self.audience, fix)
