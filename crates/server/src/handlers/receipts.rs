//! `POST /gateways/{connection}/receipts/{secret}`: a gateway says what became of a message. Whoever does not know the secret, and
//! whoever names a message that there is not, is told that there is nothing here.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, Payload},
};
use vestibule_authn_smsotp::{Call, Receipt, Receipts, SmsOtp};
use vestibule_core::{channel::Connection, id::ConnectionName};

use crate::{context, state::State};

/// A receipt is a dozen short fields.
const LONGEST: usize = 16 * 1024;

/// `POST /gateways/{connection}/receipts/{secret}`.
pub async fn post(
    req: HttpRequest,
    state: Data<State>,
    path: Path<(String, String)>,
    payload: Payload,
) -> HttpResponse {
    let (name, secret) = path.into_inner();
    let Ok(Ok(body)) = payload.to_bytes_limited(LONGEST).await else {
        return HttpResponse::new(StatusCode::PAYLOAD_TOO_LARGE);
    };
    match told(&req, &state, &name, &secret, &body) {
        None => HttpResponse::new(StatusCode::NOT_FOUND),
        Some(Receipt::Pending) => HttpResponse::new(StatusCode::NO_CONTENT),
        Some(Receipt::Of { reference, delivery }) => {
            let gateway = ConnectionName::from(name);
            match state.engine.receipt(gateway, reference, delivery, &context::of(&state, &req)).await {
                Ok(true) => HttpResponse::new(StatusCode::NO_CONTENT),
                Ok(false) => HttpResponse::new(StatusCode::NOT_FOUND),
                Err(error) => {
                    tracing::error!(%error, "a receipt could not be taken");
                    HttpResponse::new(StatusCode::SERVICE_UNAVAILABLE)
                }
            }
        }
    }
}

/// What is said, by whoever knows the secret.
fn told(req: &HttpRequest, state: &State, name: &str, secret: &str, body: &[u8]) -> Option<Receipt> {
    let configuration = state.engine.configuration();
    let sms = |known: &&Connection| known.kind == SmsOtp::CONNECTION_KIND;
    let found = configuration.connections.iter().filter(sms).find(|known| known.name.as_str() == name)?;
    let receipts = Receipts::of(&found.settings).ok()??;
    // A proxy may have taken the path of the issuer away; the gateway knows the whole.
    let called = req.uri().path_and_query().map_or("", |called| called.as_str());
    let below = called.strip_prefix(state.public.issuer.path()).unwrap_or(called);
    let url = state.public.url(below);
    let signature = req.headers().get("x-twilio-signature").and_then(|value| value.to_str().ok());
    receipts.read(&Call { url: &url, secret, signature, body })
}
