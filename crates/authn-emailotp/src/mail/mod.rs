//! The mail server: one channel for every server that speaks SMTP.
//!
//! lettre speaks it; what is here is what a code needs besides. The whole has an end after ten seconds; what may have been taken is
//! never called refused, and what was not is never called unknown; a server says no more than [`line`] reads; and nothing that is
//! filled in can become a header or a command. No connection is kept between two mails: a code is wanted now, and a connection that
//! the server has dropped meanwhile would be found out only by losing it.

mod line;
mod mask;
mod reach;
mod settings;
#[cfg(test)]
mod tests;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use lettre::{
    Address,
    message::{
        Mailbox, Message as Letter,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        Error as SmtpError,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, Certificate, TlsParameters},
        commands::{Data, Mail as MailFrom, Rcpt},
        extension::{ClientId, Extension, MailParameter},
        response::Response,
    },
};
use rustls::{ClientConfig, crypto::CryptoProvider, pki_types::ServerName};
use rustls_platform_verifier::Verifier;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{net::TcpStream, sync::Semaphore, time::timeout};
use tokio_rustls::TlsConnector;
use vestibule_core::{
    Channel, Clock as _, Connection,
    channel::{ConnectionError, Message, SendOutcome, Settings, Tried},
    random::{RandomExt as _, SystemRandom},
    time::SystemClock,
};

use self::{
    line::Line,
    mask::Mask,
    settings::{Preset, Tls, Written, is_loopback},
};
pub use self::{reach::Unreachable, settings::settings_schema};
use crate::{EmailAddress, parse_address};

const CONNECT_SECONDS: u64 = 5;
const TOTAL_SECONDS: u64 = 10;
/// So many connections to one server at a time: more is what servers take for abuse. Who waits for one waits within their time.
const AT_ONCE: usize = 20;
/// How long a server may take to say goodbye, when all is said.
const GOODBYE: Duration = Duration::from_secs(2);
const REFERENCE_CHARACTERS: usize = 64;
const NAME_CHARACTERS: usize = 200;

/// Builds the channel of a connection of kind `mail`. `outbox` is the server's in development, and nothing otherwise.
///
/// # Errors
/// The setting that is wrong, and why; nothing is sent to find out.
pub fn build(connection: &Connection, outbox: Option<Arc<dyn Channel>>) -> Result<Arc<dyn Channel>, ConnectionError> {
    if connection.kind != Mail::KIND {
        return Err(refused("kind", format!("`mail` is wanted, not `{}`", connection.kind)));
    }
    if Written::read(&connection.settings)?.preset != Some(Preset::Outbox) {
        return Ok(Arc::new(Mail::from_settings(&connection.settings)?));
    }
    if let Some(other) = connection.settings.0.keys().find(|name| *name != "preset") {
        return Err(refused(other, "the outbox has no settings of its own"));
    }
    outbox.ok_or_else(|| refused("preset", "the outbox exists in development alone; name a mail server"))
}

fn refused(setting: &str, why: impl Into<String>) -> ConnectionError {
    ConnectionError { setting: setting.to_owned(), why: why.into() }
}

/// Sends mail by SMTP.
pub struct Mail {
    host: String,
    port: u16,
    security: Security,
    credentials: Option<Credentials>,
    from: Mailbox,
    domain: String,
    reply_to: Option<Mailbox>,
    mask: Mask,
    connect: Duration,
    timeout: Duration,
    turns: Arc<Semaphore>,
}

