//! Every route, grouped by who calls it. A method that a resource does not have is answered with 405 and `Allow`.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data, ServiceConfig, get, head, post, resource},
};
use vestibule_oauth::issuer::path;

use crate::{
    api, console, demo, dev,
    handlers::{
        assets, authorize, discovery, fixed, forgot_password, health, interaction, introspect, invitation, jwks,
        logout, metrics, receipts, revoke, root, set_password, token, userinfo,
    },
    http::cors,
    joining, portal,
    state::State,
};

/// The public listener. An issuer with a path has everything below it, too: some proxies strip a path, some do not.
pub fn public(config: &mut ServiceConfig, state: &Data<State>) {
    let below = state.public.issuer.path().to_owned();
    let dev = state.dev.is_some();
    if !below.is_empty() {
        // RFC 8414, section 3.1 puts the issuer's path behind the well-known one; OpenID Connect Discovery puts it before.
        for document in discovery::PATHS {
            config.service(readable(&format!("{document}{below}"), discovery::get));
        }
        config.service(web::scope(&below).configure(move |config| everything(config, dev)));
    }
    everything(config, dev);
    config.default_service(web::to(fixed::not_found));
}

fn everything(config: &mut ServiceConfig, dev: bool) {
    // Programs.
    for document in discovery::PATHS {
        config.service(readable(document, discovery::get).route(options("GET, HEAD")));
    }
    config
        .service(readable(path::JWKS, jwks::get).route(options("GET, HEAD")))
        .service(readable("/.well-known/jwks.json", jwks::get).route(options("GET, HEAD")))
        .service(resource(path::TOKEN).route(post().to(token::post)).route(options("POST")))
        .service(resource(path::REVOKE).route(post().to(revoke::post)).route(options("POST")))
        .service(resource(path::INTROSPECT).route(post().to(introspect::post)))
        .service(
            resource(path::USERINFO)
                .route(get().to(userinfo::get))
                .route(post().to(userinfo::post))
                .route(options("GET, POST")),
        );
    // People.
    config
        .service(resource(path::AUTHORIZE).route(get().to(authorize::get)).route(post().to(authorize::post)))
        .service(resource("/interaction/{id}").route(get().to(interaction::get)).route(post().to(interaction::post)))
        .service(resource(path::LOGOUT).route(get().to(logout::get)).route(post().to(logout::post)))
        .configure(portal::routes)
        .configure(joining::routes)
        .service(resource("/").route(get().to(root::get)));
    console::routes(config);
    config
        .service(
            resource("/set-password/{token}").route(get().to(set_password::get)).route(post().to(set_password::post)),
        )
        .service(
            resource("/reset-password/{token}")
                .route(get().to(set_password::get_mailed))
                .route(post().to(set_password::post_mailed)),
        )
        .service(
            resource(forgot_password::PATH)
                .route(get().to(forgot_password::get))
                .route(post().to(forgot_password::post)),
        );
    // Admins.
    config.service(resource("/invitation/{token}").route(get().to(invitation::get)).route(post().to(invitation::post)));
    api::configure(config);
    // Gateways.
    config.service(resource("/gateways/{connection}/receipts/{secret}").route(post().to(receipts::post)));
    // Browsers.
    config
        .service(readable("/assets/{name}", assets::get))
        .service(readable("/favicon.ico", assets::favicon))
        .service(readable("/robots.txt", fixed::robots))
        .service(readable("/.well-known/webauthn", fixed::related_origins))
        .service(resource("/.well-known/change-password").route(get().to(fixed::change_password)));
    if dev {
        development(config);
    }
}

/// Only where somebody tries the server out: under `serve` these paths are not there at all.
fn development(config: &mut ServiceConfig) {
    config
        .service(resource("/demo").route(get().to(demo::get)))
        .service(resource("/demo/login").route(get().to(demo::login)))
        .service(resource("/demo/callback").route(get().to(demo::callback)))
        .service(resource("/demo/logout").route(post().to(demo::logout)))
        .service(resource("/dev/outbox").route(get().to(dev::outbox)))
        .service(resource("/dev/outbox.json").route(get().to(dev::outbox_json)))
        .service(resource("/dev/gallery").route(get().to(dev::gallery)))
        .service(resource("/dev/gallery/{page}/{state}").route(get().to(dev::gallery_page)));
}

/// The management listener.
pub fn management(config: &mut ServiceConfig) {
    config
        .service(resource(["/healthz/live", "/health", "/healthz"]).route(get().to(health::live)))
        .service(resource(["/healthz/ready", "/ready"]).route(get().to(health::ready)))
        .service(resource("/healthz/startup").route(get().to(health::startup)))
        .service(resource("/metrics").route(get().to(metrics::get)))
        .service(resource("/version").route(get().to(health::version)));
}

/// A resource for GET and HEAD.
fn readable<F, Args>(path: &str, handler: F) -> actix_web::Resource
where
    F: actix_web::Handler<Args, Output = HttpResponse> + Clone,
    Args: actix_web::FromRequest + 'static,
{
    resource(path).route(get().to(handler.clone())).route(head().to(handler))
}

/// The answer to a browser that asks whether another origin may call.
fn options(methods: &'static str) -> actix_web::Route {
    web::method(actix_web::http::Method::OPTIONS)
        .to(move |req: HttpRequest, state: Data<State>| async move { cors::preflight(&req, methods, &state.live) })
}
