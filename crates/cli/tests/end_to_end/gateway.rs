//! An SMS vendor, as far as its interface goes: receives messages over HTTP on loopback, remembers each request as it came, and
//! answers as Vonage does (200, and in the body whether it took the message) or in one of the ways that go wrong.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use url::Url;

/// What it does with messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// Takes them.
    Accept,
    /// Takes them, after so long.
    Slow(Duration),
    /// Answers 200 and says in the body that it did not take them.
    Refuse,
    /// Answers 500.
    Break,
    /// Answers nothing.
    Hang,
}

/// A message as it was received.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) behaviour: Behaviour,
}

impl Received {
    pub(crate) fn get(&self, name: &str) -> &str {
        self.query.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// The code, by the line that phones read: the last one, `@host #code`.
    pub(crate) fn code(&self) -> String {
        let last = self.get("text").lines().last().unwrap_or_default();
        let (host, code) =
            last.split_once(" #").unwrap_or_else(|| panic!("no origin-bound line: {}", self.get("text")));
        assert!(host.starts_with('@'), "{last}");
        code.to_owned()
    }
}

#[derive(Clone)]
pub(crate) struct Gateway {
    shared: Arc<Mutex<Shared>>,
    pub(crate) port: u16,
}

struct Shared {
    behaviour: Behaviour,
    received: Vec<Received>,
}

impl Gateway {
    /// Opens for business. It closes with the test's process.
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Mutex::new(Shared { behaviour: Behaviour::Accept, received: Vec::new() }));
        let gateway = Self { shared, port };
        let own = gateway.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let own = own.clone();
                thread::spawn(move || own.serve(stream));
            }
        });
        gateway
    }

    /// The seed product's SMS URL, with this vendor in the place of its own.
    pub(crate) fn sms_url(&self) -> String {
        format!("http://127.0.0.1:{}/sms/json?api_key=K&api_secret=S&from=NEXMO&to=$ctx.num&text=$ctx.msg", self.port)
    }

    /// Where the messages can be read by other programs.
    pub(crate) fn messages_url(&self) -> String {
        format!("http://127.0.0.1:{}/received", self.port)
    }

    pub(crate) fn behave(&self, behaviour: Behaviour) {
        self.lock().behaviour = behaviour;
    }

    /// The messages to a number, oldest first, taken or not.
    pub(crate) fn to(&self, number: &str) -> Vec<Received> {
        self.lock().received.iter().filter(|message| message.get("to") == number).cloned().collect()
    }

    /// The latest message to a number, waited for.
    pub(crate) async fn latest_to(&self, number: &str) -> Received {
        let began = Instant::now();
        loop {
            if let Some(message) = self.to(number).pop() {
                return message;
            }
            assert!(began.elapsed() < Duration::from_secs(10), "no message to {number} came");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Some((method, target)) = read_head(&mut reader) {
            let url = Url::parse("http://gateway").unwrap().join(&target).unwrap();
            let (status, body) =
                if url.path() == "/received" { (200, self.as_json()) } else { self.take(method, &url) };
            let head = format!(
                "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            if reader.get_mut().write_all((head + &body).as_bytes()).is_err() {
                return;
            }
        }
    }

    fn take(&self, method: String, url: &Url) -> (u16, String) {
        let behaviour = self.lock().behaviour;
        let message = Received {
            method,
            path: url.path().to_owned(),
            query: url.query_pairs().into_owned().collect(),
            behaviour,
        };
        let to = message.get("to").to_owned();
        self.lock().received.push(message);
        let taken = |status: &str, more: &str| {
            format!(
                r#"{{"message-count":"1","messages":[{{"to":"{to}","message-id":"0A0000000123ABCD1","status":"{status}"{more}}}]}}"#
            )
        };
        match behaviour {
            Behaviour::Accept => {
                (200, taken("0", r#","remaining-balance":"3.14","message-price":"0.03","network":"310004""#))
            }
            Behaviour::Slow(time) => {
                thread::sleep(time);
                (200, taken("0", ""))
            }
            Behaviour::Refuse => (200, taken("9", r#","error-text":"Partner quota violation""#)),
            Behaviour::Break => (500, "<h1>Internal Server Error</h1>".to_owned()),
            Behaviour::Hang => {
                thread::sleep(Duration::from_secs(60));
                (200, taken("0", ""))
            }
        }
    }

    /// What a phone would have got.
    fn as_json(&self) -> String {
        let received = self.lock();
        let phone = received.received.iter().filter(|m| matches!(m.behaviour, Behaviour::Accept | Behaviour::Slow(_)));
        let messages: Vec<_> = phone.map(|m| serde_json::json!({ "to": m.get("to"), "text": m.get("text") })).collect();
        serde_json::Value::Array(messages).to_string()
    }
}

/// Reads one request without a body worth keeping.
fn read_head(reader: &mut BufReader<TcpStream>) -> Option<(String, String)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    Some((method, target))
}
