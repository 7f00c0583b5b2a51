//! A connection to a Redis: opened for one operation, never shared, closed when it is dropped.
//!
//! Workers can't share a socket between requests
//! (<https://developers.cloudflare.com/workers/runtime-apis/tcp-sockets/#considerations>), so what would be said once on a
//! connection that stays, `AUTH` and `SELECT`, goes out together with the command: one trip in all.

use super::super::deadline::{Deadline, NoAnswer, unavailable};
use super::command::Command;
use super::resp::{self, Reply};
use crate::config::RedisSettings;
use crate::outside::socket::Socket;
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

impl Connection {
    /// Connects, the TLS handshake included.
    pub async fn open(settings: &RedisSettings, by: &Deadline) -> Result<Self, StoreError> {
        // The platform puts host and port together with a colon.
        let host = if settings.host.contains(':') { &format!("[{}]", settings.host) } else { &settings.host };
        let socket = Socket::connect(host, settings.port, settings.tls, by).await.map_err(unavailable(CONNECT))?;
        Ok(Self { socket, received: Vec::new(), total: 0 })
    }

    /// The reply to the connection's first command, with what has to be said before it.
    pub async fn first(
        &mut self,
        settings: &RedisSettings,
        step: &'static str,
        command: Command,
        by: &Deadline,
    ) -> Result<Reply, StoreError> {
        let before = [("redis.auth", Command::auth(settings)), ("redis.select", Command::select(settings))];
        let (steps, mut commands): (Vec<_>, Vec<_>) =
            before.into_iter().filter_map(|(step, command)| Some((step, command?))).unzip();
        commands.push(command);
        self.send(step, &commands, by).await?;
        for before in steps {
            // The command behind may have been done nevertheless; nobody will hear of it.
            match self.reply(step, before, by).await? {
                Reply::Ok => {}
                reply => return Err(StoreError::Unavailable { step: before, cause: reply.cause() }),
            }
        }
        self.last_reply(step, by).await
    }

    /// The reply to a further command.
    pub async fn next(&mut self, step: &'static str, command: Command, by: &Deadline) -> Result<Reply, StoreError> {
        self.send(step, &[command], by).await?;
        self.last_reply(step, by).await
    }

    async fn send(&mut self, step: &'static str, commands: &[Command], by: &Deadline) -> Result<(), StoreError> {
        let bytes = resp::bytes_of(commands).map_err(|_| StoreError::Unavailable { step, cause: Cause::Failed })?;
        self.socket.write(&bytes, by).await.map_err(unavailable(step))
    }

    /// `of` is the command that it is a reply to, and `step` the operation that has the deadline.
    async fn reply(&mut self, step: &'static str, of: &'static str, by: &Deadline) -> Result<Reply, StoreError> {
        let failed = StoreError::Unavailable { step: of, cause: Cause::Failed };
        loop {
            if let Some((reply, length)) = resp::first_reply(&self.received).map_err(|_| failed)? {
                self.received.drain(..length);
                return Ok(reply);
            }
            let more = self.socket.read(by).await.map_err(|why| match why {
                NoAnswer::TimedOut => unavailable(step)(why),
                NoAnswer::Failed(_) => failed,
            })?;
            self.total = self.total.saturating_add(more.len());
            if more.is_empty() || self.total > REPLIES_MAX {
                return Err(failed);
            }
            self.received.extend_from_slice(&more);
        }
    }

    /// A reply after which nothing may come: if something does, it is not clear what was a reply to what.
    async fn last_reply(&mut self, step: &'static str, by: &Deadline) -> Result<Reply, StoreError> {
        let reply = self.reply(step, step, by).await?;
        if self.received.is_empty() { Ok(reply) } else { Err(StoreError::Unavailable { step, cause: Cause::Failed }) }
    }
}
