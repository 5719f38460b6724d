//! A mail server for tests: real SMTP on loopback, with a certificate of its own, that keeps what it received and goes wrong as told.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// A place in the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum At {
    /// Before the greeting.
    Greeting,
    /// At `EHLO`.
    Ehlo,
    /// At `STARTTLS`.
    StartTls,
    /// At `AUTH`.
    Auth,
    /// At `MAIL FROM`.
    From,
    /// At `RCPT TO`.
    To,
    /// At `DATA`.
    Data,
    /// At the end of the mail.
    End,
}

/// What it does there instead of going on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Says this, and goes on from there.
    Say(String),
    /// Says nothing.
    Hang,
    /// Closes the connection.
    HangUp,
    /// Says ten megabytes without an end of the line.
    Flood,
}

/// How it is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// In the clear.
    None,
    /// With STARTTLS, which it insists on.
    StartTls,
    /// With TLS from the first byte.
    Implicit,
}

/// A mail as it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The parameter of `MAIL FROM`.
    pub from: String,
    /// The parameter of each `RCPT TO`.
    pub to: Vec<String>,
    /// Headers and body.
    pub data: String,
    /// Whether it came over TLS.
    pub tls: bool,
    /// Whether somebody logged in before.
    pub login: Option<String>,
}

impl Received {
    /// The value of a header, on one line.
    pub fn header(&self, name: &str) -> Option<String> {
        let (head, _) = self.data.split_once("\r\n\r\n")?;
        let unfolded = head.replace("\r\n ", " ");
        let found = unfolded.lines().find_map(|line| line.split_once(": ").filter(|(known, _)| known == &name));
        found.map(|(_, value)| value.to_owned())
    }

    /// The text, without the escapes of quoted-printable.
    pub fn text(&self) -> String {
        let body = self.data.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default().replace("\r\n", "\n");
        let quoted = self.header("Content-Transfer-Encoding").as_deref() == Some("quoted-printable");
        if quoted { unquote(&body) } else { body }
    }
}

fn unquote(body: &str) -> String {
    let joined = body.replace("=\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let code = hex.filter(|_| *first == b'=').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The server. It ends when it is dropped.
pub struct MailServer {
    address: SocketAddr,
    security: Security,
    certificate: String,
    shared: Arc<Mutex<Shared>>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    acts: BTreeMap<At, Act>,
    received: Vec<Received>,
    greeted: usize,
}

impl MailServer {
    /// The login that it takes.
    pub const LOGIN: (&str, &str) = ("vestibule", "hunter2");

    /// Starts on a free port, taking every mail.
    ///
    /// # Errors
    /// When there is no port or no certificate.
    pub async fn start(security: Security) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(io::Error::other)?.with_no_client_auth();
        let config = config.with_single_cert(vec![made.cert.der().clone()], key).map_err(io::Error::other)?;
        let shared = Arc::new(Mutex::new(Shared::default()));
        let (acceptor, told) = (TlsAcceptor::from(Arc::new(config)), Arc::clone(&shared));
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, told) = (acceptor.clone(), Arc::clone(&told));
                // A client that goes away is part of what is tested.
                tokio::spawn(async move { drop(serve(stream, security, acceptor, &told).await) });
            }
        });
        Ok(Self { address, security, certificate: made.cert.pem(), shared, server })
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        lock(&self.shared)
    }

    /// Its port, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The settings of a connection that gives mails to it.
    pub fn settings(&self) -> Value {
        let tls = match self.security {
            Security::None => "none",
            Security::StartTls => "starttls",
            Security::Implicit => "implicit",
        };
        let mut settings = json!({
            "host": "127.0.0.1", "port": self.port(), "tls": tls,
            "from": "login@example.com", "from_name": "Example",
        });
        if let Some(fields) = settings.as_object_mut().filter(|_| self.security != Security::None) {
            fields.insert("authority".to_owned(), self.certificate.clone().into());
        }
        settings
    }

    /// Decides what it does at a place from now on.
    pub fn act(&self, at: At, act: Act) {
        self.shared().acts.insert(at, act);
    }

    /// Goes on as usual from now on.
    pub fn behave(&self) {
        self.shared().acts.clear();
    }

    /// What it received, oldest first.
    pub fn received(&self) -> Vec<Received> {
        self.shared().received.clone()
    }

    /// How many connections it greeted.
    pub fn greeted(&self) -> usize {
        self.shared().greeted
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

async fn serve(stream: TcpStream, security: Security, acceptor: TlsAcceptor, shared: &Mutex<Shared>) -> io::Result<()> {
    let mut talk = Talk { shared, offers_tls: security == Security::StartTls, tls: false, login: None };
    if security == Security::Implicit {
        talk.tls = true;
        let mut stream = acceptor.accept(stream).await?;
        return talk.run(&mut stream, true).await.map(drop);
    }
    let mut stream = stream;
    if talk.run(&mut stream, true).await? {
        (talk.tls, talk.offers_tls) = (true, false);
        let mut stream = acceptor.accept(stream).await?;
        talk.run(&mut stream, false).await?;
    }
    Ok(())
}

struct Talk<'a> {
    shared: &'a Mutex<Shared>,
    offers_tls: bool,
    tls: bool,
    login: Option<String>,
}