/// How what is said is protected, with what it takes.
enum Security {
    None,
    StartTls(TlsParameters),
    Implicit(Arc<ClientConfig>, ServerName<'static>),
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

impl Mail {
    /// The kind of connection that it is.
    pub const KIND: &str = "mail";

    /// A mail server with these settings.
    ///
    /// # Errors
    /// The setting that is wrong, and why.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConnectionError> {
        let written = Written::read(settings)?;
        if written.preset.is_some() {
            return Err(refused("preset", "the outbox is no mail server"));
        }
        let host = host(written.host.as_deref())?;
        let security = security(&written, &host)?;
        let (credentials, secrets) = credentials(&written)?;
        let from = written.from.as_deref().ok_or_else(|| refused("from", "which address do mails come from?"))?;
        let from = address("from", from)?;
        let reply_to = written.reply_to.as_deref().map(|text| address("reply_to", text)).transpose()?;
        let (connect, timeout) = timeouts(&written)?;
        Ok(Self {
            port: written.port.filter(|port| *port != 0).unwrap_or(written.tls.port()),
            security,
            credentials,
            domain: from.domain().to_owned(),
            from: Mailbox::new(name(written.from_name.as_deref())?, from.to_lettre()),
            reply_to: reply_to.map(|address| Mailbox::new(None, address.to_lettre())),
            mask: Mask::default().hide(secrets.iter().map(String::as_str)),
            host,
            connect,
            timeout,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        })
    }

    /// The host that mails are given to.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Delivers `message` and shows how that went.
    pub async fn try_out(&self, message: &Message) -> Tried {
        let mut said = None;
        let outcome = self.send(message, Some(&mut said)).await;
        let request = self.letter(message).ok().map(|(_, letter)| self.written_down(message, &letter));
        Tried { request, answer: said, outcome }
    }

    /// A mail as an admin may see it: who says it to whom, and its headers.
    fn written_down(&self, message: &Message, letter: &[u8]) -> String {
        let text = String::from_utf8_lossy(letter);
        let headers = text.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n", "\n");
        let mask = self.mask.clone().hide([message.body.expose_secret(), message.code.expose_secret()]);
        mask.apply(&format!("{}:{}\n{headers}\n\n•••", self.host, self.port))
    }

    /// The mail, as it goes over the line. Refuses whatever could say more than it should.
    fn letter(&self, message: &Message) -> Result<(Address, Vec<u8>), String> {
        let to = parse_address(&message.to).map_err(|why| format!("the address: {why}"))?;
        let subject = message.subject.as_deref().unwrap_or(self.domain.as_str());
        if subject.chars().any(char::is_control) {
            return Err("the subject holds a control character".to_owned());
        }
        let now = SystemClock::default().now();
        let since = Duration::from_secs(now.unix_seconds().try_into().unwrap_or(0));
        let id = SystemRandom::default().uuid(now);
        let mut letter = Letter::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to.to_lettre()))
            .subject(subject)
            // The real time, whatever a test makes of the server's: a mail with another is taken for junk.
            .date(SystemTime::UNIX_EPOCH + since)
            // Of the sender's domain: the name of this machine is nobody's business.
            .message_id(Some(format!("<{id}@{}>", self.domain)))
            // RFC 3834, section 5: no out-of-office note shall answer.
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
            .header(ContentType::TEXT_PLAIN);
        if let Some(reply_to) = &self.reply_to {
            letter = letter.reply_to(reply_to.clone());
        }
        let letter = letter.body(message.body.expose_secret().to_owned());
        let letter = letter.map_err(|why| format!("the mail could not be made: {why}"))?;
        Ok((to.to_lettre(), letter.formatted()))
    }

    /// `said` takes what the server answered last, masked.
    async fn send(&self, message: &Message, said: Option<&mut Option<String>>) -> SendOutcome {
        let mask = self.mask.clone().hide([&*message.to, message.body.expose_secret(), message.code.expose_secret()]);
        let (to, letter) = match self.letter(message) {
            Ok(letter) => letter,
            Err(why) => return SendOutcome::Refused { why },
        };
        let handed_over = AtomicBool::new(false);
        let ended = timeout(self.timeout, self.hand_over(&to, &letter, &handed_over)).await;
        if let Some(said) = said {
            *said = ended.as_ref().ok().and_then(|ended| heard(ended, &mask));
        }
        // Between the end of the mail and the answer to it nobody knows whose it is (RFC 5321, section 4.5.3.2.6).
        let open = handed_over.load(Ordering::Acquire);
        match ended {
            Ok(Ok(response)) => SendOutcome::Accepted { reference: reference(&response, &mask) },
            Ok(Err(trouble)) if open && !trouble.is_answer() => {
                SendOutcome::Unknown { why: mask.excerpt(&trouble.to_string()) }
            }
            Ok(Err(trouble)) => SendOutcome::Refused { why: mask.excerpt(&trouble.to_string()) },
            Err(_) if open => SendOutcome::Unknown { why: self.no_answer() },
            Err(_) => SendOutcome::Refused { why: self.no_answer() },
        }
    }

    fn no_answer(&self) -> String {
        format!("no answer within {} s", self.timeout.as_secs())
    }

    async fn hand_over(&self, to: &Address, letter: &[u8], handed_over: &AtomicBool) -> Result<Response, Trouble> {
        // A semaphore that nobody closes: there is always a turn.
        let turn = Arc::clone(&self.turns).acquire_owned().await.ok();
        let mut connection = self.open().await?;
        if let Some(credentials) = &self.credentials {
            connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials).await.map_err(Trouble::Login)?;
        }
        let parameters = parameters(to, &self.from.email, &connection)?;
        connection.command(MailFrom::new(Some(self.from.email.clone()), parameters)).await?;
        connection.command(Rcpt::new(to.clone(), Vec::new())).await?;
        connection.command(Data).await?;
        handed_over.store(true, Ordering::Release);
        let response = connection.message(letter).await?;
        // It is taken. How the server says goodbye changes nothing, and nobody waits for it.
        tokio::spawn(async move {
            drop(timeout(GOODBYE, connection.quit()).await);
            drop(turn);
        });
        Ok(response)
    }

    /// A connection over which can be spoken, protected as it must be.
    async fn open(&self) -> Result<AsyncSmtpConnection, Trouble> {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        let connecting = timeout(self.connect, TcpStream::connect((bare, self.port))).await;
        let stream = connecting.map_err(|_| Trouble::Late)?.map_err(Trouble::Connection)?;
        let peer = stream.peer_addr().map_err(Trouble::Connection)?;
        let (hello, line) = (ClientId::default(), Line::new(stream, peer));
        match &self.security {
            Security::None => Ok(AsyncSmtpConnection::connect_with_transport(Box::new(line), &hello).await?),
            Security::StartTls(parameters) => {
                let mut connection = AsyncSmtpConnection::connect_with_transport(Box::new(line), &hello).await?;
                connection.starttls(parameters.clone(), &hello).await.map_err(Trouble::StartTls)?;
                Ok(connection)
            }
            Security::Implicit(config, name) => {
                let shaken = TlsConnector::from(Arc::clone(config)).connect(name.clone(), line).await;
                let line = Line::new(shaken.map_err(Trouble::Tls)?, peer);
                Ok(AsyncSmtpConnection::connect_with_transport(Box::new(line), &hello).await?)
            }
        }
    }
}

