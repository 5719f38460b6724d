//! The first page: who somebody is, and where they say that they are reached.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Payload},
};
use vestibule_authn_emailotp::parse_address;
use vestibule_authn_smsotp::read_number;
use vestibule_core::{
    authenticator::Contact,
    budget::{Beyond, Budget, BudgetKey, Limited, Network, Rule},
    channel::Connection,
    code::{Alphabet, CodeSpec, IssuedCode},
    engine::Stranger,
    id::InteractionId,
    joining::Registration,
    prompt::Text,
    store::{StoreExt as _, StoreResult},
    time::Time,
    user::LoginName,
};
use vestibule_oauth::Params;

use super::{
    CODE, CODE_TRIES, Held, LIFE, beginning, blank, connection, destination, draw, fault, open, posted, run_of,
};
use crate::{
    admin::profile::is_line,
    answer, context,
    http::form,
    joining::{set, sign_in, words},
    pages::{Fault, Register, Stage, Term},
    state::{State, Transaction},
};

/// Eight digits: whoever asks for codes to an address that is not theirs has five tries each.
pub(super) const SPEC: CodeSpec =
    CodeSpec { length: 8, alphabet: Alphabet::Numeric, life: vestibule_core::chain::Seconds(600), tries: CODE_TRIES };
const DAY: Duration = Duration::from_secs(86_400);

/// `GET /register`. It writes nothing.
pub(super) async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    if let Err(answer) = open(&state, &req) {
        return answer;
    }
    let query = form::query(&req).unwrap_or_default();
    let run = query.get("run").and_then(|id| run_of(&state, &req, id));
    let held = Held::of(&state, &req).unwrap_or_else(|| Held::new(&state));
    let page = match page(&state, run).await {
        Ok(page) => page,
        Err(error) => return answer::store_error(&state, &req, &error),
    };
    let mut response = draw(&state, &req, StatusCode::OK, page, held.csrf(&state));
    set(&mut response, &held.cookie(&state));
    response
}

/// `POST /register`.
pub(super) async fn post(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (held, params) = match posted(&state, &req, payload).await {
        Ok(posted) => posted,
        Err(answer) => return answer,
    };
    let query = form::query(&req).unwrap_or_default();
    let run = query.get("run").and_then(|id| run_of(&state, &req, id));
    let begun = match Wish::read(&state, &params) {
        Ok(wish) => begin(&state, &req, wish, run).await,
        Err(fault) => Ok(Err((status(&fault), fault))),
    };
    match begun {
        Ok(Ok(held)) => {
            let mut response = answer::see_other(&state.public.path(CODE));
            set(&mut response, &held.cookie(&state));
            response
        }
        Ok(Err((status, fault))) => again(&state, &req, &held, run, &params, (status, fault)).await,
        Err(error) => answer::store_error(&state, &req, &error),
    }
}

/// That no message can be sent is our trouble, and nothing that was typed.
fn status(fault: &Fault) -> StatusCode {
    if fault.field.is_empty() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::UNPROCESSABLE_ENTITY }
}

/// What somebody wants.
struct Wish {
    name: String,
    contact: Contact,
    by: Connection,
}

impl Wish {
    /// The list, in the order of the page. What is refused here is refused whoever has an account.
    #[expect(clippy::result_large_err, reason = "it is shown as it is, once a request")]
    fn read(state: &State, params: &Params) -> Result<Self, Fault> {
        let text = |name: &str| params.get(name).unwrap_or_default().trim();
        let name = text("name");
        if !is_line(name) {
            return Err(fault("register.fault.name", "name"));
        }
        let by = connection(state).ok_or_else(|| fault("register.fault.closed", ""))?;
        let contact = if by.kind == vestibule_authn_emailotp::Mail::KIND {
            let wrong = || fault("register.fault.email", "contact");
            let typed = params.get("contact").unwrap_or_default();
            let address = parse_address(typed).map_err(|_| wrong())?;
            if !crate::declare::is_email(address.as_str()) || !is_itself(address.as_str()) {
                return Err(wrong());
            }
            let domain = address.as_str().rsplit_once('@').map_or("", |(_, domain)| domain);
            if !state.registration.takes(domain) {
                return Err(fault("register.fault.domain", "contact"));
            }
            Contact::Email(address.as_str().to_owned())
        } else {
            let number = read_number(text("contact"), &by).ok_or_else(|| fault("register.fault.phone", "contact"))?;
            Contact::PhoneNumber(number.as_str().to_owned())
        };
        if !terms(state).is_empty() && text("agree") != "yes" {
            return Err(fault("register.fault.agree", "agree"));
        }
        Ok(Self { name: name.to_owned(), contact, by })
    }
}

/// Whether an address signs in as what it is. With `ſ` for `s`, or the sign of Kelvin for `k`, it would sign in as somebody
/// else's, and keep them from theirs.
fn is_itself(address: &str) -> bool {
    let plain = |text: &str| text.bytes().filter(u8::is_ascii).count();
    LoginName::parse(address)
        .is_some_and(|name| name.as_str() == address.to_lowercase() && plain(name.as_str()) == plain(address))
}

