//! The table: for each operation, the function that reads what is its own, calls the service once and says what to answer. An
//! operation of the list without a line here fails a test ([`missing`]).

use std::{future::Future, pin::Pin, time::Duration};

use actix_web::HttpResponse;
use schemars::JsonSchema;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use vestibule_core::{
    audit::page::AuditFilter,
    chain::ChainDocument,
    id::{ChainName, SessionId, UserId},
    time::Timestamp,
};
use vestibule_oauth::model::Client;

use super::{
    answer::{Answer, Reply},
    call::Call,
    dispatch::Done,
    log::{audit_export, audit_health, audit_tail},
    openapi::Shape,
    problem::Problem,
};
use crate::admin::{
    FieldFault, Operation, Permission,
    audit::{self, AuditList, health::Health},
    bypass::{self, BypassCode, NewBypass},
    chains::{
        self, ChainSummary, ChainView, Checked, HistoryView, NewChain, PlanRequest, Publish, RevisionView, SaveDraft,
        Simulated,
    },
    clients::{self, ClientView},
    compromise,
    connections::{self, ConnectionView, HealthView, NewConnection, TestView},
    doctor, groups,
    import::{self, Taking},
    invitations::{self, InvitationView, NewInvitation},
    keys::{self, KeyView},
    messages::{self, Lift, MessageFigures},
    operations,
    otp::{self, NewOtp, OtpView, TypedOtp, VerifiedOtp},
    overview::{self, Overview, Window},
    paging::PageQuery,
    registration::{self, OpenRegistration, RegistrationView},
    sessions::{self, SessionView},
    settings::{self, SettingView},
    trials::{self, NewTrial, TrialLink},
    users::{self, FactorView, NewUser, OwnRoles, PasswordLink, SignedOut, UserChange, UserQuery, UserView},
};
use crate::{
    doctor::Advice,
    import::{Refused, Report},
    rehearsal::is_rehearsal,
    stream::table,
};

/// What a function of the table gives, later.
type Doing<'a> = Pin<Box<dyn Future<Output = Result<Reply, Problem>> + 'a>>;

/// A line of the table.
pub(super) struct Route {
    pub(super) id: &'static str,
    pub(super) run: for<'a> fn(&'a Call<'a>) -> Doing<'a>,
    /// The parameters of its query.
    pub(super) query: &'static [&'static str],
    pub(super) takes: Shape,
    pub(super) gives: Shape,
    /// Whether it has an effect outside of the server, which cannot be taken back.
    pub(super) outside: bool,
}

impl Route {
    /// Whether it answers part by part.
    pub(super) fn is_stream(&self) -> bool {
        matches!(self.gives, Shape::Media(..))
    }

    /// The operation of this line.
    pub(super) fn operation(&self) -> &'static Operation {
        operations::of(self.id).unwrap_or(&NOBODYS)
    }
}

/// What a line of no operation would be: nowhere, and for owners alone. A test finds it.
static NOBODYS: Operation = Operation {
    id: "",
    method: operations::Method::Delete,
    path: "",
    permission: Permission::RolesWrite,
    summary: "",
    console: &[],
};

/// The operations that have no line here.
pub fn missing() -> Vec<&'static str> {
    let known = |id: &str| ALL.iter().any(|route| route.id == id);
    operations::ALL.iter().map(|operation| operation.id).filter(|id| !known(id)).collect()
}

macro_rules! routes {
    ($($id:literal $run:ident ($($query:literal)*) $takes:expr => $gives:expr $(, $outside:ident)?;)*) => {
        /// Every line.
        pub(super) const ALL: &[Route] = &[$(Route {
            id: $id,
            run: |call| Box::pin(async move { Ok($run(call).await?.into()) }),
            query: &[$($query),*],
            takes: $takes,
            gives: $gives,
            outside: routes!(@ $($outside)?),
        }),*];
    };
    (@) => { false };
    (@ outside) => { true };
}

