//! A connection to a Redis: opened for one operation, never shared, closed when it is dropped.
//!
//! Workers can't share a socket between requests
//! (<https://developers.cloudflare.com/workers/runtime-apis/tcp-sockets/#considerations>), so what would be said once on a
//! connection that stays, `AUTH` and `SELECT`, goes out together with the command: one trip in all.

use super::command::Command;
use super::resp::{self, Malformed, Reply};
use crate::config::RedisSettings;
use crate::platform::socket::{NotConnected, Socket};
use crate::platform::{Deadline, NoAnswer};
use ws_ticket_core::store::{Cause, Fault, StoreError};

/// The step of connecting. Nothing was asked when it fails.
const CONNECT: &str = "redis.connect";
/// How many bytes the replies to one operation have at most. A grant takes well under 1 KiB.
const REPLIES_MAX: usize = 64 * 1024;

/// The connection.
pub struct Connection {
    socket: Socket,
    /// The operation, which has the deadline.
    operation: &'static str,
    by: Deadline,
    /// What has come and was not yet read as a reply.
    received: Vec<u8>,
    /// How many bytes have come in all.
    total: usize,
}

const fn unavailable(step: &'static str, fault: Fault) -> StoreError {
    StoreError::Unavailable { step, cause: Cause::Server(fault) }
}

impl Connection {
    /// Connects, the TLS handshake included, for one operation that ends `timeout_ms` from now; connecting has half of that.
    pub async fn open(settings: &RedisSettings, operation: &'static str, timeout_ms: u32) -> Result<Self, StoreError> {
        let (by, half) = (Deadline::after(timeout_ms), Deadline::after(timeout_ms.div_ceil(2)));
        // The platform puts host and port together with a colon.
        let host = if settings.host.contains(':') { &format!("[{}]", settings.host) } else { &settings.host };
        let connecting = Socket::connect(host, settings.port, settings.tls, &half).await;
        let socket = connecting.map_err(|NotConnected { in_tls, why }| {
            let cause = match (why, in_tls) {
                (NoAnswer::TimedOut, false) => Cause::TimedOut,
                (NoAnswer::Failed(_), false) => Cause::Server(Fault::Unreachable),
                (NoAnswer::TimedOut, true) => Cause::Server(Fault::TlsTimedOut),
                (NoAnswer::Failed(_), true) => Cause::Server(Fault::TlsFailed),
            };
            StoreError::Unavailable { step: CONNECT, cause }
        })?;
        Ok(Self { socket, operation, by, received: Vec::new(), total: 0 })
    }

    /// Sends the connection's first commands with what has to be said before them, and reads the replies to that.
    pub async fn begin(
        &mut self,
        settings: &RedisSettings,
        commands: impl IntoIterator<Item = Command>,
    ) -> Result<(), StoreError> {
        let before = [("redis.auth", Command::auth(settings)), ("redis.select", Command::select(settings))];
        let (steps, mut all): (Vec<_>, Vec<_>) =
            before.into_iter().filter_map(|(step, command)| Some((step, command?))).unzip();
        all.extend(commands);
        self.send(self.operation, &all).await?;
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
        self.socket.write(&resp::bytes_of(commands), &self.by).await.map_err(|why| self.lost(step, &why))
    }

    /// The next reply.
    pub async fn reply(&mut self, step: &'static str) -> Result<Reply, StoreError> {
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
            let more = self.socket.read(&self.by).await.map_err(|why| self.lost(step, &why))?;
            if more.is_empty() {
                return Err(unavailable(step, Fault::Disconnected));
            }
            self.total = self.total.saturating_add(more.len());
            self.received.extend_from_slice(&more);
        }
    }

    /// A reply after which nothing may come: if something does, it is not clear what was a reply to what.
    pub async fn last_reply(&mut self, step: &'static str) -> Result<Reply, StoreError> {
        let reply = self.reply(step).await?;
        if self.received.is_empty() { Ok(reply) } else { Err(unavailable(step, Fault::Malformed)) }
    }

    /// What follows when the step had no reply. It is the whole operation that has run out of time.
    fn lost(&self, step: &'static str, why: &NoAnswer) -> StoreError {
        match why {
            NoAnswer::TimedOut => StoreError::Unavailable { step: self.operation, cause: Cause::TimedOut },
            NoAnswer::Failed(_) => unavailable(step, Fault::Disconnected),
        }
    }
}