#[async_trait]
impl Channel for Mail {
    async fn deliver(&self, message: &Message) -> SendOutcome {
        self.send(message, None).await
    }
}

/// Why a mail was not handed over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("no connection: {0}")]
    Connection(std::io::Error),
    #[error("no connection in time")]
    Late,
    #[error("no TLS: {0}")]
    Tls(std::io::Error),
    #[error("no TLS: {}", causes(.0))]
    StartTls(SmtpError),
    #[error("the login was not taken: {}", causes(.0))]
    Login(SmtpError),
    #[error("the mail server takes no addresses with letters beyond ASCII")]
    Letters,
    #[error("{}", causes(.0))]
    Said(#[from] SmtpError),
}

impl Trouble {
    /// Whether the server answered, and so did not take it.
    fn is_answer(&self) -> bool {
        matches!(self, Self::Said(error) if error.status().is_some())
    }
}

/// The whole of an error in one line: lettre tells what it was, and its sources why.
fn causes(error: &SmtpError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(deeper) = cause {
        let why = deeper.to_string();
        if !text.contains(&why) {
            text = format!("{text}: {why}");
        }
        cause = deeper.source();
    }
    text
}

/// What the server answered last, as an admin may see it.
fn heard(ended: &Result<Response, Trouble>, mask: &Mask) -> Option<String> {
    match ended {
        Ok(response) => Some(mask.excerpt(&said(response))),
        Err(trouble) => Some(mask.excerpt(&trouble.to_string())),
    }
}

fn said(response: &Response) -> String {
    format!("{} {}", response.code(), response.message().collect::<Vec<_>>().join(" "))
}

/// The server's own id of the mail: what stands behind `queued as`, as most say it, or else the whole of what it says.
fn reference(response: &Response, mask: &Mask) -> Option<String> {
    let said = mask.excerpt(&response.message().collect::<Vec<_>>().join(" "));
    let named = ["queued as ", "id="].iter().find_map(|mark| said.split_once(mark));
    let named = named.and_then(|(_, rest)| rest.split_whitespace().next()).unwrap_or(&said);
    Some(named.chars().take(REFERENCE_CHARACTERS).collect()).filter(|reference: &String| !reference.is_empty())
}

/// RFC 6531: an address with letters beyond ASCII goes only to a server that takes it.
fn parameters(to: &Address, from: &Address, connection: &AsyncSmtpConnection) -> Result<Vec<MailParameter>, Trouble> {
    let ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
    match connection.server_info().supports_feature(Extension::SmtpUtfEight) {
        _ if ascii(to) && ascii(from) => Ok(Vec::new()),
        true => Ok(vec![MailParameter::SmtpUtfEight]),
        false => Err(Trouble::Letters),
    }
}