const fn of<T: JsonSchema>() -> Shape {
    Shape::of::<T>()
}
/// A page of a list.
const fn list<T: JsonSchema>() -> Shape {
    Shape::list::<T>()
}
/// A merge patch, without the fields that are not changed so.
const fn patch<T: JsonSchema>(fixed: &'static [&'static str]) -> Shape {
    Shape::patch::<T>(fixed)
}
/// No JSON: the media type, and what it is.
const fn media(kind: &'static str, what: &'static str) -> Shape {
    Shape::Media(kind, what)
}
const NONE: Shape = Shape::None;

routes! {
    "users.list" users_list ("q" "group" "role" "disabled" "second_factor" "signed_in" "limit" "after") NONE => list::<UserView>();
    "users.create" users_create () of::<NewUser>() => of::<UserView>();
    "users.import" users_import ("skip_bad" "invite") media("text/csv", "Users, one in a line below a header of columns, as `vestibule user import` takes them: at most 2 MiB and 10,000 lines.") => of::<Report>();
    "users.get" users_get () NONE => of::<UserView>();
    "users.update" users_update () of::<UserChange>() => of::<UserView>();
    "users.delete" users_delete () NONE => NONE;
    "users.set_roles" users_set_roles () of::<OwnRoles>() => of::<UserView>();
    "users.factors" users_factors () NONE => list::<FactorView>();
    "users.remove_factor" users_remove_factor () NONE => NONE;
    "users.password_link" users_password_link () NONE => of::<PasswordLink>();
    "users.require_password" users_require_password () NONE => of::<SignedOut>();
    "users.bypass_code" users_bypass_code () of::<NewBypass>() => of::<BypassCode>();
    "users.invite" users_invite () of::<NewInvitation>() => of::<invitations::Made>(), outside;
    "users.invitation" users_invitation () NONE => of::<InvitationView>();
    "users.revoke_invitation" users_revoke_invitation () NONE => NONE;
    "registration.get" registration_get () NONE => of::<RegistrationView>();
    "registration.set" registration_set () of::<OpenRegistration>() => of::<RegistrationView>();
    "users.timeline" users_timeline ("limit" "after") NONE => of::<AuditList>();
    "users.sessions" users_sessions () NONE => list::<SessionView>();
    "users.sign_out" users_sign_out () NONE => of::<SignedOut>();
    "sessions.list" sessions_list ("limit" "after") NONE => list::<SessionView>();
    "sessions.end" sessions_end () NONE => NONE;
    "groups.list" groups_list ("limit" "after") NONE => list::<groups::GroupView>();
    "clients.list" clients_list ("limit" "after") NONE => list::<ClientView>();
    "clients.create" clients_create () of::<Client>() => of::<NewSecret<'static>>();
    "clients.get" clients_get () NONE => of::<ClientView>();
    "clients.update" clients_update () patch::<Client>(&["id"]) => of::<ClientView>();
    "clients.delete" clients_delete () NONE => NONE;
    "clients.rotate_secret" clients_rotate_secret () of::<Rotation>() => of::<NewSecret<'static>>();
    "clients.try" clients_try () of::<NewTrial>() => of::<TrialLink>();
    "connections.list" connections_list ("limit" "after") NONE => list::<ConnectionView>();
    "connections.create" connections_create () of::<NewConnection>() => of::<ConnectionView>();
    "connections.get" connections_get () NONE => of::<ConnectionView>();
    "connections.update" connections_update () patch::<NewConnection>(&["name", "kind"]) => of::<ConnectionView>();
    "connections.delete" connections_delete () NONE => NONE;
    "connections.health" connections_health () NONE => of::<HealthView>();
    "connections.test" connections_test () of::<Trial>() => of::<TestView>(), outside;
    "chains.list" chains_list ("limit" "after") NONE => list::<ChainSummary>();
    "chains.create" chains_create () of::<NewChain>() => of::<ChainView>();
    "chains.get" chains_get () NONE => of::<ChainView>();
    "chains.save_draft" chains_save_draft () of::<SaveDraft>() => of::<ChainView>();
    "chains.discard_draft" chains_discard_draft () NONE => NONE;
    "chains.check" chains_check () of::<CheckRequest>() => of::<Checked>();
    "chains.publish" chains_publish () of::<Publish>() => of::<ChainView>();
    "chains.history" chains_history ("limit" "after") NONE => list::<HistoryView>();
    "chains.revision" chains_revision () NONE => of::<RevisionView>();
    "chains.restore" chains_restore () NONE => of::<ChainView>();
    "chains.delete" chains_delete () NONE => NONE;
    "chains.plan" chains_plan () of::<PlanRequest>() => of::<Simulated>();
    "keys.list" keys_list ("limit" "after") NONE => list::<KeyView>();
    "keys.rotate" keys_rotate () of::<KeyRotation>() => list::<KeyView>();
    "audit.list" audit_list ("kind" "user" "actor" "client" "since" "until" "request_id" "limit" "after") NONE => of::<AuditList>();
    "audit.tail" audit_tail ("kind" "user" "actor" "client" "since" "until" "request_id" "after") NONE => media("text/event-stream", "Each event of the log as it is sealed, as `data`, with its `seq` as `id`. Come back with `Last-Event-ID`, or with it as `after`. `event: over` says that you may look no longer.");
    "audit.export" audit_export ("kind" "user" "actor" "client" "since" "until" "request_id" "format") NONE => media("application/x-ndjson", "The events, newest first, one JSON object a line. With `format=csv`: `text/csv`.");
    "audit.health" audit_health () NONE => of::<Health>();
    "settings.list" settings_list () NONE => list::<SettingView>();
    "doctor.run" doctor_run () NONE => list::<Advice>();
    "otp.create" otp_create () of::<NewOtp>() => of::<OtpView>(), outside;
    "otp.get" otp_get () NONE => of::<OtpView>();
    "otp.resend" otp_resend () NONE => of::<OtpView>(), outside;
    // A rehearsal would judge a code without counting the try.
    "otp.verify" otp_verify () of::<TypedOtp>() => of::<VerifiedOtp>(), outside;
    "messages.get" messages_get ("window") NONE => of::<MessageFigures>();
    "messages.export" messages_export ("window") NONE => media("text/csv", "Each hour, or each day of what is longer than a day, gateway and country in a line.");
    "messages.lift" messages_lift () of::<Lift>() => NONE;
    "overview.get" overview_get ("window") NONE => of::<Overview>();
}

