//! The way of every request.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{HeaderName, HeaderValue},
    web::Payload,
};
use vestibule_oauth::Params;

use super::{
    answer::{Answer, Reply},
    call::Call,
    caller::counted,
    once::{self, Claim},
    problem::{Kind, Problem},
    rate::Left,
    routes::Route,
};
use crate::{
    admin::{FieldFault, import, operations::Method},
    config::nearest,
    http::form,
    rehearsal::rehearsed,
    state::State,
};

const DRY_RUN: HeaderName = HeaderName::from_static("dry-run");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Answers a request.
pub(super) async fn dispatch(
    route: &'static Route,
    req: &HttpRequest,
    state: &State,
    payload: Payload,
) -> HttpResponse {
    let mut left = None;
    let mut response = match passed(route, req, state, payload, &mut left).await {
        Ok(response) => response,
        Err(problem) => problem.respond(state, req),
    };
    if let Some(left) = left {
        left.tell(&mut response);
    }
    response
}

async fn passed(
    route: &'static Route,
    req: &HttpRequest,
    state: &State,
    payload: Payload,
    left: &mut Option<Left>,
) -> Result<HttpResponse, Problem> {
    let operation = route.operation();
    let changes = operation.method != Method::Get;
    // The permission first: who may not is told nothing of what is wrong with their request.
    let actor = counted(state, req, operation.permission, left).await?;
    let query = form::query(req)?;
    let dry_run = parameters(route, &query, changes)?;
    let most = if route.id == "users.import" { import::BOUNDS.bytes } else { state.sizes.body };
    let body = if changes { form::body_up_to(payload, most).await? } else { actix_web::web::Bytes::new() };
    let call = Call { state, actor, req, query, body };
    if dry_run {
        if route.outside {
            return Err(Problem::new(
                Kind::Malformed,
                "this has an effect outside of the server, which cannot be rehearsed",
            ));
        }
        let answer = rehearsed((route.run)(&call)).await?.whole()?;
        let mut response = answer.respond(state, req, changes);
        response.headers_mut().insert(DRY_RUN, HeaderValue::from_static("true"));
        return Ok(response);
    }
    let claim = match operation.method {
        Method::Post => once::claim(&call).await?,
        _ => Claim::None,
    };
    let (answer, replayed) = match claim {
        Claim::Answered(answer) => (*answer, true),
        Claim::None => match (route.run)(&call).await? {
            Reply::Whole(answer) => (answer, false),
            Reply::Parts(response) => return Ok(response),
        },
        Claim::Ours(key) => {
            let done = (route.run)(&call).await.and_then(Reply::whole);
            (once::done(state, key, done).await?, false)
        }
    };
    let mut response = answer.respond(state, req, changes);
    if replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// Whether it is a rehearsal. A parameter that is not known is refused: whoever mistypes `dry_run` must not do it in earnest.
fn parameters(route: &Route, query: &Params, changes: bool) -> Result<bool, Problem> {
    let wrong = |name: &str, detail: &str| Problem::fields(vec![FieldFault::new(format!("/{name}"), detail)]);
    if let Some(name) = query.repeated() {
        return Err(wrong(name, "this parameter is there twice"));
    }
    let known: Vec<&str> = route.query.iter().copied().chain(changes.then_some("dry_run")).collect();
    if let Some((name, _)) = query.iter().find(|(name, _)| !known.contains(name)) {
        let near = nearest(name, known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        return Err(wrong(name, &format!("there is no such parameter here{near}")));
    }
    match query.get("dry_run") {
        Some("true") => Ok(true),
        None | Some("false") => Ok(false),
        Some(_) => Err(wrong("dry_run", "this is true or false")),
    }
}

/// What a function of the table gives, where it gives a whole answer.
pub(super) type Done = Result<Answer, Problem>;
