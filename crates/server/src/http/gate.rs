//! The gate that every request passes: it gets an id, its answer gets the security headers, a panic becomes an answer, and one
//! line goes to the log.
//!
//! Written by hand rather than with a tracing middleware: the token endpoint signs ten thousand times a second, and a span
//! for each request costs more than the rest of its way through the server. The log line of such endpoints is `debug`.

use std::{
    future::{Future, Ready, poll_fn, ready},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    rc::Rc,
    time::{Duration, Instant},
};

use actix_web::{
    Error, HttpMessage as _, HttpRequest, HttpResponse,
    body::MessageBody,
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    error::InternalError,
    http::{
        StatusCode,
        header::{HeaderName, HeaderValue},
    },
    web::Data,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ipnet::IpNet;
use vestibule_core::{
    id::ClientId,
    random::{Random, RandomExt as _},
};

use super::{address::trusts, headers};
use crate::{answer, state::State};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longer paths are nobody's.
const LONGEST_PATH: usize = 2048;

/// Wraps the whole application.
pub struct Gate(pub Data<State>);

/// The id of a request: in the log, in the answer, and on the page that says that something went wrong.
#[derive(Clone, Debug)]
pub struct RequestId(pub Rc<str>);

/// The client that a request turned out to be about, for the log.
struct About(ClientId);

/// Notes for the log which client a request is about.
pub fn about(req: &HttpRequest, client: &ClientId) {
    req.extensions_mut().insert(About(client.clone()));
}

/// The id of a request.
pub fn request_id(req: &HttpRequest) -> String {
    req.extensions().get::<RequestId>().map(|id| id.0.to_string()).unwrap_or_default()
}

/// The id that a trusted proxy gave it, when that is a plain word, else a new one. A stranger does not choose: the id leads
/// through the logs, and whoever gives one that is known already hides behind somebody else's lines.
fn id_for(req: &ServiceRequest, trusted: &[IpNet], random: &dyn Random) -> Rc<str> {
    let proxy = req.peer_addr().is_some_and(|peer| trusts(trusted, peer.ip()));
    let plain = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    let given = req.headers().get(&X_REQUEST_ID).filter(|_| proxy).and_then(|value| value.to_str().ok()).filter(plain);
    given.map_or_else(|| URL_SAFE_NO_PAD.encode(random.bytes::<9>()).into(), Into::into)
}

impl<S, B> Transform<S, ServiceRequest> for Gate
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type InitError = ();
    type Transform = GateService<S>;
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(GateService { inner: Rc::new(inner), state: self.0.clone() }))
    }
}

/// See [`Gate`].
pub struct GateService<S> {
    inner: Rc<S>,
    state: Data<State>,
}

impl<S, B> Service<ServiceRequest> for GateService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    forward_ready!(inner);

    fn call(&self, req: ServiceRequest) -> Self::Future {
        let (inner, state) = (Rc::clone(&self.inner), self.state.clone());
        Box::pin(async move {
            let began = Instant::now();
            let id = id_for(&req, &state.trusted_proxies, &*state.random);
            req.extensions_mut().insert(RequestId(Rc::clone(&id)));
            if req.path().len() > LONGEST_PATH || req.query_string().len() > state.sizes.query {
                return Err(alone(HttpResponse::build(StatusCode::URI_TOO_LONG).finish(), &id, &state));
            }
            let answered = unwinding(async { inner.call(req).await }).await;
            let Ok(answered) = answered else {
                tracing::error!(request_id = %id, "a handler panicked");
                return Err(alone(answer::broken(&state, &id), &id, &state));
            };
            let mut response = answered?;
            dress(response.response_mut().headers_mut(), &id, &state);
            record(&response, &id, began.elapsed());
            Ok(response)
        })
    }
}

/// An answer that is given without going further.
fn alone(mut response: HttpResponse, id: &str, state: &State) -> Error {
    dress(response.headers_mut(), id, state);
    InternalError::from_response("refused at the gate", response).into()
}

fn dress(headers: &mut actix_web::http::header::HeaderMap, id: &str, state: &State) {
    headers::secure(headers, state.public.https);
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(X_REQUEST_ID, id);
    }
}

/// Polls `future` and turns a panic into an `Err`: it must not take the connection with it, nor be told to anybody.
async fn unwinding<T>(future: impl Future<Output = T>) -> Result<T, ()> {
    let mut future = pin!(future);
    poll_fn(move |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(poll) => poll.map(Ok),
        Err(_) => std::task::Poll::Ready(Err(())),
    })
    .await
}

/// Machines call these in numbers; people do not read a line for each.
const QUIET: &[&str] =
    &["/oauth2/token", "/oauth2/introspect", "/oauth2/userinfo", "/oauth2/jwks", "/assets/", "/.well-known/"];

fn record<B>(response: &ServiceResponse<B>, id: &str, took: Duration) {
    let (req, status) = (response.request(), response.status());
    let quiet = QUIET.iter().any(|path| req.path().starts_with(path));
    macro_rules! line {
        ($level:ident) => {{
            let extensions = req.extensions();
            tracing::$level!(
                target: "vestibule::request",
                request_id = id,
                method = %req.method(),
                // The pattern and never the address: queries hold codes, paths hold interactions.
                route = req.match_pattern().as_deref().unwrap_or("none"),
                status = status.as_u16(),
                duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
                client_id = extensions.get::<About>().map(|about| about.0.as_str()),
                "request"
            );
        }};
    }
    match () {
        () if status.is_server_error() => line!(warn),
        () if quiet => line!(debug),
        () => line!(info),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use vestibule_core::random::SystemRandom;

    use super::*;

    #[test]
    fn a_138_a_request_id_is_a_plain_word_or_replaced() {
        let (random, trusted) = (SystemRandom::default(), ["10.0.0.0/8".parse().unwrap()]);
        let from = |peer: &str, given: &str| {
            let request = TestRequest::default().peer_addr(peer.parse().unwrap());
            id_for(&request.insert_header(("x-request-id", given)).to_srv_request(), &trusted, &random)
        };
        let id = |given: &str| from("10.0.0.1:1", given);
        assert_eq!(&*id("abc-123_x.y"), "abc-123_x.y");
        for bad in ["", "a b", "\"quoted\"", "<b>", &"x".repeat(65)] {
            assert_ne!(&*id(bad), bad);
            assert_eq!(id(bad).len(), 12);
        }
        assert_ne!(&*from("198.51.100.7:1", "abc-123_x.y"), "abc-123_x.y", "a stranger does not choose");
        let unknown = TestRequest::default().insert_header(("x-request-id", "abc")).to_srv_request();
        assert_ne!(&*id_for(&unknown, &trusted, &random), "abc");
    }

    #[actix_web::test]
    async fn a_panic_is_caught_wherever_it_happens() {
        assert_eq!(unwinding(async { 1 }).await, Ok(1));
        let late = async {
            actix_web::rt::task::yield_now().await;
            panic!("late");
        };
        assert_eq!(unwinding::<()>(late).await, Err(()));
    }
}
