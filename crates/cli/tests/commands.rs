//! The program as people run it: exit statuses and messages. A sign-in over HTTP is at the end.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use tempfile::TempDir;

fn vestibule() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("vestibule"));
    // What is set on the machine that runs the tests is not what is tested.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("VESTIBULE_")) {
        command.env_remove(name);
    }
    command
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder with the settings of a server that was never started.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let output =
            vestibule().args(["init", "https://auth.example.com", "--folder"]).arg(folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = vestibule();
        command.args(arguments).arg("--config").arg(self.path().join("vestibule.toml")).current_dir(self.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn run_with_input(&self, arguments: &[&str], input: &str) -> Output {
        fs::write(self.path().join("input"), input).unwrap();
        let input = fs::File::open(self.path().join("input")).unwrap();
        self.command(arguments).stdin(input).output().unwrap()
    }
}

#[test]
fn help_names_every_command_and_a_wrong_line_is_64() {
    let output = vestibule().arg("--help").output().unwrap();
    let text = out(&output);
    for command in ["dev", "serve", "init", "try", "migrate", "apply", "export", "user", "client", "keys", "config"] {
        assert!(text.contains(&format!("\n  {command}")), "{command}: {text}");
    }
    assert!(text.contains("78 wrong configuration"));
    assert_eq!(vestibule().arg("sevre").output().unwrap().status.code(), Some(64));
    assert_eq!(vestibule().output().unwrap().status.code(), Some(64));
    let output = vestibule().args(["bench", "--only", "everything"]).output().unwrap();
    assert_eq!(output.status.code(), Some(64), "{}", err(&output));
}

#[test]
fn a_133_an_unknown_key_is_78_and_named_with_its_nearest() {
    let place = Place::new();
    let file = place.path().join("vestibule.toml");
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(place.run(&["config", "check"]).status.code(), Some(0));
    fs::write(&file, format!("{text}trusted_proxy = \"10.0.0.1\"\n")).unwrap();
    let output = place.run(&["config", "check"]);
    assert_eq!(output.status.code(), Some(78));
    assert!(
        err(&output).contains("vestibule.toml:6: trusted_proxy: there is no such setting. The nearest is"),
        "{}",
        err(&output)
    );
    let output = place.run(&["serve"]);
    assert_eq!(output.status.code(), Some(78), "a server with wrong settings does not start");
    fs::write(&file, text.replace("https://auth", "http://auth")).unwrap();
    let output = place.run(&["config", "check"]);
    assert!(output.status.code() == Some(78) && err(&output).contains("public_url: is not https"), "{}", err(&output));
}

#[test]
fn init_overwrites_nothing() {
    let place = Place::new();
    let key = fs::read_to_string(place.path().join("master.key")).unwrap();
    let output = vestibule().args(["init", "https://b.example", "--folder"]).arg(place.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(73), "{}", err(&output));
    assert_eq!(fs::read_to_string(place.path().join("master.key")).unwrap(), key);
}

#[test]
fn settings_are_shown_with_their_source_and_without_secrets() {
    let place = Place::new();
    let output = place.run(&["config", "show", "--sources", "--set", "log.level=debug"]);
    let text = out(&output);
    assert!(text.contains("log.level = debug") && text.contains("# flag --set"), "{text}");
    assert!(text.contains("session.idle = 12h") && text.contains("# default"), "{text}");
    let key = fs::read_to_string(place.path().join("master.key")).unwrap();
    assert!(text.contains("secret_key = •••") && !text.contains(key.trim()), "{text}");
}

#[test]
fn users_and_clients_are_made_and_shown() {
    let place = Place::new();
    let add = ["user", "add", "ada", "--phone", "+1 202 555 0143", "--group", "staff"];
    let output = place.run_with_input(&add, "short\n");
    assert_eq!(output.status.code(), Some(65), "a short password is refused: {}", err(&output));
    for bad in ["password123\n", "ada ada ada\n"] {
        let output = place.run_with_input(&add, bad);
        assert_eq!(output.status.code(), Some(65), "{bad} is tried first: {}", err(&output));
    }
    let output = place.run_with_input(&add, "correct horse battery staple\n");
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert_eq!(
        place.run_with_input(&add, "correct horse battery staple\n").status.code(),
        Some(65),
        "there is one already"
    );
    let list = out(&place.run(&["user", "list"]));
    assert!(list.starts_with("ada ") && list.contains("••43") && !list.contains("5550143"), "{list}");
    assert_eq!(place.run_with_input(&["user", "passwd", "bob"], "correct horse\n").status.code(), Some(65));
    assert_eq!(place.run(&["user", "unlock", "bob"]).status.code(), Some(65));
    assert!(out(&place.run(&["user", "unlock", "ada"])).starts_with("ada can try again"));

    let output = place.run(&["client", "add", "shop", "--redirect-uri", "https://shop.example/*"]);
    assert!(output.status.code() == Some(65) && err(&output).contains("redirect_uris"), "{}", err(&output));
    let output = place.run(&["client", "add", "shop", "--redirect-uri", "https://shop.example/cb"]);
    let text = out(&output);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(text.contains("OIDC_CLIENT_ID=shop") && text.contains("OIDC_CLIENT_SECRET=vss_"), "{text}");
    assert!(!out(&place.run(&["export"])).contains("vss_"));
    assert!(out(&place.run(&["client", "list"])).starts_with("shop "));
}

#[test]
fn what_an_owner_lost_is_taken_away_at_the_machine_when_that_is_meant() {
    let place = Place::new();
    let add = ["user", "add", "ada", "--phone", "+1 202 555 0143"];
    assert_eq!(place.run_with_input(&add, "correct horse battery staple\n").status.code(), Some(0));
    let remove = |more: &[&str]| place.run(&[&["user", "remove-factor"], more].concat());
    assert_eq!(remove(&["bob", "all", "--yes"]).status.code(), Some(65), "there is nobody of that name");
    let output = remove(&["ada", "telepathy", "--yes"]);
    assert!(output.status.code() == Some(64) && err(&output).contains("totp"), "{}", err(&output));
    assert_eq!(remove(&["ada", "totp", "--yes"]).status.code(), Some(65), "she has none");
    let output = remove(&["ada", "all"]);
    assert!(output.status.code() == Some(64) && out(&output).contains("would remove smsotp"), "{}", out(&output));
    assert!(out(&place.run(&["user", "list"])).contains("••43"), "nothing was removed");
    let output = remove(&["ada", "all", "--yes"]);
    let text = out(&output);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(text.starts_with("removed smsotp (") && text.contains("signed out"), "{text}");
    assert!(!text.contains("5550143") && !text.contains("password"), "{text}");
    assert!(err(&output).contains("No owner can sign in"), "nobody is one yet: {}", err(&output));
    assert!(!out(&place.run(&["user", "list"])).contains("••43"));
    assert_eq!(remove(&["ada", "all", "--yes"]).status.code(), Some(65), "the password is no part of all");
    assert_eq!(remove(&["ada", "password", "--yes"]).status.code(), Some(0), "but may be meant");
}

#[test]
fn a_dry_run_says_2_and_an_export_changes_nothing() {
    let place = Place::new();
    let file = place.path().join("chains.toml");
    fs::write(&file, "[[chain]]\nname = \"default\"\nsteps = [[\"password\"]]\n").unwrap();
    let apply = ["apply", "chains.toml"];
    let dry = place.run(&["apply", "chains.toml", "--dry-run"]);
    assert_eq!(dry.status.code(), Some(2), "{}", err(&dry));
    assert!(out(&dry).contains("+ chain default") && out(&dry).contains("steps = [[\"password\"]]"), "{}", out(&dry));
    assert_eq!(place.run(&apply).status.code(), Some(0));
    assert_eq!(place.run(&["apply", "chains.toml", "--dry-run"]).status.code(), Some(0));

    assert_eq!(place.run(&["export", "out"]).status.code(), Some(0));
    let again = place.run(&["apply", "out", "--dry-run"]);
    assert!(again.status.code() == Some(0) && out(&again).contains("0 created, 0 changed"), "{}", out(&again));
    assert_eq!(place.run(&["export", "out"]).status.code(), Some(73), "an export is not overwritten");

    assert_eq!(place.run(&["export", "one.toml"]).status.code(), Some(0));
    assert_eq!(place.run(&["apply", "one.toml", "--dry-run"]).status.code(), Some(0));
    assert_eq!(place.run(&["export", "one.toml"]).status.code(), Some(73));
    assert_eq!(place.run(&["apply", "one.toml", "--release"]).status.code(), Some(0));

    fs::write(&file, "[[chain]]\nname = \"default\"\nsteps = [[\"pasword\"]]\n").unwrap();
    let wrong = place.run(&apply);
    assert!(wrong.status.code() == Some(65) && err(&wrong).contains("chains.toml:3: chain.steps"), "{}", err(&wrong));
}

#[test]
fn people_come_and_go_as_csv() {
    let place = Place::new();
    let write = |text: &str| fs::write(place.path().join("people.csv"), text).unwrap();
    write("username,email,groups\nada,ada@example.org,staff;friends\nbob,nobody,\n");
    let output = place.run(&["user", "import", "people.csv"]);
    assert_eq!(output.status.code(), Some(65));
    assert!(err(&output).contains("line 3: email: is no e-mail address"), "{}", err(&output));
    assert!(out(&output).contains("Nothing was written") && out(&place.run(&["user", "list"])).is_empty());
    let output = place.run(&["user", "import", "people.csv", "--skip-bad", "--dry-run"]);
    assert_eq!((output.status.code(), out(&place.run(&["user", "list"]))), (Some(2), String::new()));
    let output = place.run(&["user", "import", "people.csv", "--skip-bad", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (output.status.code(), &report["created"], &report["refused"][0]["line"]),
        (Some(0), &1.into(), &3.into())
    );
    assert_eq!(place.run(&["user", "export", "out.csv"]).status.code(), Some(0));
    assert_eq!(place.run(&["user", "export", "out.csv"]).status.code(), Some(73), "an export is not overwritten");
    let exported = fs::read_to_string(place.path().join("out.csv")).unwrap();
    assert_eq!(exported, out(&place.run(&["user", "export"])));
    let again = place.run_with_input(&["user", "import", "-"], &exported);
    assert!(
        again.status.code() == Some(0) && out(&again).contains("0 created, 0 changed, 1 unchanged"),
        "{}",
        out(&again)
    );
}

#[test]
fn a_wrong_master_key_is_78_and_a_lost_one_is_not_replaced() {
    let place = Place::new();
    assert_eq!(place.run(&["migrate"]).status.code(), Some(0));
    assert_eq!(place.run(&["user", "list"]).status.code(), Some(0));
    let other = Place::new();
    fs::copy(other.path().join("master.key"), place.path().join("master.key")).unwrap();
    let output = place.run(&["user", "list"]);
    assert!(output.status.code() == Some(78) && err(&output).contains("another master key"), "{}", err(&output));
    fs::remove_file(place.path().join("master.key")).unwrap();
    assert_eq!(place.run(&["user", "list"]).status.code(), Some(78));
}

#[test]
fn what_does_not_run_is_told_with_what_to_do() {
    let port = free_port();
    let output = vestibule().args(["healthcheck", "--address", &format!("127.0.0.1:{port}")]).output().unwrap();
    assert!(output.status.code() == Some(69) && err(&output).contains("Start the server"), "{}", err(&output));
    let issuer = format!("http://localhost:{port}");
    let output = vestibule().args(["try", "login", "--issuer", &issuer]).output().unwrap();
    assert!(output.status.code() == Some(1) && err(&output).contains("Start `vestibule dev`"), "{}", err(&output));
}

#[test]
fn development_mode_stays_on_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let output = vestibule().args(["dev", "--host", "0.0.0.0"]).current_dir(folder.path()).output().unwrap();
    assert!(output.status.code() == Some(78) && err(&output).contains("loopback"), "{}", err(&output));
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

struct Dev {
    child: Child,
    folder: TempDir,
    issuer: String,
}

impl Dev {
    fn start() -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let mut command = vestibule();
        command.args(["dev", "--port", &port.to_string(), "--data", "data"]).current_dir(folder.path());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("Discovery")), "the server says where it is");
        std::thread::spawn(move || lines.count());
        Self { child, folder, issuer: format!("http://localhost:{port}") }
    }

    fn offline(&self, arguments: &[&str]) -> Output {
        let mut command = vestibule();
        command.args(arguments).current_dir(self.folder.path());
        command.env("VESTIBULE_DEV", "true").env("VESTIBULE_DATA_DIR", "data").output().unwrap()
    }

    fn login(&self, more: &[&str]) -> Output {
        vestibule().args(["try", "login", "--issuer", &self.issuer]).args(more).output().unwrap()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        drop((self.child.kill(), self.child.wait()));
    }
}

