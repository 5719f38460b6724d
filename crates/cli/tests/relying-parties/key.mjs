// Makes a key pair as a service provider would, and prints both halves as JWKs: {"private": …, "public": …}.
const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
const about = { kid: crypto.randomUUID(), alg: "ES256", use: "sig" };
const [hidden, shown] = await Promise.all(
  [pair.privateKey, pair.publicKey].map(async (key) => {
    const { kty, crv, x, y, d } = await crypto.subtle.exportKey("jwk", key);
    return { kty, crv, x, y, d, ...about };
  }),
);
process.stdout.write(JSON.stringify({ private: hidden, public: shown }));
