//! A house of a million people: whether the list of users costs on page 1,000 what it costs on page 1, and what it costs to
//! look for somebody.
//!
//! People are written through the store's own verb, many in one transaction, before the server starts: over HTTP it would take
//! an hour, and each would be hashed a password that nobody uses. They stand in the order of their names, so that a page far
//! back is where it would be after years, not in a cache.

use std::rc::Rc;

use clap::Parser;
use vestibule_core::{
    id::UserId,
    random::SystemRandom,
    store::{StoreError, StoreExt as _},
    user::{LoginName, User},
};

use super::{
    Bench, CLIENT, TRY_SECRET,
    child::{SETTINGS, Server},
    http::Http,
    measure::{measure, median_round},
    report::{Goal, Line},
    work::{self, Work},
    write,
};
use crate::{offline, settings::SettingsArguments};

/// Everything that is measured of it.
pub(super) const NAME: &str = "admin_users";
/// So many there are, when nothing else is said.
pub(super) const MANY: u32 = 1_000_000;
/// So many are written in one transaction.
const GROUP: u32 = 10_000;
/// So many are on a page.
const PAGE: u32 = 50;
/// The page that is compared with the first.
const FAR: u32 = 1_000;
/// One admin at a time: what counts is how long they wait.
const ADMINS: usize = 1;

/// What the program of an admin may do.
const SCOPE: &str = "admin:users.read";

pub(super) async fn run(bench: &Bench, add: &mut dyn FnMut(Line)) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let home = folder.path();
    // Once, for the database and its key.
    drop(Server::start(home).await?);
    let began = std::time::Instant::now();
    seed(home, bench.users).await?;
    let took = began.elapsed().as_secs_f64();
    let server = Server::start(home).await?;
    write(&home.join("secret"), TRY_SECRET)?;
    write(&home.join("client.toml"), &format!("{CLIENT}scopes = [\"{SCOPE}\"]\n"))?;
    Server::apply(home, &home.join("client.toml"))?;
    // The server looks at the version of its configuration once a second.
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;

    let mut http = Http::connect(server.address).await.map_err(|error| error.to_string())?;
    let bearer = bearer(&mut http).await?;
    let list = format!("/api/v1/users?limit={PAGE}");
    let (number, far) = walk(&mut http, &list, &bearer, FAR.min(bench.users / PAGE)).await?;
    let search = format!("{list}&q={}", name(bench.users / 2).chars().take(7).collect::<String>());
    let [first, far, search] = [list, far, search].map(|path| Rc::new(Work::get(&path, &bearer)));

    let mut rounds: [Vec<_>; 3] = Default::default();
    for _ in 0..bench.rounds.max(1) {
        for (work, rounds) in [&first, &far, &search].into_iter().zip(&mut rounds) {
            rounds.push(measure(&server, work, ADMINS, bench.time()).await?);
        }
    }
    let [first, far, search] = rounds.map(|rounds| median_round(&rounds));
    let micros = |round: super::measure::Round| round.p50_ms * 1000.0;
    let line = |what: String, round, most| {
        Line::new(what, "p50 us/request", micros(round), Some(micros(first)), Goal::RatioAtMost(most)).with(round)
    };
    // A smaller house than the goal is about says so.
    let house = if bench.users == MANY { String::new() } else { format!(" of {}", bench.users) };
    add(Line::new(format!("{NAME} seed{house}"), "seconds", took, None, Goal::AtMost(120.0)));
    add(line(format!("{NAME} page {number}{house}"), far, 1.2));
    add(line(format!("{NAME} search{house}"), search, 2.0));
    Ok(())
}

fn name(number: u32) -> String {
    format!("person{number:07}")
}

/// Settings as a command has them that is run in this folder.
#[derive(Parser)]
struct Command {
    #[command(flatten)]
    settings: SettingsArguments,
}

/// Makes so many people.
async fn seed(home: &std::path::Path, count: u32) -> Result<(), String> {
    let settings = home.join(SETTINGS);
    let arguments = ["vestibule".as_ref(), "--config".as_ref(), settings.as_os_str()];
    let command = Command::try_parse_from(arguments).map_err(|error| error.to_string())?;
    let workshop = offline::open(&command.settings).map_err(|failure| failure.to_string())?.workshop;
    let (store, now) = (workshop.store, workshop.clock.now());
    let mut next = 0;
    while next < count {
        let group = next..count.min(next.saturating_add(GROUP));
        next = group.end;
        let write = move |tx: &mut vestibule_server::state::Transaction| {
            let random = SystemRandom::default();
            for number in group.clone() {
                let name = LoginName::parse(&name(number)).ok_or_else(|| StoreError::Conflict("a name".to_owned()))?;
                let display_name = Some(format!("Family{} Given{number}", number % 5_000));
                let user = User { display_name, ..User::new(UserId::new(now, &random), name, now) };
                tx.insert_user(&user)?;
            }
            Ok(())
        };
        store.write(write).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The header with a token that may read users.
async fn bearer(http: &mut Http) -> Result<String, String> {
    let body = format!("grant_type=client_credentials&scope={SCOPE}");
    let reply = http.post("/oauth2/token", &work::basic(), &body).await.map_err(|error| error.to_string())?;
    let token = reply.expect(200, "token")?.member("access_token").ok_or("no access token")?;
    Ok(format!("authorization: Bearer {token}\r\n"))
}

/// Goes from page to page by the tokens, as anybody must: the number of the page that it came to, and its path.
async fn walk(http: &mut Http, list: &str, bearer: &str, far: u32) -> Result<(u32, String), String> {
    let (mut number, mut path) = (1, list.to_owned());
    while number < far {
        let reply = http.get(&path, bearer).await.map_err(|error| error.to_string())?.expect(200, "list of users")?;
        let Some(next) = reply.member("next") else { return Err(format!("page {number} is the last")) };
        number += 1;
        path = format!("{list}&after={next}");
    }
    Ok((number, path))
}
