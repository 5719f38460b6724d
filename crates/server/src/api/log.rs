//! The operations of the audit log that are answered part by part, and its health.

use actix_web::{HttpResponse, web::Data};
use vestibule_core::store::StoreError;

use super::{answer::Answer, call::Call, caller::caller, dispatch::Done, problem::Problem, routes::audit_filter};
use crate::{
    admin::{
        AdminError, FieldFault, Permission,
        audit::{
            Still,
            export::{Export, Format},
            health,
            tail::Tail,
        },
    },
    state::State,
    stream,
};

/// What is answered part by part outlives the call.
fn kept(call: &Call<'_>) -> Result<Data<State>, Problem> {
    let kept = call.req.app_data::<Data<State>>().cloned();
    kept.ok_or_else(|| AdminError::Store(StoreError::Unavailable("no state".to_owned())).into())
}

/// Whether the token is still good, and the permission still there.
fn still(state: &Data<State>, call: &Call<'_>) -> Still {
    let (state, req) = (state.clone(), call.req.clone());
    Box::new(move || {
        let (state, req) = (state.clone(), req.clone());
        Box::pin(async move { caller(&state, &req, Permission::AuditRead).await.is_ok() })
    })
}

pub(super) async fn audit_tail(call: &Call<'_>) -> Result<HttpResponse, Problem> {
    let (state, filter) = (kept(call)?, audit_filter(call)?);
    let after = stream::stands_at(call.req, call.query.get("after"))?;
    let tail = Tail::begin(&state, &call.actor, filter, after).await?;
    let show = Box::new(|view: &_| serde_json::to_string(view).unwrap_or_default());
    Ok(stream::tail(state.clone(), tail, still(&state, call), show))
}

pub(super) async fn audit_export(call: &Call<'_>) -> Result<HttpResponse, Problem> {
    let (state, filter) = (kept(call)?, audit_filter(call)?);
    let wrong = || Problem::fields(vec![FieldFault::new("/format", "this is ndjson or csv")]);
    let format = call.query.get("format").map_or(Some(Format::Ndjson), Format::of).ok_or_else(wrong)?;
    let export = Export::begin(&state, &call.actor, filter, format).await?;
    Ok(stream::export(state.clone(), export, still(&state, call)))
}

pub(super) async fn audit_health(call: &Call<'_>) -> Done {
    Ok(Answer::json(&health::health(call.state, &call.actor).await?))
}
