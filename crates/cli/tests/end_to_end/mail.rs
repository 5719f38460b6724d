//! Codes by e-mail over a mail server that others wrote: the program speaks SMTP and TLS to it, and a person signs in by what comes.

use std::{
    io::{BufRead as _, BufReader, Lines, Write as _},
    process::{Child, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};

use super::{
    database::Database,
    house::House,
    node,
    person::{ALICE, Person, Who},
    program::{run, said},
    relying_party::Shop,
};

const PASSWORD: &str = "correct horse battery staple";

/// A mail server in Node. It ends with its stdin.
struct MailServer {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
    port: u64,
    certificate: String,
}

impl MailServer {
    fn open(secure: bool) -> Self {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let folder = node::folder();
        let mut child = Command::new("node")
            .arg(folder.join("mail.mjs"))
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("node: {error}. Install the packages nodejs and npm."));
        let settings = json!({
            "secure": secure, "key": key, "cert": certificate, "username": "vestibule", "password": PASSWORD,
        });
        writeln!(child.stdin.as_mut().unwrap(), "{settings}").unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut server = Self { child, said, port: 0, certificate };
        server.port = server.next()["port"].as_u64().unwrap();
        server
    }

    /// What it says next: its port, then each mail.
    fn next(&mut self) -> Value {
        let line =
            self.said.next().expect("the mail server is there: npm ci --prefix crates/cli/tests/relying-parties");
        serde_json::from_str(&line.unwrap()).unwrap()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn declared(server: &MailServer, tls: &str) -> String {
    format!(
        "[[connection]]\nname = \"Mail\"\nkind = \"mail\"\n[connection.settings]\nhost = \"127.0.0.1\"\nport = {}\n\
         tls = \"{tls}\"\nusername = \"vestibule\"\nsecrets.password = {{ file = \"mail-password\" }}\n\
         from = \"login@example.com\"\nfrom_name = \"Example\"\nauthority = '''\n{}'''\n\
         [[chain]]\nname = \"two-doors\"\nsteps = [[\"password\"], [{{ authenticator = \"emailotp\", connection = \"Mail\" }}]]\n",
        server.port, server.certificate
    )
}

async fn story(database: Database, tls: &str) {
    if !database.is_there() {
        return;
    }
    let mut mail = MailServer::open(tls == "implicit");
    let house = House::build(database, None);
    house.write("declared/mail-password", PASSWORD);
    house.write("declared/connections.toml", &declared(&mail, tls));
    house.write(
        "declared/people.toml",
        &format!(
            "[[user]]\nusername = \"{}\"\nemail = \"alice@example.org\"\nemail_verified = true\npassword = {{ file = \"password\" }}\n",
            ALICE.username
        ),
    );
    let applied = run(house.command("apply").arg(house.path("declared")));
    assert!(applied.status.success(), "vestibule apply: {}", said(&applied));
    let server = house.serve().await;
    let shop = Shop::new(&server.url).await;
    let mut alice = Person::new(ALICE, &server.url, &house.gateway);
    let page = alice.browser.open(shop.ask(false).url.as_str()).await;
    let page = alice.give_password(&page, Who::PASSWORD).await;
    let received = mail.next();
    assert_eq!((&received["secure"], &received["user"]), (&json!(true), &json!("vestibule")), "{received}");
    assert_eq!((&received["from"], &received["to"]), (&json!("login@example.com"), &json!(["alice@example.org"])));
    let data = received["data"].as_str().unwrap();
    assert!(data.contains("From: Example <login@example.com>\r\n") && data.contains("Auto-Submitted: auto-generated"));
    let (_, text) = data.split_once("\r\n\r\n").unwrap();
    let code = text.split_whitespace().next().unwrap().to_owned();
    assert!(!page.body.contains(&code) && !page.body.contains("alice@example.org"), "{}", page.body);
    let page = alice.give_code(&page, &code).await;
    let place = page.location().unwrap_or_else(|| panic!("not signed in:\n{}", page.body));
    assert!(place.query_pairs().any(|(name, _)| name == "code"), "{place}");
    let log = server.log();
    for secret in [&code, "alice@example.org", PASSWORD] {
        assert!(!log.contains(secret), "the log holds {secret}:\n{log}");
    }
}

#[tokio::test]
async fn mail_over_starttls_on_sqlite() {
    story(Database::Sqlite, "starttls").await;
}

#[tokio::test]
async fn mail_over_tls_on_postgresql() {
    story(Database::Postgres, "implicit").await;
}
