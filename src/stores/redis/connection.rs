//! A connection to a Redis: opened for one operation, never shared, closed when it is dropped.
//!
//! Workers can't share a socket between requests
//! (<https://developers.cloudflare.com/workers/runtime-apis/tcp-sockets/#considerations>), so what would be said once on a
//! connection that stays, `AUTH` and `SELECT`, goes out together with the command: one trip in all.

use std::future::poll_fn;
use std::pin::Pin;

use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use worker::{SecureTransport, Socket};

use super::command::Command;
use super::resp::{self, Reply};
use crate::config::RedisSettings;
use crate::store::{Cause, StoreError};

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

/// However the operation ends, by its deadline too: a WebSocket may keep the request alive for hours.
impl Drop for Connection {
    fn drop(&mut self) {
        // Polled once, which closes; that it has closed need not be waited for.
        let _ = self.socket.close().now_or_never();
    }
}

impl Connection {
    /// Connects, the TLS handshake included.
    pub async fn open(settings: &RedisSettings) -> Result<Self, StoreError> {
        const FAILED: StoreError = StoreError::Unavailable { step: CONNECT, cause: Cause::Failed };
        let security = if settings.tls { SecureTransport::On } else { SecureTransport::Off };
        // The platform puts host and port together with a colon.
        let host = if settings.host.contains(':') { format!("[{}]", settings.host) } else { settings.host.clone() };
        let socket = Socket::builder().secure_transport(security).connect(host, settings.port).map_err(|_| FAILED)?;
        let connection = Self { socket, received: Vec::new(), total: 0 };
        connection.socket.opened().await.map_err(|_| FAILED)?;
        Ok(connection)
    }

    /// The reply to the connection's first command, with what has to be said before it.
    pub async fn first(
        &mut self,
        settings: &RedisSettings,
        step: &'static str,
        command: Command,
    ) -> Result<Reply, StoreError> {
        let before = [("redis.auth", Command::auth(settings)), ("redis.select", Command::select(settings))];
        let (steps, mut commands): (Vec<_>, Vec<_>) =
            before.into_iter().filter_map(|(step, command)| Some((step, command?))).unzip();
        commands.push(command);
        self.send(step, &commands).await?;
        for step in steps {
            // The command behind may have been done nevertheless; nobody will hear of it.
            match self.reply(step).await? {
                Reply::Ok => {}
                reply => return Err(StoreError::Unavailable { step, cause: reply.cause() }),
            }
        }
        self.last_reply(step).await
    }

    /// The reply to a further command.
    pub async fn next(&mut self, step: &'static str, command: Command) -> Result<Reply, StoreError> {
        self.send(step, &[command]).await?;
        self.last_reply(step).await
    }

    async fn send(&mut self, step: &'static str, commands: &[Command]) -> Result<(), StoreError> {
        let failed = StoreError::Unavailable { step, cause: Cause::Failed };
        let bytes = resp::bytes_of(commands).map_err(|_| failed)?;
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let sent = poll_fn(|cx| Pin::new(&mut self.socket).poll_write(cx, rest)).await.map_err(|_| failed)?;
            rest = rest.get(sent..).filter(|_| sent > 0).ok_or(failed)?;
        }
        Ok(())
    }

    async fn reply(&mut self, step: &'static str) -> Result<Reply, StoreError> {
        let failed = StoreError::Unavailable { step, cause: Cause::Failed };
        loop {
            if let Some((reply, length)) = resp::first_reply(&self.received).map_err(|_| failed)? {
                self.received.drain(..length);
                return Ok(reply);
            }
            if !self.receive().await.map_err(|_| failed)? || self.total > REPLIES_MAX {
                return Err(failed);
            }
        }
    }

    /// A reply after which nothing may come: if something does, it is not clear what was a reply to what.
    async fn last_reply(&mut self, step: &'static str) -> Result<Reply, StoreError> {
        let reply = self.reply(step).await?;
        if self.received.is_empty() { Ok(reply) } else { Err(StoreError::Unavailable { step, cause: Cause::Failed }) }
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
