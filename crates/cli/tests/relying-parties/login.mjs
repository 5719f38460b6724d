// A service provider built with openid-client, whose author never saw this server. It is told on stdin where the server is and
// who it is, goes through the whole story, and prints what it saw as JSON. That library's own checks are the test: issuer,
// state, nonce, `iss` in the response, PKCE, signature and claims of the ID token.
import { readFileSync } from "node:fs";
import * as oidc from "openid-client";
import { Person } from "./person.mjs";

const told = JSON.parse(readFileSync(0, "utf8"));
const person = new Person(told.person);

async function authentication({ method, secret, key }) {
  if (method === "client_secret_basic") return oidc.ClientSecretBasic(secret);
  if (method === "client_secret_post") return oidc.ClientSecretPost(secret);
  if (method === "none") return oidc.None();
  const imported = await crypto.subtle.importKey("jwk", key, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
  return oidc.PrivateKeyJwt({ key: imported, kid: key.kid });
}

/** What a refusal says, or that there was none. */
const refusal = (promise) => promise.then(() => "accepted", (error) => error.error ?? `${error.code ?? ""} ${error.message}`);

const config = await oidc.discovery(new URL(told.issuer), told.client.id, undefined, await authentication(told.client), {
  // Plain http on loopback; and the signature of the ID token is checked though it came straight from the server.
  execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks],
});

const redirect_uri = told.client.redirect_uri;
const scope = "openid profile email phone";

async function authorize(extra = {}) {
  const verifier = oidc.randomPKCECodeVerifier();
  const expectedState = oidc.randomState();
  const expectedNonce = oidc.randomNonce();
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri,
    scope,
    state: expectedState,
    nonce: expectedNonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    ...extra,
  });
  return { url, checks: { pkceCodeVerifier: verifier, expectedState, expectedNonce, idTokenExpected: true } };
}

const saw = {};

// Nobody is signed in yet, and that is what it is told.
const silent = await authorize({ prompt: "none" });
const unasked = await person.open(silent.url);
saw.before = await refusal(oidc.authorizationCodeGrant(config, unasked.next, silent.checks));

// Password, code, consent; then tokens.
const first = await authorize();
const { callback, seen } = await person.signIn(first.url);
saw.asked = seen;
const tokens = await oidc.authorizationCodeGrant(config, callback, first.checks);
const claims = tokens.claims();
saw.claims = claims;
saw.userinfo = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub);

// A second authorization is not asked for anything: single sign-on.
const second = await authorize();
const again = await person.signIn(second.url);
saw.askedAgain = again.seen;
const others = await oidc.authorizationCodeGrant(config, again.callback, second.checks);
saw.sameSession = others.claims().sid === claims.sid;
// A code works once, and trying it twice costs what it gave.
saw.replay = await refusal(oidc.authorizationCodeGrant(config, again.callback, second.checks));
saw.afterReplay = await refusal(oidc.fetchUserInfo(config, others.access_token, claims.sub));

// Somebody else's verifier.
const third = await authorize();
const stolen = await person.signIn(third.url);
saw.otherVerifier = await refusal(
  oidc.authorizationCodeGrant(config, stolen.callback, { ...third.checks, pkceCodeVerifier: oidc.randomPKCECodeVerifier() }),
);

// Rotation: each refresh token is followed by another; one that was used is refused, and takes the family along.
const rotated = await oidc.refreshTokenGrant(config, tokens.refresh_token);
const latest = await oidc.refreshTokenGrant(config, rotated.refresh_token);
saw.rotates = new Set([tokens, rotated, latest].map((answer) => answer.refresh_token)).size;
saw.refreshedUserinfo = (await oidc.fetchUserInfo(config, latest.access_token, claims.sub)).sub === claims.sub;

// Introspection and revocation of an access token.
if (told.client.method !== "none") {
  const introspected = await oidc.tokenIntrospection(config, latest.access_token);
  saw.introspected = introspected;
}
await oidc.tokenRevocation(config, latest.access_token);
saw.afterRevocation = await refusal(oidc.fetchUserInfo(config, latest.access_token, claims.sub));
if (told.client.method !== "none") saw.introspectedAfter = await oidc.tokenIntrospection(config, latest.access_token);

saw.oldRefresh = await refusal(oidc.refreshTokenGrant(config, tokens.refresh_token));
saw.family = await refusal(oidc.refreshTokenGrant(config, latest.refresh_token));

// For itself, without a person.
if (told.client.method !== "none") {
  const own = await oidc.clientCredentialsGrant(config, { scope: "stock.read" });
  saw.own = { ...(await oidc.tokenIntrospection(config, own.access_token)), id_token: own.id_token, refresh: own.refresh_token };
  saw.ownTooMuch = await refusal(oidc.clientCredentialsGrant(config, { scope: "stock.burn" }));
}

// Logout: back at the service provider with the state, and nobody is signed in any more.
const fourth = await authorize();
const last = await oidc.authorizationCodeGrant(config, (await person.signIn(fourth.url)).callback, fourth.checks);
const state = oidc.randomState();
const logout = oidc.buildEndSessionUrl(config, {
  id_token_hint: last.id_token,
  post_logout_redirect_uri: told.client.post_logout_redirect_uri,
  state,
});
const left = await person.open(logout);
saw.loggedOutTo = left.next && `${left.next.origin}${left.next.pathname}`;
saw.loggedOutState = left.next?.searchParams.get("state") === state;
saw.refreshAfterLogout = await refusal(oidc.refreshTokenGrant(config, last.refresh_token));
const fifth = await authorize({ prompt: "none" });
saw.after = await refusal(oidc.authorizationCodeGrant(config, (await person.open(fifth.url)).next, fifth.checks));

process.stdout.write(JSON.stringify(saw));