async fn users_list(call: &Call<'_>) -> Done {
    let query = UserQuery {
        q: call.text("q"),
        group: call.text("group"),
        role: call.text("role"),
        disabled: call.parameter("disabled", "true or false")?,
        second_factor: call.parameter("second_factor", "true or false")?,
        signed_in: call.parameter("signed_in", "true or false")?,
        page: call.page()?,
    };
    Ok(Answer::list(&users::list(call.state, &call.actor, &query).await?))
}

async fn users_create(call: &Call<'_>) -> Done {
    let user = users::create(call.state, &call.actor, call.body::<NewUser>()?).await?;
    Ok(Answer::versioned(&user).created(&format!("/users/{}", user.value.id)))
}

async fn users_import(call: &Call<'_>) -> Done {
    let flag = |name: &str| Ok::<_, Problem>(call.parameter(name, "true or false")?.unwrap_or(false));
    let taking = Taking { dry_run: false, skip_bad: flag("skip_bad")?, invite: flag("invite")? };
    let report = import::import(call.state, &call.actor, call.csv()?, taking).await?;
    if report.applied || is_rehearsal() {
        return Ok(Answer::json(&report));
    }
    // Nothing was written: that is no success.
    let fault = |refused: &Refused| {
        let place = format!("/{}/{}", refused.line, refused.column);
        FieldFault::new(place.trim_end_matches('/'), &*refused.why)
    };
    Err(Problem::fields(report.refused.iter().map(fault).collect()))
}

