"""A web application whose people sign in at Vestibule. Authlib does the protocol; this file only keeps who is signed in."""

import os
import secrets
from json import dumps
from urllib.parse import urlencode

from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Flask, redirect, session, url_for
from markupsafe import escape

app = Flask(__name__)
# Signs the session cookie. An application of yours keeps it, and has its sessions in a store of its own.
app.secret_key = os.environ.get("FLASK_SECRET_KEY") or secrets.token_bytes(32)

oidc = OAuth(app).register(
    "vestibule",
    server_metadata_url=os.environ["OIDC_ISSUER"] + "/.well-known/openid-configuration",
    client_id=os.environ["OIDC_CLIENT_ID"],
    client_secret=os.environ["OIDC_CLIENT_SECRET"],
    client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256"},
)


@app.get("/")
def home():
    user = session.get("user")
    if not user:
        return '<a href="/login">Sign in</a>'
    return f'<p>{escape(user["name"])} <a href="/logout">Sign out</a></p><pre>{escape(dumps(user, indent=2))}</pre>'


@app.get("/login")
def login():
    return oidc.authorize_redirect(url_for("callback", _external=True))


@app.get("/callback")
def callback():
    try:
        token = oidc.authorize_access_token()  # checks state, nonce, PKCE, and the ID token's signature and claims
    except OAuthError as error:
        app.logger.error("%s", error)
        return "Signing in did not work. Please go back and try again.", 502
    session["user"] = {**token["userinfo"], **oidc.userinfo(token=token)}
    session["id_token"] = token["id_token"]
    return redirect(url_for("home"))


@app.get("/logout")
def logout():
    query = {"id_token_hint": session.get("id_token", ""), "post_logout_redirect_uri": url_for("home", _external=True)}
    session.clear()
    return redirect(oidc.load_server_metadata()["end_session_endpoint"] + "?" + urlencode(query))


if __name__ == "__main__":
    app.run("127.0.0.1", int(os.environ.get("PORT", "5000")))