fn host(written: Option<&str>) -> Result<String, ConnectionError> {
    let host = written.unwrap_or_default().trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    match host {
        "" => Err(refused("host", "which mail server are mails given to?")),
        host if host.len() > 253 || !host.chars().all(plain) => {
            Err(refused("host", "the name or the address of a host is wanted, without a scheme and without a port"))
        }
        host => Ok(host.to_owned()),
    }
}

fn security(written: &Written, host: &str) -> Result<Security, ConnectionError> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let authority = written.authority.as_deref();
    match written.tls {
        Tls::None if !is_loopback(host) => Err(refused(
            "tls",
            "without TLS a code can be read on its way: `none` is for a mail server on this machine",
        )),
        Tls::None => Ok(Security::None),
        Tls::Starttls => {
            let mut parameters = TlsParameters::builder(bare.to_owned());
            if let Some(pem) = authority {
                let certificate = Certificate::from_pem(pem.as_bytes());
                parameters = parameters.add_root_certificate(certificate.map_err(|_| no_certificate())?);
            }
            let parameters = parameters.build().map_err(|why| refused("tls", causes(&why)))?;
            Ok(Security::StartTls(parameters))
        }
        Tls::Implicit => {
            let name = ServerName::try_from(bare.to_owned()).map_err(|why| refused("host", why.to_string()))?;
            let config = client_config(authority)?;
            Ok(Security::Implicit(Arc::new(config), name))
        }
    }
}

fn no_certificate() -> ConnectionError {
    refused("authority", "a certificate in PEM is wanted, from BEGIN CERTIFICATE to END CERTIFICATE")
}

/// The machine's roots of trust, and those of the setting; as lettre has it for STARTTLS.
fn client_config(authority: Option<&str>) -> Result<ClientConfig, ConnectionError> {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};
    let provider = CryptoProvider::get_default().cloned();
    let provider = provider.unwrap_or_else(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    let broken = |why: rustls::Error| refused("tls", why.to_string());
    let versions = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let versions = versions.with_safe_default_protocol_versions().map_err(broken)?;
    let roots = authority.map(|pem| CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>());
    let roots = roots.transpose().map_err(|_| no_certificate())?;
    if roots.as_ref().is_some_and(Vec::is_empty) {
        return Err(no_certificate());
    }
    let verifier = Verifier::new_with_extra_roots(roots.unwrap_or_default(), provider).map_err(broken)?;
    Ok(versions.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

/// The login, and every form of it that must not be seen.
fn credentials(written: &Written) -> Result<(Option<Credentials>, Vec<String>), ConnectionError> {
    let password = written.secrets.password.as_ref().map(|secret| &secret.0);
    let password = password.filter(|password: &&SecretString| !password.expose_secret().is_empty());
    match (written.username.as_deref().filter(|name| !name.is_empty()), password) {
        (None, None) => Ok((None, Vec::new())),
        (Some(_), None) => Err(refused("secrets.password", "is missing, and `username` needs it")),
        (None, Some(_)) => Err(refused("username", "is missing, and the password needs it")),
        (Some(name), Some(password)) => {
            let password = password.expose_secret().to_owned();
            Ok((Some(Credentials::new(name.to_owned(), password.clone())), vec![password]))
        }
    }
}

fn address(setting: &str, text: &str) -> Result<EmailAddress, ConnectionError> {
    parse_address(text).map_err(|why| refused(setting, why.to_string()))
}

/// A name beside an address: a line break in it would begin a header of its own.
fn name(written: Option<&str>) -> Result<Option<String>, ConnectionError> {
    match written.map(|name| name.trim_matches(' ')).filter(|name| !name.is_empty()) {
        Some(name) if name.chars().any(char::is_control) => Err(refused("from_name", "it holds a control character")),
        Some(name) if name.chars().count() > NAME_CHARACTERS => {
            Err(refused("from_name", format!("it has more than {NAME_CHARACTERS} characters")))
        }
        name => Ok(name.map(str::to_owned)),
    }
}

fn timeouts(written: &Written) -> Result<(Duration, Duration), ConnectionError> {
    let read = |name: &str, written: Option<u64>, usual: u64| match written.unwrap_or(usual) {
        seconds @ 1..=TOTAL_SECONDS => Ok(Duration::from_secs(seconds)),
        _ => Err(refused(name, format!("a whole number from 1 to {TOTAL_SECONDS} is wanted"))),
    };
    let connect = read("connect_timeout_seconds", written.connect_timeout_seconds, CONNECT_SECONDS)?;
    Ok((connect, read("timeout_seconds", written.timeout_seconds, TOTAL_SECONDS)?))
}
