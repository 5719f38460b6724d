//! hundreds of people who wait for a code, by a gateway that takes the connection and never answers.

use std::{cell::Cell, net::SocketAddr, rc::Rc, time::Duration};

use tokio::{
    io::AsyncReadExt as _,
    net::{TcpListener, TcpStream},
};

use super::{House, people, visitor, wants_connections};
use crate::bench::{
    Bench, CONNECTIONS,
    child::Server,
    client_credentials,
    http::Http,
    measure::{measure, median_round},
    report::{Goal, Line},
};

/// So many wait at a time.
const WAITING: usize = 500;
/// So many of them give their password at a time: the queue for hashes is shorter than all of them.
const AT_ONCE: usize = 64;
/// The server gives a gateway ten seconds. Some of them go by until everybody waits.
const WINDOW: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(9);
/// What is left of the throughput.
const LEFT: f64 = 0.9;

pub(super) async fn run(bench: &Bench, add: &mut dyn FnMut(Line)) -> Result<(), String> {
    // Each has a connection to the server, and the server one to the gateway: both ends of ours.
    wants_connections(2 * WAITING)?;
    let hole = Hole::default();
    let gateway = hole.open().await.map_err(|error| error.to_string())?;
    let house = House::build("[limits]\ncooldown = \"1s\"\n").await?;
    let connection = format!(
        "[[connection]]\nname = \"SMSOTP\"\nkind = \"sms\"\nsettings.url = \"http://{gateway}/send?to=$ctx.num&code=$ctx.otp\"\n"
    );
    house.declare(&(connection + &people("wait", WAITING, "")?)).await?;
    let tokens = Rc::new(client_credentials());
    let (mut calm, mut waiting) = (Vec::new(), Vec::new());
    for round in 0..bench.rounds.max(1) {
        calm.push(measure(&house.server, &tokens, CONNECTIONS, WINDOW).await?);
        let people = gather(&house.server, &hole, round).await?;
        waiting.push(measure(&house.server, &tokens, CONNECTIONS, WINDOW).await?);
        if hole.held() < WAITING {
            return Err(format!("{} of {WAITING} still waited at the end: this machine is too slow", hole.held()));
        }
        for person in people {
            person.await.map_err(|error| error.to_string())??;
        }
    }
    let (calm, waiting) = (median_round(&calm), median_round(&waiting));
    let goal = Goal::RatioAtLeast(LEFT);
    add(Line::new("hanging_gateways", "per second", waiting.per_second, Some(calm.per_second), goal).with(waiting));
    Ok(())
}

type Person = actix_web::rt::task::JoinHandle<Result<(), String>>;

/// Lets everybody sign in until they wait for their code.
async fn gather(server: &Server, hole: &Hole, round: usize) -> Result<Vec<Person>, String> {
    let mut people = Vec::new();
    let began = std::time::Instant::now();
    while hole.held() < WAITING {
        if began.elapsed() > PATIENCE {
            return Err(format!("{} of {WAITING} came to wait: this machine is too slow", hole.held()));
        }
        if people.len() < WAITING && people.len() < hole.held() + AT_ONCE {
            people.push(actix_web::rt::spawn(wait_for_code(server.address, people.len(), round)));
        } else {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    Ok(people)
}

/// Somebody signs in, and is told in the end that no message could be sent.
async fn wait_for_code(address: SocketAddr, number: usize, round: usize) -> Result<(), String> {
    let mut http = Http::connect(address).await.map_err(|error| error.to_string())?;
    let mut visitor = visitor::Visitor::arrive(&mut http, round * WAITING + number).await?;
    let answer = visitor.answer(&mut http, &visitor::name("wait", number), visitor::PASSWORD).await?;
    let page = answer.text();
    if page.contains("name=\"code\"") { Ok(()) } else { Err(format!("nobody was asked for a code: {page}")) }
}

/// A gateway that swallows.
#[derive(Clone, Default)]
struct Hole(Rc<Cell<usize>>);

impl Hole {
    async fn open(&self) -> std::io::Result<SocketAddr> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let hole = self.clone();
        actix_web::rt::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let hole = hole.clone();
                actix_web::rt::spawn(async move { hole.swallow(stream).await });
            }
        });
        Ok(address)
    }

    /// Connections that wait at present.
    fn held(&self) -> usize {
        self.0.get()
    }

    /// Reads until whoever waits gives up.
    async fn swallow(&self, mut stream: TcpStream) {
        self.0.set(self.0.get() + 1);
        let mut bytes = [0; 1024];
        while stream.read(&mut bytes).await.is_ok_and(|count| count > 0) {}
        self.0.set(self.0.get() - 1);
    }
}