async fn users_get(call: &Call<'_>) -> Done {
    Ok(Answer::versioned(&users::get(call.state, &call.actor, call.id("id")?).await?))
}

async fn users_update(call: &Call<'_>) -> Done {
    let (id, tag) = (call.id::<UserId>("id")?, call.if_match()?);
    let change = call.body::<UserChange>()?;
    Ok(Answer::versioned(&users::update(call.state, &call.actor, id, tag.as_ref(), change).await?))
}

async fn users_delete(call: &Call<'_>) -> Done {
    users::delete(call.state, &call.actor, call.id("id")?, call.if_match()?.as_ref()).await?;
    Ok(Answer::none())
}

async fn users_set_roles(call: &Call<'_>) -> Done {
    let (id, tag) = (call.id::<UserId>("id")?, call.if_match()?);
    let roles = call.body::<OwnRoles>()?;
    Ok(Answer::versioned(&users::set_roles(call.state, &call.actor, id, tag.as_ref(), roles).await?))
}

async fn users_factors(call: &Call<'_>) -> Done {
    Ok(Answer::all(&users::factors(call.state, &call.actor, call.id("id")?).await?))
}

async fn users_remove_factor(call: &Call<'_>) -> Done {
    users::remove_factor(call.state, &call.actor, call.id("id")?, call.name("factor")).await?;
    Ok(Answer::none())
}

async fn users_password_link(call: &Call<'_>) -> Done {
    Ok(Answer::json(&users::password_link(call.state, &call.actor, call.id("id")?).await?))
}

async fn users_require_password(call: &Call<'_>) -> Done {
    Ok(Answer::json(&compromise::require(call.state, &call.actor, call.id("id")?).await?))
}

async fn users_bypass_code(call: &Call<'_>) -> Done {
    let new = call.body::<NewBypass>()?;
    Ok(Answer::json(&bypass::make(call.state, &call.actor, call.id("id")?, new).await?))
}

async fn users_invite(call: &Call<'_>) -> Done {
    let new = call.body_or_default::<NewInvitation>()?;
    Ok(Answer::json(&invitations::invite(call.state, &call.actor, call.id("id")?, &new).await?))
}

async fn users_invitation(call: &Call<'_>) -> Done {
    Ok(Answer::json(&invitations::get(call.state, &call.actor, call.id("id")?).await?))
}

async fn users_revoke_invitation(call: &Call<'_>) -> Done {
    invitations::revoke(call.state, &call.actor, call.id("id")?).await?;
    Ok(Answer::none())
}

async fn registration_get(call: &Call<'_>) -> Done {
    Ok(Answer::json(&registration::get(call.state, &call.actor).await?))
}

async fn registration_set(call: &Call<'_>) -> Done {
    let wanted = call.body::<OpenRegistration>()?;
    Ok(Answer::json(&registration::set(call.state, &call.actor, wanted).await?))
}

/// The log is read without the right to read users, too; of nobody it tells nothing.
async fn users_timeline(call: &Call<'_>) -> Done {
    let filter = AuditFilter { user: Some(call.id("id")?), ..AuditFilter::default() };
    events(call, &filter).await
}

async fn users_sessions(call: &Call<'_>) -> Done {
    Ok(Answer::all(&users::sessions(call.state, &call.actor, call.id("id")?).await?))
}

async fn users_sign_out(call: &Call<'_>) -> Done {
    Ok(Answer::json(&users::sign_out(call.state, &call.actor, call.id("id")?).await?))
}

async fn sessions_list(call: &Call<'_>) -> Done {
    Ok(Answer::list(&sessions::list(call.state, &call.actor, &call.page()?).await?))
}

