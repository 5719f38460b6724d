//! A server started as service managers and shells start one: with a low limit of open files, and a high one to ask for.

use std::{io::Write as _, net::TcpStream, process::Command};

use super::{
    database::Database,
    house::House,
    program::{Running, http_client},
};

/// What the shell hands down. The server has its database and its log open besides.
const LOW: usize = 128;

#[tokio::test]
async fn a_119_a_low_limit_of_open_files_keeps_nobody_out() {
    let house = House::build(Database::Sqlite, None);
    let serve = house.command("serve");
    let mut low = Command::new("sh");
    low.args(["-c", &format!("ulimit -Sn {LOW} && exec \"$0\" \"$@\"")])
        .arg(serve.get_program())
        .args(serve.get_args());
    // What is set for it, and what is kept from it.
    for (name, value) in serve.get_envs() {
        match value {
            Some(value) => low.env(name, value),
            None => low.env_remove(name),
        };
    }
    let server = Running::start(low, &house.url(), &house.path("log")).await;
    let address = server.url.trim_start_matches("http://").to_owned();
    let slow: Vec<TcpStream> = (0..2 * LOW)
        .map(|_| {
            let mut stream = TcpStream::connect(&address).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ").unwrap();
            stream
        })
        .collect();
    let answer = http_client().get(format!("{}/.well-known/openid-configuration", server.url)).send();
    let answer = tokio::time::timeout(std::time::Duration::from_secs(3), answer).await;
    assert!(answer.is_ok_and(|answer| answer.is_ok_and(|answer| answer.status() == 200)), "{}", server.log());
    drop(slow);
}
