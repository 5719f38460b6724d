//! The line to a mail server: what it says is read up to an end, and a line at a time.
//!
//! The end, because a greeting of ten megabytes is no greeting, and lettre would look for its line break in all of it. The lines,
//! because what somebody puts on the wire behind the answer to STARTTLS must not be taken for what the server says under TLS
//! (the attack of CVE-2011-0411, turned to the client): here it stays in front of the handshake, which then fails.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// So much of what a mail server says is read: its greetings, its certificates, and a few answers.
const MOST: usize = 64 * 1024;
const PIECE: usize = 4096;

/// A connection that is read with care.
pub(super) struct Line<S> {
    inner: S,
    peer: SocketAddr,
    held: Vec<u8>,
    /// How much of what is held was handed on.
    given: usize,
    left: usize,
}

impl<S> Line<S> {
    pub(super) fn new(inner: S, peer: SocketAddr) -> Self {
        Self { inner, peer, held: Vec::new(), given: 0, left: MOST }
    }
}

impl<S> std::fmt::Debug for Line<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Line<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.given >= this.held.len() {
            if this.left == 0 {
                return Poll::Ready(Err(io::Error::other("the mail server says too much")));
            }
            let mut piece = [0; PIECE];
            let mut piece = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut piece))?;
            this.left = this.left.saturating_sub(piece.filled().len());
            this.held.clear();
            this.held.extend_from_slice(piece.filled());
            this.given = 0;
        }
        let rest = this.held.get(this.given..).unwrap_or_default();
        let line = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        let line = rest.get(..line.min(out.remaining())).unwrap_or_default();
        out.put_slice(line);
        this.given += line.len();
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Line<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> AsyncTokioStream for Line<S> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}