async fn sessions_end(call: &Call<'_>) -> Done {
    sessions::end(call.state, &call.actor, call.id::<SessionId>("id")?).await?;
    Ok(Answer::none())
}

async fn groups_list(call: &Call<'_>) -> Done {
    Ok(Answer::list(&groups::list(call.state, &call.actor, &call.page()?).await?))
}

/// The members of a JSON object; what they mean the service says.
fn object(call: &Call<'_>) -> Result<Map<String, Value>, Problem> {
    call.body()
}

async fn clients_list(call: &Call<'_>) -> Done {
    Ok(Answer::list(&clients::list(call.state, &call.actor, &call.page()?).await?))
}

async fn clients_create(call: &Call<'_>) -> Done {
    let made = clients::create(call.state, &call.actor, &object(call)?).await?;
    let id = made.client.value.client.id.clone();
    Ok(with_secret(&made).created(&format!("/clients/{id}")))
}

/// A service provider, and beside it the secret that is shown once.
#[derive(Serialize, JsonSchema)]
struct NewSecret<'a> {
    client: &'a ClientView,
    /// The secret, now and never again; `null` for one that does not authenticate by a secret.
    secret: Option<&'a str>,
}

fn with_secret(made: &clients::WithSecret) -> Answer {
    let secret = made.secret.as_ref().map(|secret| secret.expose_secret());
    Answer::json(&NewSecret { client: &made.client.value, secret }).tagged(&made.client.etag)
}

async fn clients_get(call: &Call<'_>) -> Done {
    Ok(Answer::versioned(&clients::get(call.state, &call.actor, call.name("id")).await?))
}

async fn clients_update(call: &Call<'_>) -> Done {
    let tag = call.if_match()?;
    let changed = clients::update(call.state, &call.actor, call.name("id"), &object(call)?, tag.as_ref()).await?;
    Ok(Answer::versioned(&changed))
}

async fn clients_delete(call: &Call<'_>) -> Done {
    clients::delete(call.state, &call.actor, call.name("id"), call.if_match()?.as_ref()).await?;
    Ok(Answer::none())
}

/// How a secret is replaced.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Rotation {
    /// For how many seconds the old secrets work on; not at all when nothing is said.
    #[serde(default)]
    overlap: u32,
}

async fn clients_rotate_secret(call: &Call<'_>) -> Done {
    let rotation: Rotation = call.body_or_default()?;
    let overlap = Duration::from_secs(rotation.overlap.into());
    let tag = call.if_match()?;
    let made = clients::rotate_secret(call.state, &call.actor, call.name("id"), overlap, tag.as_ref()).await?;
    Ok(with_secret(&made))
}

async fn clients_try(call: &Call<'_>) -> Done {
    let asked: NewTrial = call.body_or_default()?;
    Ok(Answer::json(&trials::offer(call.state, &call.actor, call.name("id"), &asked).await?))
}

async fn connections_list(call: &Call<'_>) -> Done {
    Ok(Answer::list(&connections::list(call.state, &call.actor, &call.page()?).await?))
}

async fn connections_create(call: &Call<'_>) -> Done {
    let made = connections::create(call.state, &call.actor, &object(call)?).await?;
    Ok(Answer::versioned(&made).created(&format!("/connections/{}", made.value.name)))
}

async fn connections_get(call: &Call<'_>) -> Done {
    Ok(Answer::versioned(&connections::get(call.state, &call.actor, call.name("name")).await?))
}

async fn connections_update(call: &Call<'_>) -> Done {
    let (tag, patch) = (call.if_match()?, object(call)?);
    let changed = connections::update(call.state, &call.actor, call.name("name"), &patch, tag.as_ref()).await?;
    Ok(Answer::versioned(&changed))
}

async fn connections_delete(call: &Call<'_>) -> Done {
    connections::delete(call.state, &call.actor, call.name("name"), call.if_match()?.as_ref()).await?;
    Ok(Answer::none())
}

