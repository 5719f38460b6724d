// A web application whose people sign in at Vestibule. openid-client does the protocol; this file only keeps who is signed in.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import * as oidc from "openid-client";

const { OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, PORT = "3000" } = process.env;
const home = `http://127.0.0.1:${PORT}/`;
const redirect_uri = `${home}callback`;
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

async function login(res) {
  const verifier = oidc.randomPKCECodeVerifier();
  const checks = { pkceCodeVerifier: verifier, expectedState: oidc.randomState(), expectedNonce: oidc.randomNonce() };
  renew(res, { checks });
  return oidc.buildAuthorizationUrl(config, {
    redirect_uri,
    scope: "openid profile email",
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  });
}

async function route(url, req, res) {
  const go = (to) => res.writeHead(303, { location: String(to) }).end();
  const own = sessions.get(cookie(req)) ?? {};
  if (url.pathname === "/login") return go(await login(res));
  if (url.pathname === "/callback") {
    const tokens = await oidc.authorizationCodeGrant(config, url, { ...own.checks, idTokenExpected: true });
    const claims = tokens.claims();
    const user = { ...claims, ...(await oidc.fetchUserInfo(config, tokens.access_token, claims.sub)) };
    sessions.delete(cookie(req));
    renew(res, { user, id_token: tokens.id_token });
    return go("/");
  }
  if (url.pathname === "/logout") {
    sessions.delete(cookie(req));
    return go(oidc.buildEndSessionUrl(config, { id_token_hint: own.id_token ?? "", post_logout_redirect_uri: home }));
  }
  res.setHeader("content-type", "text/html; charset=utf-8");
  if (!own.user) return res.end('<a href="/login">Sign in</a>');
  res.end(`<p>${escape(own.user.name)} <a href="/logout">Sign out</a></p><pre>${escape(JSON.stringify(own.user, null, 2))}</pre>`);
}

createServer((req, res) => {
  const failed = (error) => (console.error(error), res.writeHead(502).end("Signing in did not work. Please go back and try again."));
  route(new URL(req.url, home), req, res).catch(failed);
}).listen(Number(PORT), "127.0.0.1", () => console.log(home));
