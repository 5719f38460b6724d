//! The SMS gateway of a measurement: takes messages by HTTP like a real one, and keeps the latest code of each number.

use std::{cell::RefCell, collections::HashMap, net::SocketAddr, rc::Rc};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// The codes that arrived and were not taken yet, by number.
#[derive(Clone, Default)]
pub(super) struct Sink(Rc<RefCell<HashMap<String, String>>>);

impl Sink {
    /// Listens on an address of this machine.
    pub(super) async fn start(&self) -> std::io::Result<SocketAddr> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let sink = self.clone();
        actix_web::rt::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sink = sink.clone();
                actix_web::rt::spawn(async move { sink.serve(stream).await });
            }
        });
        Ok(address)
    }

    /// Takes the code that arrived for a number.
    pub(super) fn take(&self, number: &str) -> Option<String> {
        self.0.borrow_mut().remove(number)
    }

    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        loop {
            line.clear();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            if let Some(target) = line.strip_prefix("GET ") {
                self.keep(target.split(' ').next().unwrap_or_default());
            }
            if line == "\r\n" {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await?;
            }
        }
    }

    fn keep(&self, target: &str) {
        let query = target.split_once('?').map_or("", |(_, query)| query);
        let value = |name: &str| {
            url::form_urlencoded::parse(query.as_bytes())
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.into_owned())
        };
        if let (Some(to), Some(code)) = (value("to"), value("code")) {
            self.0.borrow_mut().insert(to.trim_start_matches('+').to_owned(), code);
        }
    }
}
