"""Sign-in of a developer: authorization code with PKCE on a loopback address, or the device flow.

No OAuth library takes part. oauthlib and Authlib refuse the `http` of a loopback redirect (RFC 8252 section 7.3) unless
a variable turns their check of TLS off for the whole process. Neither compares `iss` in the redirect (RFC 9207). What
they would save is a URL and three forms, which `jitney.client.tokens.token_endpoint` sends for client credentials too:
with TLS, without redirects, and without a large import.
"""
