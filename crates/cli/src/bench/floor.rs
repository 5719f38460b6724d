//! The raw limits that the server is compared with: bare actix endpoints in a process of their own.

use std::process::ExitCode;

use actix_web::{
    App, HttpResponse, HttpServer,
    web::{self, Data, Form, Path},
};
use aws_lc_rs::{
    digest,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

use crate::{
    exit::{Failure, UNAVAILABLE},
    output::say,
};

/// The form of a token request.
#[derive(Deserialize)]
struct TokenForm {
    client_id: String,
    client_secret: String,
}

/// What the bare token endpoint does: what nobody can leave out.
struct Signer {
    key: EcdsaKeyPair,
    random: SystemRandom,
    secret: digest::Digest,
    payload: String,
}

/// The secret that the bare token endpoint wants.
pub(super) const SECRET: &str = "a-secret-of-the-floor-and-of-nothing-else";
/// As many bytes as the claims of an access token have.
const CLAIMS: usize = 320;
const LARGEST: usize = 64 << 10;

pub(super) async fn run() -> Result<ExitCode, Failure> {
    let data = Data::new(signer().map_err(|_| Failure::new(UNAVAILABLE, "no key could be made"))?);
    let filling: &'static [u8] = vec![b'x'; LARGEST].leak();
    let filling = Data::new(web::Bytes::from_static(filling));
    let workers = std::thread::available_parallelism().map_or(1, Into::into);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(data.clone())
            .app_data(filling.clone())
            .route("/static/{size}", web::get().to(fixed))
            .route("/static/{size}", web::post().to(fixed))
            .route("/token", web::post().to(token))
    });
    let server = server.workers(workers).bind(("127.0.0.1", 0))?;
    for address in server.addrs() {
        say(address);
    }
    server.run().await?;
    Ok(ExitCode::SUCCESS)
}

async fn fixed(size: Path<usize>, filling: Data<web::Bytes>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(filling.slice(..size.into_inner().min(LARGEST)))
}

async fn token(form: Form<TokenForm>, signer: Data<Signer>) -> HttpResponse {
    let given = digest::digest(&digest::SHA256, form.client_secret.as_bytes());
    if form.client_id.is_empty() || given.as_ref() != signer.secret.as_ref() {
        return HttpResponse::Unauthorized().finish();
    }
    let Ok(signature) = signer.key.sign(&signer.random, signer.payload.as_bytes()) else {
        return HttpResponse::InternalServerError().finish();
    };
    let token = format!("{}.{}", signer.payload, URL_SAFE_NO_PAD.encode(signature.as_ref()));
    HttpResponse::Ok().json(serde_json::json!({ "access_token": token, "token_type": "Bearer", "expires_in": 600 }))
}

fn signer() -> Result<Signer, aws_lc_rs::error::Unspecified> {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
    let secret = digest::digest(&digest::SHA256, SECRET.as_bytes());
    let payload = URL_SAFE_NO_PAD.encode([b'c'; CLAIMS]);
    Ok(Signer { key, random: SystemRandom::new(), secret, payload })
}