async fn connections_health(call: &Call<'_>) -> Done {
    Ok(Answer::json(&connections::health(call.state, &call.actor, call.name("name")).await?))
}

/// Where a test message goes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Trial {
    /// The number, with `+` and country code.
    to: String,
}

async fn connections_test(call: &Call<'_>) -> Done {
    let trial = call.body::<Trial>()?;
    Ok(Answer::json(&connections::test(call.state, &call.actor, call.name("name"), &trial.to).await?))
}

async fn chains_list(call: &Call<'_>) -> Done {
    Ok(Answer::list(&chains::list(call.state, &call.actor, &call.page()?).await?))
}

fn chain(call: &Call<'_>) -> ChainName {
    ChainName::from(call.name("name"))
}

fn revision(call: &Call<'_>) -> Result<i64, Problem> {
    call.id("revision")
}

async fn chains_create(call: &Call<'_>) -> Done {
    let made = chains::create(call.state, &call.actor, call.body::<NewChain>()?).await?;
    Ok(Answer::versioned(&made).created(&format!("/chains/{}", made.value.name)))
}

async fn chains_get(call: &Call<'_>) -> Done {
    Ok(Answer::versioned(&chains::get(call.state, &call.actor, &chain(call)).await?))
}

async fn chains_save_draft(call: &Call<'_>) -> Done {
    let (tag, draft) = (call.if_match()?, call.body::<SaveDraft>()?);
    let saved = chains::save_draft(call.state, &call.actor, &chain(call), tag.as_ref(), draft).await?;
    Ok(Answer::versioned(&saved))
}

async fn chains_discard_draft(call: &Call<'_>) -> Done {
    chains::discard_draft(call.state, &call.actor, &chain(call), call.if_match()?.as_ref()).await?;
    Ok(Answer::none())
}

/// What is to be checked.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CheckRequest {
    /// A document; the draft, when none is given.
    #[serde(default)]
    document: Option<ChainDocument>,
}

async fn chains_check(call: &Call<'_>) -> Done {
    let asked: CheckRequest = call.body_or_default()?;
    Ok(Answer::json(&chains::check(call.state, &call.actor, &chain(call), asked.document).await?))
}

async fn chains_publish(call: &Call<'_>) -> Done {
    let (tag, publish) = (call.if_match()?, call.body_or_default::<Publish>()?);
    let published = chains::publish(call.state, &call.actor, &chain(call), tag.as_ref(), publish).await?;
    Ok(Answer::versioned(&published))
}

async fn chains_history(call: &Call<'_>) -> Done {
    Ok(Answer::list(&chains::history(call.state, &call.actor, &chain(call), &call.page()?).await?))
}

async fn chains_revision(call: &Call<'_>) -> Done {
    Ok(Answer::json(&chains::revision(call.state, &call.actor, &chain(call), revision(call)?).await?))
}

async fn chains_restore(call: &Call<'_>) -> Done {
    let (tag, number) = (call.if_match()?, revision(call)?);
    let restored = chains::restore(call.state, &call.actor, &chain(call), number, tag.as_ref()).await?;
    Ok(Answer::versioned(&restored))
}

async fn chains_delete(call: &Call<'_>) -> Done {
    chains::delete(call.state, &call.actor, &chain(call), call.if_match()?.as_ref()).await?;
    Ok(Answer::none())
}

async fn chains_plan(call: &Call<'_>) -> Done {
    let request = call.body_or_default::<PlanRequest>()?;
    Ok(Answer::json(&chains::plan(call.state, &call.actor, &chain(call), &request).await?))
}

async fn keys_list(call: &Call<'_>) -> Done {
    Ok(Answer::list(&keys::list(call.state, &call.actor, &call.page()?).await?))
}

/// Which key is replaced.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct KeyRotation {
    /// The algorithm, such as `ES256`.
    algorithm: String,
}

