//! The user portal: is my account safe, how do I sign in, where am I signed in, whom did I let in, who am I, what happened. It is
//! an insider.
//!
//! One page, one file. Whoever changes how they sign in proves first, and a moment ago, that it is them (`proof`); that and
//! setting up one more way are errands, which only this portal can send somebody on.

pub(crate) mod activity;
mod apps;
mod client;
mod data;
mod door;
mod factor;
mod factors;
mod home;
mod order;
mod password;
mod profile;
mod proof;
mod safety;
mod sessions;
mod signal;

use actix_web::web::{ServiceConfig, get, post, resource};

pub use client::{CHAIN, ensure};
pub(crate) use sessions::browser;

const HOME: &str = "/portal";
const LOGOUT: &str = "/portal/logout";
const FACTORS: &str = "/portal/factors";
const PASSWORD: &str = "/portal/password";
const ACTIVITY: &str = "/portal/activity";
const APPS: &str = "/portal/apps";
const PROFILE: &str = "/portal/profile";
const DATA: &str = "/portal/data";
const CONFIRM: &str = "/portal/confirm";

/// Every path of the portal.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource(HOME).route(get().to(home::get)).route(post().to(sessions::post)))
        .service(resource("/portal/callback").route(get().to(door::callback)))
        .service(resource(LOGOUT).route(post().to(door::logout)))
        .service(resource(CONFIRM).route(post().to(proof::post)))
        .service(resource(FACTORS).route(get().to(factors::get)))
        .service(resource("/portal/factors/add/{authenticator}").route(post().to(factors::add)))
        .service(resource("/portal/factors/order").route(post().to(order::post)))
        .service(resource("/portal/factors/{id}").route(get().to(factor::get)))
        .service(resource("/portal/factors/{id}/rename").route(post().to(factor::rename)))
        .service(resource("/portal/factors/{id}/test").route(post().to(factor::test)))
        .service(resource("/portal/factors/{id}/remove").route(post().to(factor::remove)))
        .service(resource(PASSWORD).route(get().to(password::get)).route(post().to(password::post)))
        .service(resource(APPS).route(get().to(apps::get)).route(post().to(apps::post)))
        .service(resource(PROFILE).route(get().to(profile::get)).route(post().to(profile::post)))
        .service(resource(DATA).route(get().to(data::get)))
        .service(resource("/portal/data/export").route(post().to(data::export)))
        .service(resource("/portal/data/delete").route(post().to(data::delete)))
        .service(resource(ACTIVITY).route(get().to(activity::get)).route(post().to(activity::disown)));
}