impl Talk<'_> {
    /// Says `usual` at a place, or what it was told to do there; whether the talk goes on as usual.
    async fn at(&self, stream: &mut dyn Wire, at: At, usual: &str) -> io::Result<bool> {
        let act = lock(self.shared).acts.get(&at).cloned();
        match act {
            None => stream.write_all(format!("{usual}\r\n").as_bytes()).await.map(|()| true),
            Some(Act::Say(text)) => {
                stream.write_all(format!("{text}\r\n").as_bytes()).await?;
                Ok(text.starts_with(['2', '3']))
            }
            Some(Act::Hang) => {
                tokio::time::sleep(Duration::from_secs(3600)).await;
                Ok(false)
            }
            Some(Act::HangUp) => Err(io::ErrorKind::ConnectionReset.into()),
            Some(Act::Flood) => {
                for _ in 0..10_000 {
                    stream.write_all(&[b'2'; 1000]).await?;
                }
                Ok(false)
            }
        }
    }

    /// Talks until the end, or until TLS is to begin (then it is true).
    async fn run(&mut self, stream: &mut dyn Wire, greets: bool) -> io::Result<bool> {
        if greets {
            lock(self.shared).greeted += 1;
            self.at(stream, At::Greeting, "220 mail.example.com ESMTP").await?;
        }
        let (mut from, mut to) = (String::new(), Vec::new());
        while let Some(command) = read_until(stream, b"\r\n").await? {
            let (word, rest) = command.split_once([' ', ':']).unwrap_or((&command, ""));
            match word.to_ascii_uppercase().as_str() {
                "EHLO" => {
                    let more = if self.offers_tls { "250-STARTTLS\r\n" } else { "250-AUTH PLAIN LOGIN\r\n" };
                    self.at(stream, At::Ehlo, &format!("250-mail.example.com\r\n{more}250 8BITMIME")).await?;
                }
                "STARTTLS" if self.offers_tls => {
                    if self.at(stream, At::StartTls, "220 go on").await? {
                        return Ok(true);
                    }
                }
                "QUIT" => {
                    stream.write_all(b"221 bye\r\n").await?;
                    return Ok(false);
                }
                _ if self.offers_tls => stream.write_all(b"530 5.7.0 Must issue a STARTTLS command first\r\n").await?,
                "AUTH" => {
                    let (name, password) = MailServer::LOGIN;
                    if rest == format!("PLAIN {}", base64(format!("\0{name}\0{password}").as_bytes())) {
                        self.login = self.at(stream, At::Auth, "235 ok").await?.then(|| name.to_owned());
                    } else {
                        stream.write_all(b"535 5.7.8 authentication failed\r\n").await?;
                    }
                }
                "MAIL" => {
                    rest.trim_start_matches("FROM:").clone_into(&mut from);
                    self.at(stream, At::From, "250 ok").await?;
                }
                "RCPT" => {
                    if self.at(stream, At::To, "250 ok").await? {
                        to.push(rest.trim_start_matches("TO:").to_owned());
                    }
                }
                "DATA" => {
                    if self.at(stream, At::Data, "354 go on").await? {
                        let Some(data) = read_until(stream, b"\r\n.\r\n").await? else { return Ok(false) };
                        let data = data.replace("\r\n..", "\r\n.");
                        if self.at(stream, At::End, "250 2.0.0 Ok: queued as 4Xy1z").await? {
                            let (from, to) = (std::mem::take(&mut from), std::mem::take(&mut to));
                            let login = self.login.clone();
                            lock(self.shared).received.push(Received { from, to, data, tls: self.tls, login });
                        }
                    }
                }
                _ => stream.write_all(b"502 5.5.1 what?\r\n").await?,
            }
        }
        Ok(false)
    }
}

/// Reads up to `end`, which is left out; nothing when the client goes away.
async fn read_until(stream: &mut dyn Wire, end: &[u8]) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(end) {
        let mut byte = [0];
        if stream.read(&mut byte).await? == 0 {
            return Ok(None);
        }
        bytes.extend(byte);
    }
    bytes.truncate(bytes.len() - end.len());
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letter = |group: u32, shift: u32| {
        let index = usize::try_from(group >> shift & 63).unwrap_or(0);
        LETTERS.get(index).map_or('=', |byte| char::from(*byte))
    };
    let group = |chunk: &[u8]| {
        let value = chunk.iter().chain([&0, &0]).take(3).fold(0, |value, byte| value << 8 | u32::from(*byte));
        let whole: String = [18, 12, 6, 0].into_iter().map(|shift| letter(value, shift)).collect();
        let kept = whole.chars().take(chunk.len() + 1).collect::<String>();
        format!("{kept:=<4}")
    };
    bytes.chunks(3).map(group).collect()
}