async fn keys_rotate(call: &Call<'_>) -> Done {
    let rotation = call.body::<KeyRotation>()?;
    Ok(Answer::all(&keys::rotate(call.state, &call.actor, &rotation.algorithm).await?))
}

/// An instant of a parameter, as RFC 3339 has it.
fn instant(call: &Call<'_>, name: &str) -> Result<Option<vestibule_core::Time>, Problem> {
    let Some(text) = call.text(name) else { return Ok(None) };
    let read = Timestamp::parse(&text);
    let wrong = || Problem::fields(vec![FieldFault::new(format!("/{name}"), "write it as 2026-11-23T14:00:00Z")]);
    read.map(|at| Some(at.0)).ok_or_else(wrong)
}

/// The filter of a question to the audit log.
pub(super) fn audit_filter(call: &Call<'_>) -> Result<AuditFilter, Problem> {
    Ok(AuditFilter {
        kind: call.text("kind"),
        user: call.parameter("user", "the id of a user")?,
        actor: call.parameter("actor", "the id of a user")?,
        client: call.text("client"),
        since: instant(call, "since")?,
        until: instant(call, "until")?,
        request_id: call.text("request_id"),
    })
}

async fn audit_list(call: &Call<'_>) -> Done {
    events(call, &audit_filter(call)?).await
}

/// A page of the log.
async fn events(call: &Call<'_>, filter: &AuditFilter) -> Done {
    let PageQuery { limit, after } = call.page()?;
    let limit = PageQuery { limit, after: None }.read::<String>(&"audit", &call.state.prf)?.limit;
    let page = audit::list(call.state, &call.actor, filter, after.as_deref(), limit).await?;
    Ok(Answer::json(&page).and_next(page.next))
}

async fn settings_list(call: &Call<'_>) -> Done {
    Ok(Answer::all(&settings::list(call.state, &call.actor)?))
}

async fn doctor_run(call: &Call<'_>) -> Done {
    Ok(Answer::all(&doctor::run(call.state, &call.actor, call.req).await?.advice()))
}

async fn otp_create(call: &Call<'_>) -> Done {
    let made = otp::create(call.state, &call.actor, call.body::<NewOtp>()?).await?;
    Ok(Answer::json(&made).created(&format!("/otp/{}", made.id)))
}

async fn otp_get(call: &Call<'_>) -> Done {
    Ok(Answer::json(&otp::get(call.state, &call.actor, call.id("id")?).await?))
}

async fn otp_resend(call: &Call<'_>) -> Done {
    Ok(Answer::json(&otp::resend(call.state, &call.actor, call.id("id")?).await?))
}

async fn otp_verify(call: &Call<'_>) -> Done {
    let (id, typed) = (call.id("id")?, call.body::<TypedOtp>()?);
    Ok(Answer::json(&otp::verify(call.state, &call.actor, id, &typed).await?))
}

async fn messages_get(call: &Call<'_>) -> Done {
    Ok(Answer::json(&messages::get(call.state, &call.actor, Window::of(call.query.get("window"))?).await?))
}

async fn messages_export(call: &Call<'_>) -> Result<HttpResponse, Problem> {
    let window = Window::of(call.query.get("window"))?;
    Ok(table("messages.csv", messages::export(call.state, &call.actor, window).await?))
}

async fn messages_lift(call: &Call<'_>) -> Done {
    messages::lift(call.state, &call.actor, call.body::<Lift>()?).await?;
    Ok(Answer::none())
}

async fn overview_get(call: &Call<'_>) -> Done {
    Ok(Answer::json(&overview::get(call.state, &call.actor, Window::of(call.query.get("window"))?).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_of_an_operation_and_there_is_one_of_each() {
        let mut ids: Vec<&str> = ALL.iter().map(|route| route.id).collect();
        assert!(ids.iter().all(|id| operations::of(id).is_some()), "{ids:?}");
        ids.sort_unstable();
        ids.dedup();
        assert_eq!((ids.len(), missing()), (ALL.len(), Vec::new()));
    }
}
