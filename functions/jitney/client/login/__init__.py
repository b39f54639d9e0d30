"""Sign-in of a developer: authorization code with PKCE on a loopback address, or the device flow.

No OAuth library is used. oauthlib and Authlib refuse the `http` of a loopback redirect (RFC 8252 section 7.3) unless a
variable turns off their check of TLS for the whole process. Neither compares `iss` in the redirect (RFC 9207). They
would save only a URL and three forms, which `jitney.client.tokens.token_endpoint` also sends for client credentials:
with TLS, without redirects, and without a large import.
"""
