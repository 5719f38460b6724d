//! A keep-alive HTTP/1.1 client of as few instructions as possible: the driver shares its processors with the server.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

/// A connection.
pub(super) struct Http {
    stream: BufReader<TcpStream>,
    address: SocketAddr,
}

/// An answer.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    pub(super) cookies: Vec<String>,
    pub(super) body: Vec<u8>,
}

/// The form type.
pub(super) const FORM: &str = "content-type: application/x-www-form-urlencoded\r\n";

impl Http {
    pub(super) async fn connect(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), address })
    }

    pub(super) async fn get(&mut self, path: &str, headers: &str) -> std::io::Result<Reply> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost:{}\r\n{headers}\r\n", self.address.port());
        self.exchange(&request).await
    }

    pub(super) async fn post(&mut self, path: &str, headers: &str, body: &str) -> std::io::Result<Reply> {
        let (port, length) = (self.address.port(), body.len());
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost:{port}\r\ncontent-length: {length}\r\n{FORM}{headers}\r\n{body}"
        );
        self.exchange(&request).await
    }

    /// Sends a whole request, and reads its answer.
    pub(super) async fn exchange(&mut self, request: &str) -> std::io::Result<Reply> {
        self.stream.write_all(request.as_bytes()).await?;
        let mut reply = Reply { status: 0, location: None, cookies: Vec::new(), body: Vec::new() };
        let (mut length, mut chunked) = (0, false);
        let mut line = String::new();
        loop {
            line.clear();
            if self.stream.read_line(&mut line).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let text = line.trim_end();
            if text.is_empty() {
                break;
            }
            if reply.status == 0 {
                reply.status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(999);
                continue;
            }
            let Some((name, value)) = text.split_once(':') else { continue };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap_or(0),
                "transfer-encoding" => chunked = value.eq_ignore_ascii_case("chunked"),
                "location" => reply.location = Some(value.to_owned()),
                "set-cookie" => reply.cookies.push(value.to_owned()),
                _ => {}
            }
        }
        if chunked {
            self.chunks(&mut reply.body).await?;
        } else {
            reply.body.resize(length, 0);
            self.stream.read_exact(&mut reply.body).await?;
        }
        Ok(reply)
    }

    async fn chunks(&mut self, body: &mut Vec<u8>) -> std::io::Result<()> {
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).await?;
            let size = usize::from_str_radix(line.trim(), 16).unwrap_or(0);
            let begin = body.len();
            body.resize(begin + size, 0);
            if let Some(part) = body.get_mut(begin..) {
                self.stream.read_exact(part).await?;
            }
            self.stream.read_line(&mut line).await?;
            if size == 0 {
                return Ok(());
            }
        }
    }
}

impl Reply {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A member of a JSON body.
    pub(super) fn member(&self, name: &str) -> Option<String> {
        let value: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        value.get(name)?.as_str().map(str::to_owned)
    }

    /// An error unless the status is `status`.
    pub(super) fn expect(self, status: u16, what: &str) -> Result<Self, String> {
        if self.status == status {
            return Ok(self);
        }
        let text: String = self.text().chars().take(300).collect();
        Err(format!("{what}: {status} was expected, {} came: {text}", self.status))
    }
}