/// Writes the registration down, and lets the message leave after the answer.
async fn begin(
    state: &Data<State>,
    req: &HttpRequest,
    wish: Wish,
    run: Option<InteractionId>,
) -> StoreResult<Result<Held, (StatusCode, Fault)>> {
    let (now, held, cx) = (state.clock.now(), Held::new(state), context::of(state, req));
    let Wish { name, contact, by } = wish;
    let registration = Registration {
        key: held.key(state),
        version: 1,
        id: InteractionId::new(now, &*state.random),
        run,
        code: IssuedCode {
            spec: SPEC,
            destination: destination(&contact).to_owned(),
            issue: 1,
            expires_at: now + SPEC.life.into(),
        },
        contact,
        display_name: Some(name),
        locale: answer::locale(req, &[]).to_owned(),
        taken: false,
        tries: 0,
        sent_at: now,
        proved_at: None,
        done: None,
        created_at: now,
        expires_at: now + LIFE,
    };
    let stranger = state.engine.stranger(&by.name, destination(&registration.contact), &cx);
    let daily = daily(state, &cx.network());
    let (counts, fresh) = (stranger.clone(), registration);
    let work = move |tx: &mut Transaction| write_down(tx, &counts, &daily, &fresh, now);
    let (registration, leaves) = match state.store.write(work).await? {
        Ok(written) => written,
        Err(limited) => {
            words::note_limited(state, req).await;
            let at = limited.retry_at.unwrap_or(now + DAY);
            let text = Text::new("register.fault.network");
            return Ok(Err((StatusCode::TOO_MANY_REQUESTS, Fault { text, field: "", at: Some(at.into()) })));
        }
    };
    if leaves {
        words::depart(state, req, &registration, by.name, stranger);
    }
    Ok(Ok(held))
}

/// The budget of registrations from one network in a day.
fn daily(state: &State, network: &Network) -> (BudgetKey, Rule) {
    let rule = Rule { limit: state.registration.per_network, window: DAY, beyond: Beyond::WaitForWindow };
    (BudgetKey::registrations(network), rule)
}

/// All budgets or none, whose the address is, and the row: the same for an address that is taken and for one that is not.
fn write_down(
    tx: &mut Transaction,
    stranger: &Stranger,
    (key, rule): &(BudgetKey, Rule),
    registration: &Registration,
    now: Time,
) -> StoreResult<Result<(Registration, bool), Limited>> {
    let spent: Budget = match tx.budget(key)?.spend(rule, now) {
        Ok(spent) => spent,
        Err(limited) => return Ok(Err(limited)),
    };
    let leaves = match stranger.count(tx, now)? {
        Ok(leaves) => leaves,
        Err(limited) => return Ok(Err(limited)),
    };
    tx.put_budget(key, spent, spent.forgotten_at(rule))?;
    let owner = match LoginName::parse(destination(&registration.contact)) {
        Some(name) => tx.user_by_login(&name)?,
        None => None,
    };
    let registration = Registration { taken: owner.is_some(), ..registration.clone() };
    tx.insert_registration(&registration)?;
    Ok(Ok((registration, leaves)))
}

/// What has to be agreed to.
fn terms(state: &State) -> Vec<Term> {
    let settings = &state.registration;
    let pages = [(&settings.terms_uri, "register.terms"), (&settings.policy_uri, "register.policy")];
    let term = |(uri, label): (&Option<url::Url>, &str)| {
        Some(Term { href: uri.as_ref()?.to_string(), label: Text::new(label) })
    };
    pages.into_iter().filter_map(term).collect()
}

async fn page(state: &State, run: Option<InteractionId>) -> StoreResult<Register> {
    let app = match run {
        Some(run) => state.store.read(move |tx: &mut Transaction| tx.interaction(run)).await?,
        None => None,
    };
    Ok(Register {
        action: beginning(state, run),
        app: app.map(|interaction| interaction.request.client_name),
        terms: terms(state),
        next: sign_in(state, run),
        ..blank(state, Stage::Address, run)
    })
}

/// The page once more, with what is wrong.
async fn again(
    state: &State,
    req: &HttpRequest,
    held: &Held,
    run: Option<InteractionId>,
    params: &Params,
    (status, fault): (StatusCode, Fault),
) -> HttpResponse {
    let text = |name: &str| params.get(name).unwrap_or_default().to_owned();
    let wait = fault.at.clone();
    match page(state, run).await {
        Ok(page) => {
            let page = Register { fault: Some(fault), name: text("name"), contact: text("contact"), ..page };
            let mut response = draw(state, req, status, page, held.csrf(state));
            if wait.is_some() {
                response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("3600"));
            }
            response
        }
        Err(error) => answer::store_error(state, req, &error),
    }
}
