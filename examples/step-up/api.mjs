// A resource server. Whoever has a token of ours may see the balance; who wants the statements has shown two factors a short while
// ago, and is otherwise told what is missing (RFC 9470). jose checks the tokens; the rest is this file.
import { createServer } from "node:http";
import { createRemoteJWKSet, jwtVerify } from "jose";

const { OIDC_ISSUER, API_AUDIENCE = OIDC_ISSUER, API_PORT = "3001", API_MAX_AGE = "300" } = process.env;
const metadata = await (await fetch(`${OIDC_ISSUER}/.well-known/openid-configuration`)).json();
const keys = createRemoteJWKSet(new URL(metadata.jwks_uri));

// What each resource demands. All the classes that will do are named: a token says one of them, and stronger is not greater.
const demands = {
  "/balance": {},
  "/statements": { acr_values: ["urn:vestibule:acr:2fa", "urn:vestibule:acr:phr"], max_age: Number(API_MAX_AGE) },
};

class Refused extends Error {
  constructor(status, parameters) {
    super(parameters?.error);
    this.status = status;
    const list = Object.entries(parameters ?? {}).map(([name, value]) => ` ${name}="${value}"`);
    this.challenge = `Bearer${list.join(",")}`;
  }
}

/** The claims of the access token (RFC 9068). */
async function authenticate(req) {
  const [scheme, token] = (req.headers.authorization ?? "").split(" ");
  if (scheme.toLowerCase() !== "bearer" || !token) throw new Refused(401);
  const expected = { issuer: metadata.issuer, audience: API_AUDIENCE, typ: "at+jwt", algorithms: ["ES256"], clockTolerance: 5 };
  try {
    return (await jwtVerify(token, keys, expected)).payload;
  } catch {
    throw new Refused(401, { error: "invalid_token" });
  }
}

/** Whether the person authenticated strongly and lately enough; a token that does not say has not. */
function demand({ acr_values, max_age }, { acr, auth_time }) {
  const strong = !acr_values || acr_values.includes(acr);
  const fresh = max_age === undefined || Date.now() / 1000 - auth_time <= max_age;
  if (strong && fresh) return;
  const error = { error: "insufficient_user_authentication", error_description: "Sign in again, with two factors" };
  throw new Refused(401, { ...error, acr_values: acr_values.join(" "), max_age });
}

createServer(async (req, res) => {
  const answer = (status, body, headers = {}) =>
    res.writeHead(status, { "content-type": "application/json", "cache-control": "no-store", ...headers }).end(JSON.stringify(body));
  try {
    const token = await authenticate(req);
    const demanded = demands[req.url];
    if (!demanded || req.method !== "GET") return answer(404, {});
    demand(demanded, token);
    answer(200, { resource: req.url, sub: token.sub, acr: token.acr, auth_time: token.auth_time });
  } catch (error) {
    if (!(error instanceof Refused)) return answer(500, {}, (console.error(error), {}));
    answer(error.status, {}, { "www-authenticate": error.challenge });
  }
}).listen(Number(API_PORT), "127.0.0.1", () => console.log(`API at http://127.0.0.1:${API_PORT}/`));