#[test]
fn a_whole_sign_in_works_and_what_an_admin_changes_is_taken_up() {
    let dev = Dev::start();
    let output = dev.login(&[]);
    assert_eq!(output.status.code(), Some(0), "{}{}", out(&output), err(&output));
    let hops = out(&output);
    for hop in ["discovery", "password", "code from the outbox", "code exchange", "userinfo", "refresh", "prompt=none"]
    {
        assert!(hops.contains(hop), "{hop}: {hops}");
    }
    let wrong = dev.login(&["--password", "wrong"]);
    assert!(wrong.status.code() == Some(1) && err(&wrong).contains("not right"), "{}", err(&wrong));
    let json = out(&dev.login(&["--client", "nobody", "--json"]));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["ok"], false);

    // A second server is refused; a short command beside the running one is not.
    let second = dev.offline(&["dev", "--port", "0", "--data", "data"]);
    assert_eq!(second.status.code(), Some(75), "{}", err(&second));
    fs::write(dev.folder.path().join("off.toml"), "[[user]]\nusername = \"alice\"\ndisabled = true\n").unwrap();
    let applied = dev.offline(&["apply", "off.toml"]);
    assert_eq!(applied.status.code(), Some(0), "{}", err(&applied));
    assert_eq!(dev.login(&[]).status.code(), Some(1), "a disabled user gets nothing");
}

