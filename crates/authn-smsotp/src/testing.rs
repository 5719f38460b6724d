//! A gateway for tests: a real HTTP server on loopback that keeps what it received and answers as told.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What a [`FakeGateway`] does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Answers.
    Answer {
        /// The status.
        status: u16,
        /// The body, sent as JSON.
        body: String,
    },
    /// Answers with a redirect.
    Redirect(String),
    /// Says nothing.
    Hang,
    /// Closes the connection without an answer.
    HangUp,
    /// Breaks the connection off, as a machine does that is switched off.
    Reset,
    /// Begins an answer of that status and goes on with a byte every 50 ms, without end.
    Drip(u16),
    /// Answers with that status and ten megabytes.
    Huge(u16),
}

/// A request as it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Such as `POST`.
    pub method: String,
    /// The path as it was sent.
    pub path: String,
    /// The query as it was sent, without the `?`.
    pub query: String,
    /// The headers, names in small letters.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Received {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A parameter of the query, decoded.
    pub fn query(&self, name: &str) -> Option<String> {
        parameter(&self.query, name)
    }

    /// A parameter of a form, decoded.
    pub fn form(&self, name: &str) -> Option<String> {
        parameter(&self.body, name)
    }
}

fn parameter(pairs: &str, name: &str) -> Option<String> {
    url::form_urlencoded::parse(pairs.as_bytes()).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// The server. It ends when it is dropped.
pub struct FakeGateway {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    server: JoinHandle<()>,
}

struct Shared {
    reply: Reply,
    received: Vec<Received>,
}

impl FakeGateway {
    /// Starts on a free port, answering 200 and `{}`.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let reply = Reply::Answer { status: 200, body: "{}".to_owned() };
        let shared = Arc::new(Mutex::new(Shared { reply, received: Vec::new() }));
        let server = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, server })
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its URL with that path, which begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Decides what it does from now on.
    pub fn reply(&self, reply: Reply) {
        self.shared().reply = reply;
    }

    /// Answers so from now on.
    pub fn answer(&self, status: u16, body: &str) {
        self.reply(Reply::Answer { status, body: body.to_owned() });
    }

    /// What it received, oldest first.
    pub fn received(&self) -> Vec<Received> {
        self.shared().received.clone()
    }
}

impl Drop for FakeGateway {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Mutex<Shared>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        // A client that goes away is part of what is tested.
        tokio::spawn(async move { drop(exchange(stream, &shared).await) });
    }
}

async fn exchange(mut stream: TcpStream, shared: &Mutex<Shared>) -> std::io::Result<()> {
    let Some(received) = receive(&mut stream).await? else { return Ok(()) };
    let reply = {
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.received.push(received);
        shared.reply.clone()
    };
    match reply {
        Reply::Answer { status, body } => stream.write_all(head(status, "", body.len(), &body).as_bytes()).await,
        Reply::Redirect(to) => stream.write_all(head(307, &format!("Location: {to}\r\n"), 0, "").as_bytes()).await,
        Reply::HangUp => Ok(()),
        Reply::Reset => stream.set_zero_linger(),
        Reply::Hang => {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            Ok(())
        }
        Reply::Drip(status) => {
            stream.write_all(head(status, "", 1_000_000, "{").as_bytes()).await?;
            loop {
                tokio::time::sleep(Duration::from_millis(50)).await;
                stream.write_all(b" ").await?;
            }
        }
        Reply::Huge(status) => {
            stream.write_all(head(status, "", 10_000_000, "").as_bytes()).await?;
            for _ in 0..10_000 {
                stream.write_all(&[b' '; 1000]).await?;
            }
            Ok(())
        }
    }
}

fn head(status: u16, more: &str, length: usize, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} Told\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{more}Connection: close\r\n\r\n{body}"
    )
}

/// Reads one request; nothing when the client goes away before its end.
async fn receive(stream: &mut TcpStream) -> std::io::Result<Option<Received>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(received) = parse(&bytes) {
            return Ok(Some(received));
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
}

fn parse(bytes: &[u8]) -> Option<Received> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?, first.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    (body.len() >= length.unwrap_or(0)).then(|| Received {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: body.to_owned(),
    })
}
