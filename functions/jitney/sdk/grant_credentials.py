"""A grant's keys for botocore. They are read from the open grant for each signature, and kept nowhere else."""

from botocore.credentials import CredentialProvider, Credentials, ReadOnlyCredentials

from jitney.sdk.log_masks import mask_tokens
from jitney.sdk.open_grant import KeptHere, OpenGrant

METHOD = "jitney"


class SigningKeys(KeptHere, ReadOnlyCredentials):
    """Keys for one signature. A traceback that prints local variables does not show them."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return only the id of the key."""
        return f"{type(self).__name__}({self.access_key})"

    __str__ = __repr__


def signing_keys(opened: OpenGrant) -> SigningKeys:
    """Return the keys for one signature. Raises the problem if there are none."""
    keys = opened.credentials()
    return SigningKeys(keys.access_key_id, keys.secret_access_key, keys.session_token, opened.latest.account or None)


class GrantCredentials(KeptHere, Credentials):
    """The credentials of an open grant. Every signature asks for them, so they are renewed before they end."""

    def __init__(self, opened: OpenGrant) -> None:
        mask_tokens()
        self._opened = opened
        self.method = METHOD

    def __repr__(self) -> str:
        """Return the type and the id of the grant."""
        return f"{type(self).__name__}({self._opened!r})"

    @property
    def access_key(self) -> str:  # type: ignore[override]
        """The id of the present key."""
        return self._opened.credentials().access_key_id

    @property
    def secret_key(self) -> str:  # type: ignore[override]
        """The present secret key."""
        return self._opened.credentials().secret_access_key

    @property
    def token(self) -> str:  # type: ignore[override]
        """The present session token."""
        return self._opened.credentials().session_token

    @property
    def account_id(self) -> str | None:
        """The account of the grant's target."""
        return self._opened.latest.account or None

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return the keys for one signature."""
        return signing_keys(self._opened)


class GrantProvider(KeptHere, CredentialProvider):
    """Gives any botocore session the credentials of an open grant."""

    METHOD = METHOD
    CANONICAL_NAME = METHOD

    def __init__(self, opened: OpenGrant) -> None:
        super().__init__()
        self._opened = opened

    def load(self) -> GrantCredentials:
        """Return the credentials."""
        return GrantCredentials(self._opened)
