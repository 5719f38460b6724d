//! The round trip of RFC 9470: an API refuses a token because its person authenticated too weakly or too long ago, the application
//! sends the person back with what the API asked for, and comes again with a token that is good. API and application are the
//! example that people read (`examples/step-up`), with jose and openid-client; the test is the person.

use std::{
    fs::File,
    os::unix::fs::symlink,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::Value;
use url::Url;

use super::{
    database::Database,
    gateway::Gateway,
    house::House,
    node,
    person::{ALICE, BOB, Who},
    program::{free_port, http_client, said},
    visitor::{Browser, Page},
};

const AUDIENCE: &str = "https://bank.example/api";
/// How long the API takes somebody's word for it, in seconds: long enough to sign in, and not to make the test long.
const MAX_AGE: u64 = 8;

/// A script of the example that runs. Dropping it ends it.
struct Script(Child);

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The bank: its API, its application, and the house that both trust.
struct Bank {
    house: House,
    app: String,
    api: String,
    _running: (super::program::Running, Vec<Script>),
}

impl Bank {
    async fn open() -> Self {
        let house = House::build(Database::Sqlite, None);
        let (app, api) = (free_port(), free_port());
        house.write("declared/bank.toml", &declared(app));
        // This test signs the same people in more than once.
        let settings = std::fs::read_to_string(house.path("vestibule.toml")).unwrap();
        house.write(
            "vestibule.toml",
            &settings.replace("sends_to_user = { limit = 1 }", "sends_to_user = { limit = 10 }"),
        );
        let output = house.command("apply").arg(house.path("declared")).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        let server = house.serve().await;

        let example = node::folder().join("../../../../examples/step-up");
        assert!(node::folder().join("node_modules/jose").exists(), "npm ci --prefix crates/cli/tests/relying-parties");
        for file in ["api.mjs", "app.mjs"] {
            house.write(&format!("bank/{file}"), &std::fs::read_to_string(example.join(file)).unwrap());
        }
        symlink(node::folder().join("node_modules"), house.path("bank/node_modules")).unwrap();
        let log = File::create(house.path("bank.log")).unwrap();
        let run = |file: &str| {
            let mut command = Command::new("node");
            command.arg(house.path("bank").join(file)).stdin(Stdio::null());
            command.stdout(log.try_clone().unwrap()).stderr(log.try_clone().unwrap());
            command
                .env("OIDC_ISSUER", &server.url)
                .env("OIDC_CLIENT_ID", "bank")
                .env("OIDC_CLIENT_SECRET", super::house::SECRET);
            command.env("PORT", app.to_string()).env("API", format!("http://127.0.0.1:{api}/"));
            command
                .env("API_PORT", api.to_string())
                .env("API_AUDIENCE", AUDIENCE)
                .env("API_MAX_AGE", MAX_AGE.to_string());
            Script(
                command.spawn().unwrap_or_else(|error| panic!("node: {error}. Install the packages nodejs and npm.")),
            )
        };
        let scripts = vec![run("api.mjs"), run("app.mjs")];
        let (app, api) = (format!("http://127.0.0.1:{app}"), format!("http://127.0.0.1:{api}"));
        let bank = Self { house, app, api, _running: (server, scripts) };
        for place in [&bank.app, &bank.api] {
            bank.ready(place).await;
        }
        bank
    }

    async fn ready(&self, place: &str) {
        let (http, began) = (http_client(), Instant::now());
        while http.get(place).send().await.is_err() {
            let log = || std::fs::read_to_string(self.house.path("bank.log")).unwrap_or_default();
            assert!(began.elapsed() < Duration::from_secs(30), "{place} does not answer:\n{}", log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn customer(&self, who: Who) -> Customer {
        Customer { browser: Browser::new(&self.app), who, gateway: self.house.gateway.clone() }
    }

    /// What the API answers to a token: the status and the challenge.
    async fn call(&self, path: &str, authorization: Option<&str>) -> (u16, String) {
        let mut request = http_client().get(format!("{}{path}", self.api));
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        let answer = request.send().await.unwrap();
        let challenge = answer.headers().get("www-authenticate").map_or("", |value| value.to_str().unwrap()).to_owned();
        (answer.status().as_u16(), challenge)
    }
}

fn declared(app: u16) -> String {
    let example: String =
        std::fs::read_to_string(node::folder().join("../../../../examples/step-up/chain.toml")).unwrap();
    format!(
        "{example}\n[[client]]\nid = \"bank\"\nname = \"The bank\"\nauth = \"client_secret_basic\"\nchain = \"step-up\"\n\
         consent = \"skip\"\nsecret = {{ file = \"secret\" }}\naudiences = [\"{AUDIENCE}\"]\n\
         redirect_uris = [\"http://127.0.0.1:{app}/callback\"]\nscopes = [\"openid\", \"profile\"]\n"
    )
}

/// Somebody with a browser, going through whatever they are shown.
struct Customer {
    browser: Browser,
    who: Who,
    gateway: Gateway,
}

/// What somebody was asked for on the way, and where they ended.
struct Way {
    asked: Vec<&'static str>,
    /// The requests to the authorization endpoint.
    authorize: Vec<Url>,
    page: Page,
}

impl Customer {
    async fn visit(&mut self, url: &str) -> Way {
        let mut page = self.browser.get(url).await;
        let (mut asked, mut authorize) = (Vec::new(), Vec::new());
        for _ in 0..30 {
            if let Some(next) = page.location() {
                if next.path() == "/oauth2/authorize" {
                    authorize.push(next.clone());
                }
                page = self.browser.request(Method::GET, next.as_str(), None).await;
            } else if page.body.contains("name=\"password\"") {
                asked.push("password");
                let values = [("username", self.who.username), ("password", Who::PASSWORD)];
                page = self.browser.submit_once(&page, "password", &values).await;
            } else if page.body.contains("name=\"code\"") {
                asked.push("code");
                let code = self.gateway.latest_to(self.who.number).await.code();
                page = self.browser.submit_once(&page, "code", &[("code", &code)]).await;
            } else if let Some(form) = page.forms().into_iter().find(|form| form.has_button("alternative", "0")) {
                // A message is sent when it is asked for, and not because a page was opened.
                let fields: Vec<_> = form.inputs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                let target = page.url.join(&form.action).unwrap();
                page = self.browser.post(target.as_str(), &[&fields[..], &[("alternative", "0")]].concat()).await;
            } else {
                return Way { asked, authorize, page };
            }
        }
        panic!("no end, at {} ({}):\n{}", page.url, page.status, page.body);
    }
}

/// What the API said, as the application shows it.
fn shown(page: &Page) -> Value {
    let json = page.body.trim_start_matches("<pre>").trim_end_matches("</pre>").replace("&#34;", "\"");
    serde_json::from_str(&json)
        .unwrap_or_else(|error| panic!("{error} at {} ({}): {}", page.url, page.status, page.body))
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

#[tokio::test]
async fn rfc_9470_an_api_asks_for_more_and_gets_it() {
    let bank = Bank::open().await;
    let mut alice = bank.customer(ALICE);

    // A password is enough for the balance.
    let way = alice.visit(&format!("{}/balance", bank.app)).await;
    assert_eq!(way.asked, ["password"]);
    let balance = shown(&way.page);
    assert_eq!(balance["acr"], "urn:vestibule:acr:1fa");

    // Not for the statements: the API says so, and only what is missing is asked for.
    let way = alice.visit(&format!("{}/statements", bank.app)).await;
    let [asked] = way.authorize.as_slice() else { panic!("{:?}", way.authorize) };
    assert_eq!(parameter(asked, "acr_values").unwrap(), "urn:vestibule:acr:2fa urn:vestibule:acr:phr");
    assert_eq!(parameter(asked, "max_age").unwrap(), MAX_AGE.to_string());
    assert_eq!(way.asked.last(), Some(&"code"), "{:?}", way.asked);
    let statements = shown(&way.page);
    assert_eq!((&statements["acr"], &statements["sub"]), (&"urn:vestibule:acr:2fa".into(), &balance["sub"]));

    // As long as that is fresh, nothing is asked; when it is not, the login is.
    let again = alice.visit(&format!("{}/statements", bank.app)).await;
    assert!(again.asked.is_empty() && again.authorize.len() <= 1, "{:?}", again.asked);
    tokio::time::sleep(Duration::from_secs(MAX_AGE + 2)).await;
    let later = alice.visit(&format!("{}/statements", bank.app)).await;
    assert_eq!(later.asked, ["password", "code"]);
    let (before, after) =
        (statements["auth_time"].as_i64().unwrap(), shown(&later.page)["auth_time"].as_i64().unwrap());
    assert!(after > before + i64::try_from(MAX_AGE).unwrap(), "{before} {after}");

    // What is asked for less is still served.
    let way = alice.visit(&format!("{}/balance", bank.app)).await;
    assert!(way.asked.is_empty(), "{:?}", way.asked);
}

#[tokio::test]
async fn rfc_9470_an_api_is_not_talked_round() {
    let bank = Bank::open().await;
    assert_eq!(bank.call("/statements", None).await, (401, "Bearer".to_owned()));
    let invalid = (401, "Bearer error=\"invalid_token\"".to_owned());
    for bad in ["Bearer x", "Bearer eyJhbGciOiJub25lIn0.e30."] {
        assert_eq!(bank.call("/statements", Some(bad)).await, invalid, "{bad}");
    }

    let mut bob = bank.customer(BOB);
    let way = bob.visit(&format!("{}/statements", bank.app)).await;
    assert_eq!(way.asked, ["password", "code"]);
    // His number is not trusted any more, and he has no other second factor: he is told so here, and no token says otherwise.
    bank.house.write(
        "declared/people.toml",
        "[[user]]\nusername = \"bob\"\ndisplay_name = \"Bob Birch\"\npassword = { file = \"password\" }\nphone_number = \"+442079460019\"\n\
         phone_number_verified = false\n",
    );
    let output = bank.house.command("apply").arg(bank.house.path("declared")).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    tokio::time::sleep(Duration::from_secs(MAX_AGE + 2)).await;
    let way = bob.visit(&format!("{}/statements", bank.app)).await;
    assert_eq!(way.asked, ["password"]);
    assert!(way.page.url.as_str().starts_with(&bank.house.url()), "{}", way.page.url);
    let balance = shown(&bob.visit(&format!("{}/balance", bank.app)).await.page);
    assert_eq!(balance["acr"], "urn:vestibule:acr:1fa");
}
