// A local OpenID provider: client credentials for the sample agents, authorization code with PKCE for the sample
// humans. oidc-provider implements the protocol. This file has the accounts, and asks humans for their password.
//
// JITNEY_IDENTITY names a JSON file: {port, agents: {id: {secret, groups}}, humans: {name: {password, groups}},
// client: {client_id, redirect_uris} or null, cli and review: the same for `jitney login`, without and with --review}. Keys and secrets are new at each start, and nothing is kept.
import { generateKeyPairSync, randomBytes, timingSafeEqual, createHash } from "node:crypto";
import { constants, openSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { Socket } from "node:net";
import Provider, { errors, interactionPolicy } from "oidc-provider";
import { loginPage } from "./login.mjs";

const AUDIENCE = "jitney";
const RESOURCE = "urn:jitney";
const TOKEN_SECONDS = 3600;

const known = JSON.parse(readFileSync(process.env.JITNEY_IDENTITY, "utf8"));
const issuer = `http://127.0.0.1:${known.port}`;
const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

const agents = Object.entries(known.agents).map(([client_id, { secret }]) => ({
  client_id,
  client_secret: secret,
  grant_types: ["client_credentials"],
  response_types: [],
  redirect_uris: [],
}));

// RFC 8252 section 7.3: a native client may use any port of a loopback address.
const publicClient = (client, more) => ({
  ...client,
  application_type: "native",
  token_endpoint_auth_method: "none",
  grant_types: ["authorization_code", ...more],
  response_types: ["code"],
});
const DEVICE = "urn:ietf:params:oauth:grant-type:device_code";
const publicClients = [
  ...(known.client ? [publicClient(known.client, [])] : []),
  ...(known.cli ? [publicClient(known.cli, ["refresh_token", DEVICE])] : []),
  ...(known.review ? [publicClient(known.review, [DEVICE])] : []),
];
const SCOPES = "openid offline_access profile email groups";

const groupsOf = (id) => (Object.hasOwn(known.humans, id) ? known.humans[id] : known.agents[id])?.groups ?? [];

// The clients belong to the local system, so people are not asked for consent.
const signInOnly = interactionPolicy.base();
signInOnly.remove("consent");

const provider = new Provider(issuer, {
  clients: [...agents, ...publicClients],
  jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), kid: randomBytes(8).toString("hex"), alg: "RS256", use: "sig" }] },
  cookies: { keys: [randomBytes(32).toString("hex")] },
  claims: { openid: ["sub"], profile: ["name", "preferred_username"], email: ["email"], groups: ["groups"] },
  scopes: SCOPES.split(" "),
  conformIdTokenClaims: false, // the ID token carries the claims: its reader needs no second request
  responseTypes: ["code"],
  clientAuthMethods: ["client_secret_basic", "client_secret_post", "none"],
  pkce: { required: () => true },
  ttl: {
    AccessToken: TOKEN_SECONDS,
    ClientCredentials: TOKEN_SECONDS,
    IdToken: TOKEN_SECONDS,
    AuthorizationCode: 60,
    Grant: TOKEN_SECONDS,
    Interaction: 600,
    Session: TOKEN_SECONDS,
    RefreshToken: 8 * TOKEN_SECONDS,
    DeviceCode: 600,
  },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => RESOURCE,
      useGrantedResource: () => true,
      getResourceServerInfo: (_context, resource) => {
        if (resource !== RESOURCE) throw new errors.InvalidTarget(`there is no resource but ${RESOURCE}`);
        return {
          scope: SCOPES,
          audience: AUDIENCE,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: "RS256" } },
        };
      },
    },
  },
  // offline_access needs prompt=consent, which clients of other providers do not send.
  issueRefreshToken: (_context, client) => client.grantTypeAllowed("refresh_token"),
  expiresWithSession: (_context, source) => source.clientId !== known.cli?.client_id,
  extraTokenClaims: (_context, token) => ({ groups: groupsOf(token.accountId ?? token.clientId) }),
  findAccount: (_context, id) =>
    Object.hasOwn(known.humans, id) && {
      accountId: id,
      claims: () => ({
        sub: id,
        name: id[0].toUpperCase() + id.slice(1),
        preferred_username: id,
        email: `${id}@example.com`,
        groups: groupsOf(id),
      }),
    },
  loadExistingGrant: async (context) => {
    const grant = new provider.Grant({
      accountId: context.oidc.session.accountId,
      clientId: context.oidc.client.clientId,
    });
    grant.addOIDCScope(SCOPES);
    grant.addResourceScope(RESOURCE, SCOPES);
    await grant.save();
    return grant;
  },
  interactions: { policy: signInOnly, url: (_context, interaction) => `/interaction/${interaction.uid}` },
});

const digest = (text) => createHash("sha256").update(text).digest();
const passwordFits = (name, password) =>
  Object.hasOwn(known.humans, name) && timingSafeEqual(digest(known.humans[name].password), digest(password));

async function form(request) {
  let text = "";
  for await (const chunk of request) {
    text += chunk;
    if (text.length > 4096) throw new RangeError("the form is too large");
  }
  return new URLSearchParams(text);
}

async function signIn(request, response) {
  const { uid, params } = await provider.interactionDetails(request, response);
  let wrong = false;
  if (request.method === "POST") {
    const fields = await form(request);
    const name = fields.get("username") ?? "";
    if (passwordFits(name, fields.get("password") ?? "")) {
      await provider.interactionFinished(request, response, { login: { accountId: name } });
      return;
    }
    wrong = true;
  }
  response.writeHead(wrong ? 401 : 200, {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action *; frame-ancestors 'none'",
  });
  response.end(request.method === "HEAD" ? undefined : loginPage({ uid, client: params.client_id, wrong }));
}

const serve = provider.callback();
const server = createServer((request, response) => {
  // Otherwise a web page could send requests here through a name that resolves to this machine (DNS rebinding).
  if (request.headers.host !== new URL(issuer).host) {
    response.writeHead(421, { "content-type": "text/plain; charset=utf-8" });
    response.end(`This is ${issuer}. Use this address.\n`);
    return;
  }
  if (!request.url.startsWith("/interaction/")) {
    serve(request, response);
    return;
  }
  signIn(request, response).catch((error) => {
    console.error(error);
    response.writeHead(400, { "content-type": "text/plain; charset=utf-8" });
    response.end("This sign-in has ended, or it never began. Start it again on the page that you came from.\n");
  });
});
server.listen(known.port, "127.0.0.1");

process.once("SIGTERM", () => process.exit(0));
// A FIFO, which ends when the program that started this process ends. It is opened without waiting and watched like a
// socket, because a read that blocks a thread of Node's pool would keep process.exit() waiting.
const lifeline = process.env.JITNEY_LOCAL_LIFELINE;
if (lifeline) {
  new Socket({ fd: openSync(lifeline, constants.O_RDONLY | constants.O_NONBLOCK) })
    .on("end", () => process.exit(0))
    .resume();
}
