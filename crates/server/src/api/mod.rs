//! The admin API at `/api/v1`: every operation of [`operations`] for programs.
//!
//! A request passes the same way whatever it asks for (`dispatch`): a bearer token of this server and never a cookie
//! (`caller`), the permission before anything of the body is looked at, `Idempotency-Key` (`once`), `dry_run`
//! (`rehearsal`); then one function of `routes` reads what is its own, calls the service once, and says
//! what to answer (`Answer`). Whatever goes wrong is a [`Problem`] (RFC 9457). The document at `/api/v1/openapi.json` is
//! made from the same table as the router.

mod answer;
mod call;
mod caller;
mod dispatch;
pub(crate) mod docs;
mod log;
mod once;
mod openapi;
mod problem;
mod rate;
mod routes;

use actix_web::{
    HttpRequest, HttpResponse,
    http::Method as HttpMethod,
    web::{self, Data, Payload, ServiceConfig, resource},
};

pub use self::{
    openapi::document,
    problem::{Kind, Problem},
    rate::Rates,
    routes::missing,
};
use crate::{
    admin::operations::{self, Method},
    state::State,
};

/// Where it is.
pub const BASE: &str = "/api/v1";

/// Its routes.
pub fn configure(config: &mut ServiceConfig) {
    let mut scope = web::scope(BASE)
        .service(resource("/openapi.json").route(web::get().to(openapi::get)))
        .service(resource("/problems/{name}").route(web::get().to(problem::page)));
    let mut paths: Vec<&'static str> = operations::ALL.iter().map(|operation| operation.path).collect();
    paths.sort_unstable();
    paths.dedup();
    // `/keys/rotate` stands before `/keys/{id}`: a name that is written out wins.
    paths.sort_by_key(|path| path.replace('{', "~"));
    for path in paths {
        let mut place = resource(path);
        let mut known = Vec::new();
        for route in routes::ALL.iter().filter(|route| route.operation().path == path) {
            let answer = move |req: HttpRequest, state: Data<State>, payload: Payload| async move {
                dispatch::dispatch(route, &req, &state, payload).await
            };
            let method = http(route.operation().method);
            known.push(method.to_string());
            place = place.route(web::method(method.clone()).to(answer));
            // What only reads can be asked for its head (RFC 9110, section 9.3.2); of what is given part by part there is no end.
            if method == HttpMethod::GET && !route.is_stream() {
                known.push(HttpMethod::HEAD.to_string());
                place = place.route(web::head().to(answer));
            }
        }
        if known.is_empty() {
            continue;
        }
        let allow = known.join(", ");
        let refuse = move |req: HttpRequest, state: Data<State>| {
            let allow = allow.clone();
            async move { problem::not_allowed(&state, &req, &allow) }
        };
        scope = scope.service(place.default_service(web::to(refuse)));
    }
    config.service(resource(docs::PLACE).route(web::get().to(docs::get)));
    config.service(scope.default_service(web::to(nothing_here)));
}

async fn nothing_here(req: HttpRequest, state: Data<State>) -> HttpResponse {
    Problem::new(Kind::NotFound, "there is nothing at this address").respond(&state, &req)
}

fn http(method: Method) -> HttpMethod {
    match method {
        Method::Get => HttpMethod::GET,
        Method::Post => HttpMethod::POST,
        Method::Put => HttpMethod::PUT,
        Method::Patch => HttpMethod::PATCH,
        Method::Delete => HttpMethod::DELETE,
    }
}