#[test]
fn the_doctor_says_what_is_wrong_and_whose_turn_it_is_and_makes_nothing() {
    let place = Place::new();
    let data = place.path().join("data");
    let before = place.run(&["doctor"]);
    let text = out(&before);
    assert_eq!(before.status.code(), Some(0), "{text}{}", err(&before));
    assert!(text.contains("There is no database yet") && !data.exists(), "{text}");

    assert_eq!(place.run_with_input(&["user", "add", "ada"], "a word of one's own\n").status.code(), Some(0));
    let output = place.run(&["doctor", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&out(&output)).unwrap();
    let found: Vec<_> =
        report["items"].as_array().unwrap().iter().map(|item| item["finding"].as_str().unwrap()).collect();
    assert!(found.contains(&"database.migrations") && found.contains(&"database.lock_free"), "{found:?}");
    let key = fs::read_to_string(place.path().join("master.key")).unwrap();
    assert!(!out(&output).contains(key.trim()));

    let gone = place.run(&["doctor", "--set", "database.url=postgres://vestibule:hunter2@127.0.0.1:9/vestibule"]);
    assert_eq!(gone.status.code(), Some(69), "{}", out(&gone));
    assert!(out(&gone).contains("does not answer") && !out(&gone).contains("hunter2"), "{}", out(&gone));

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let open = fs::Permissions::from_mode(0o644);
        fs::set_permissions(place.path().join("master.key"), open).unwrap();
        let output = place.run(&["doctor"]);
        assert_eq!(output.status.code(), Some(78), "{}", out(&output));
        assert!(out(&output).contains("master.key (mode 644)"), "{}", out(&output));
    }
    let output = place.run(&["doctor", "--set", "limits.conections=1"]);
    assert_eq!(output.status.code(), Some(78), "{}", out(&output));
    assert!(out(&output).contains("limits.conections: there is no such setting"), "{}", out(&output));
}
