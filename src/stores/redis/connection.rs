//! A connection to a Redis: opened for one operation, never shared, closed when it is dropped.
//!
//! Workers can't share a socket between requests
//! (<https://developers.cloudflare.com/workers/runtime-apis/tcp-sockets/#considerations>), so what would be said once on a
//! connection that stays, `AUTH` and `SELECT`, goes out together with the command: one trip in all.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;

use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use worker::Socket;

use super::command::Command;
use super::raw::Raw;
use super::resp::{self, Malformed, Reply};
use crate::config::RedisSettings;
use crate::store::{Cause, Fault, StoreError};

/// The step of connecting. Nothing was asked when it fails.
pub const CONNECT: &str = "redis.connect";
/// How many bytes the replies to one operation have at most. A grant takes well under 1 KiB.
const REPLIES_MAX: usize = 64 * 1024;

/// The connection.
pub struct Connection {
    socket: Socket,
    /// What has come and was not yet read as a reply.
    received: Vec<u8>,
    /// How many bytes have come in all.
    total: usize,
}

const fn unavailable(step: &'static str, fault: Fault) -> StoreError {
    StoreError::Unavailable { step, cause: Cause::Server(fault) }
}

/// However the operation ends, by its deadline too: a WebSocket may keep the request alive for hours.
impl Drop for Connection {
    fn drop(&mut self) {
        // Polled once, which closes; that it has closed need not be waited for.
        let _ = self.socket.close().now_or_never();
    }
}

impl Connection {
    /// Connects, the TLS handshake included; `in_tls` is set when that begins. TCP comes first and TLS after, since the
    /// platform says the same of all that can go wrong when it is asked for both.
    pub async fn open(settings: &RedisSettings, in_tls: &Cell<bool>) -> Result<Self, StoreError> {
        const UNREACHABLE: StoreError = unavailable(CONNECT, Fault::Unreachable);
        const TLS_FAILED: StoreError = unavailable(CONNECT, Fault::TlsFailed);
        let plain = Raw::connect(settings).map_err(|_| UNREACHABLE)?;
        plain.opened().await.map_err(|_| UNREACHABLE)?;
        let raw = if settings.tls {
            in_tls.set(true);
            let secure = plain.start_tls().map_err(|_| TLS_FAILED)?;
            secure.opened().await.map_err(|_| TLS_FAILED)?;
            secure
        } else {
            plain
        };
        let socket = raw.into_socket().ok_or(UNREACHABLE)?;
        Ok(Self { socket, received: Vec::new(), total: 0 })
    }

    /// Sends the connection's first commands with what has to be said before them, and reads the replies to that.
    pub async fn begin(
        &mut self,
        settings: &RedisSettings,
        step: &'static str,
        commands: impl IntoIterator<Item = Command>,
    ) -> Result<(), StoreError> {
        let before = [("redis.auth", Command::auth(settings)), ("redis.select", Command::select(settings))];
        let (steps, mut all): (Vec<_>, Vec<_>) =
            before.into_iter().filter_map(|(step, command)| Some((step, command?))).unzip();
        all.extend(commands);
        self.send(step, &all).await?;
        for step in steps {
            // The commands behind may have been done nevertheless; nobody will hear of it.
            match self.reply(step).await? {
                Reply::Ok => {}
                reply => return Err(StoreError::Unavailable { step, cause: reply.cause() }),
            }
        }
        Ok(())
    }

    /// Sends commands.
    pub async fn send(&mut self, step: &'static str, commands: &[Command]) -> Result<(), StoreError> {
        let failed = StoreError::Unavailable { step, cause: Cause::Failed };
        let lost = unavailable(step, Fault::Disconnected);
        let bytes = resp::bytes_of(commands).map_err(|_| failed)?;
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let sent = poll_fn(|cx| Pin::new(&mut self.socket).poll_write(cx, rest)).await.map_err(|_| lost)?;
            rest = rest.get(sent..).filter(|_| sent > 0).ok_or(lost)?;
        }
        Ok(())
    }

    /// The next reply.
    pub async fn reply(&mut self, step: &'static str) -> Result<Reply, StoreError> {
        let lost = unavailable(step, Fault::Disconnected);
        loop {
            match resp::first_reply(&self.received) {
                Ok(Some((reply, length))) => {
                    self.received.drain(..length);
                    return Ok(reply);
                }
                Ok(None) if self.total > REPLIES_MAX => return Err(unavailable(step, Fault::Malformed)),
                Ok(None) => {}
                Err(Malformed) => return Err(unavailable(step, Malformed::fault(&self.received))),
            }
            if !self.receive().await.map_err(|_| lost)? {
                return Err(lost);
            }
        }
    }

    /// A reply after which nothing may come: if something does, it is not clear what was a reply to what.
    pub async fn last_reply(&mut self, step: &'static str) -> Result<Reply, StoreError> {
        let reply = self.reply(step).await?;
        if self.received.is_empty() { Ok(reply) } else { Err(unavailable(step, Fault::Malformed)) }
    }

    /// Waits for more; `false` when the server has closed.
    async fn receive(&mut self) -> std::io::Result<bool> {
        let mut chunk = [0; 4096];
        let mut buffer = ReadBuf::new(&mut chunk);
        poll_fn(|cx| Pin::new(&mut self.socket).poll_read(cx, &mut buffer)).await?;
        self.received.extend_from_slice(buffer.filled());
        self.total = self.total.saturating_add(buffer.filled().len());
        Ok(!buffer.filled().is_empty())
    }
}
