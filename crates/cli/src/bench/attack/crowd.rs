//! thousands of connections that say nothing, or one letter a second.
//!
//! The crowd is a process of its own: what it opens and what it costs is not the driver's. Whoever the server shuts out
//! comes again at once.

use std::{cell::Cell, net::SocketAddr, process::ExitCode, rc::Rc, time::Duration};

use clap::Args;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{House, wants_connections};
use crate::{
    bench::{
        Bench, CONNECTIONS, client_credentials,
        measure::{measure, median_round},
        report::{Goal, Line},
        work::Work,
    },
    exit::{Failure, UNAVAILABLE},
    output::say,
};

/// Slow connections to a server.
#[derive(Args)]
pub(in crate::bench) struct Crowd {
    address: SocketAddr,
    count: usize,
}

/// So many.
const COUNT: usize = 5000;
/// The memory that they may cost, in MiB.
const MEMORY: f64 = 64.0;
/// How much longer everybody else may wait.
const SLOWER: f64 = 2.0;
/// What those who are not silent say, a letter at a time.
const HEAD: &[u8] =
    b"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const LETTER: Duration = Duration::from_secs(1);

pub(super) async fn run(bench: &Bench, add: &mut dyn FnMut(Line)) -> Result<(), String> {
    wants_connections(COUNT)?;
    let House { server, folder: _folder } = House::build("").await?;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let ordinary = Rc::new(client_credentials().or(Work::get("/.well-known/openid-configuration", "")));
    let (mut calm, mut crowded) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds.max(1) {
        calm.push(measure(&server, &ordinary, CONNECTIONS, bench.time()).await?);
    }
    let before = server.rss_mib();
    let crowd = server.crowd(COUNT)?;
    let mut memory = server.rss_mib();
    for _ in 0..bench.rounds.max(1) {
        // Its connections are new ones: they have to get in while the crowd stands at the door.
        crowded.push(measure(&server, &ordinary, CONNECTIONS, bench.time()).await?);
        memory = memory.max(server.rss_mib());
    }
    drop(crowd);
    let (calm, crowded) = (median_round(&calm), median_round(&crowded));
    add(Line::new("slow_connections memory", "MiB more", memory - before, None, Goal::AtMost(MEMORY)));
    let slower = Goal::RatioAtMost(SLOWER);
    add(Line::new("slow_connections", "p99 ms", crowded.p99_ms, Some(calm.p99_ms), slower).with(crowded));
    Ok(())
}

impl Crowd {
    /// Stands there until it is ended. Says a line when all of it is there.
    pub(in crate::bench) async fn run(self) -> Result<ExitCode, Failure> {
        wants_connections(self.count).map_err(|why| Failure::new(UNAVAILABLE, why))?;
        let there = Rc::new(Cell::new(0));
        for number in 0..self.count {
            let (address, there) = (self.address, Rc::clone(&there));
            actix_web::rt::spawn(async move {
                loop {
                    drop(stand(address, number % 2 == 0, &there).await);
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            });
        }
        while there.get() < self.count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        say(format_args!("{} connections", self.count));
        loop {
            tokio::time::sleep(Duration::from_secs(3600)).await;
        }
    }
}

/// One connection, until the server ends it.
async fn stand(address: SocketAddr, silent: bool, there: &Cell<usize>) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    there.set(there.get() + 1);
    let (mut answer, mut said) = ([0; 256], 0);
    let ended = loop {
        let next = tokio::time::timeout(LETTER, stream.read(&mut answer)).await;
        match next {
            Ok(Ok(0) | Err(_)) => break Ok(()),
            Ok(Ok(_)) => {}
            Err(_) if silent => {}
            Err(_) => {
                let letter = HEAD.get(said..=said).unwrap_or(b"a");
                said += 1;
                if let Err(error) = stream.write_all(letter).await {
                    break Err(error);
                }
            }
        }
    };
    there.set(there.get() - 1);
    ended
}
