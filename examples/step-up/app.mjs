// A web application in front of that resource server. When the API says that the person has to authenticate more strongly or more
// lately (RFC 9470), it sends them back to Vestibule with what the API asked for, and then tries again. openid-client does
// the protocol.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import * as oidc from "openid-client";

const { OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, PORT = "3000", API = "http://127.0.0.1:3001/" } = process.env;
const home = `http://127.0.0.1:${PORT}/`;
const issuer = new URL(OIDC_ISSUER);
// Plain http is for a server on this machine; everywhere else the library insists on https.
const local = ["localhost", "127.0.0.1"].includes(issuer.hostname) ? [oidc.allowInsecureRequests] : [];
const config = await oidc.discovery(issuer, OIDC_CLIENT_ID, undefined, oidc.ClientSecretBasic(OIDC_CLIENT_SECRET), { execute: local });

const sessions = new Map(); // what is known of each browser; an application of yours has a session store
const escape = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const cookie = (req) => /(?:^|; )session=([^;]+)/.exec(req.headers.cookie ?? "")?.[1];

/** A new session. It begins with each sign-in too, so that an id that somebody planted before is worth nothing. */
function renew(res, content) {
  const id = randomUUID();
  sessions.set(id, content);
  res.setHeader("set-cookie", `session=${id}; HttpOnly; SameSite=Lax; Path=/`);
}

/** What an API that refused a token wants of the person; undefined when it is something else that it did not like. */
function wanted(error) {
  const challenge = error.code === "OAUTH_WWW_AUTHENTICATE_CHALLENGE" && error.cause.find(({ scheme }) => scheme === "bearer");
  const { error: code, acr_values, max_age } = challenge?.parameters ?? {};
  if (code === "insufficient_user_authentication") return { ...(acr_values && { acr_values }), ...(max_age && { max_age }) };
  return code === "invalid_token" ? {} : undefined; // expired: signing in again is silent as long as the session lives
}

/** Sends them to sign in, or to sign in more strongly, as the same person; then on to `then`. */
async function login(res, then, { acr_values, max_age } = {}, id_token_hint = undefined) {
  const verifier = oidc.randomPKCECodeVerifier();
  const checks = { pkceCodeVerifier: verifier, expectedState: oidc.randomState(), expectedNonce: oidc.randomNonce(), idTokenExpected: true };
  if (max_age !== undefined) checks.maxAge = Number(max_age); // the library then checks auth_time in the ID token
  renew(res, { checks, then, steppedUpFor: acr_values && then });
  const usual = { redirect_uri: `${home}callback`, scope: "openid profile", state: checks.expectedState, nonce: checks.expectedNonce };
  const pkce = { code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256" };
  const strength = { ...(acr_values && { acr_values }), ...(max_age !== undefined && { max_age }), ...(id_token_hint && { id_token_hint }) };
  return oidc.buildAuthorizationUrl(config, { ...usual, ...pkce, ...strength });
}

async function route(url, req, res) {
  const go = (to) => res.writeHead(303, { location: String(to) }).end();
  const page = (status, html) => res.writeHead(status, { "content-type": "text/html; charset=utf-8" }).end(html);
  const own = sessions.get(cookie(req)) ?? {};
  if (url.pathname === "/callback") {
    sessions.delete(cookie(req));
    if (url.searchParams.get("error") === "unmet_authentication_requirements") return page(403, "Your account has no second factor.");
    const tokens = await oidc.authorizationCodeGrant(config, url, own.checks);
    renew(res, { access_token: tokens.access_token, id_token: tokens.id_token, steppedUpFor: own.steppedUpFor });
    return go(own.then);
  }
  if (!["/balance", "/statements"].includes(url.pathname)) return page(200, '<a href="/balance">Balance</a> <a href="/statements">Statements</a>');
  if (!own.access_token) return go(await login(res, url.pathname));
  try {
    const answer = await oidc.fetchProtectedResource(config, own.access_token, new URL(url.pathname, API), "GET");
    delete own.steppedUpFor;
    return page(200, `<pre>${escape(JSON.stringify(await answer.json(), null, 2))}</pre>`);
  } catch (error) {
    const demand = wanted(error);
    if (!demand) throw error;
    // They were there for this just now, and it was not enough: sending them once more would go round in circles.
    if (own.steppedUpFor === url.pathname) return page(403, "The API asks for more than Vestibule gives.");
    return go(await login(res, url.pathname, demand, own.id_token));
  }
}

createServer((req, res) => {
  const failed = (error) => (console.error(error), res.writeHead(502).end("Signing in did not work. Please go back and try again."));
  route(new URL(req.url, home), req, res).catch(failed);
}).listen(Number(PORT), "127.0.0.1", () => console.log(home));
