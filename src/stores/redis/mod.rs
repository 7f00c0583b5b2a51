//! Grants in a Redis, over TCP or TLS: one connection and one trip for each operation.
//!
//! `SingleUse`: the step that elects the winner is `GETDEL` (<https://redis.io/docs/latest/commands/getdel/>), which Redis
//! does whole before it looks at the next command; where the server is older than 6.2, or doesn't know it, a script that does
//! the same, which Redis runs as one step too. Its limits are Redis's own: replicas follow asynchronously, so a fail-over
//! may bring a used ticket back; a server that persists once a second may after a crash; and one that is told to evict
//! keys may lose tickets that nobody used. A reply that is lost can't be asked for again, since the key is gone: that is
//! "no answer", and the ticket perhaps burnt.

pub mod command;
mod connection;
mod resp;

use std::cell::Cell;
use std::fmt;

use async_trait::async_trait;

use super::deadline::Deadline;
use crate::config::RedisSettings;
use crate::grant::Grant;
use crate::region::Region;
use crate::store::{Attempt, Consumed, Guarantee, Reach, StoreError, TicketStore};
use crate::ticket::{Digest, Home, Ticket};
use command::Command;
use connection::Connection;
use resp::Reply;
pub(super) use resp::cause_of;

const SET: &str = "redis.set";
const GETDEL: &str = "redis.getdel";
const EVAL: &str = "redis.eval";

/// The store.
pub struct Redis {
    home: Home,
    settings: RedisSettings,
    timeout_ms: u32,
    /// Found out by the first ticket that is consumed, and remembered for the isolate's life.
    lacks_getdel: Cell<bool>,
}

impl Redis {
    /// The server as a store whose tickets go by `home`. An operation takes at most `timeout_ms`, half of it to connect.
    pub fn new(home: Home, settings: RedisSettings, timeout_ms: u32) -> Self {
        Self { home, settings, timeout_ms, lacks_getdel: Cell::new(false) }
    }

    async fn connect(&self) -> Result<Connection, StoreError> {
        Connection::open(&self.settings, &Deadline::after(self.timeout_ms.div_ceil(2))).await
    }

    /// The reply to a command, on a connection of its own.
    async fn ask(&self, step: &'static str, command: Command) -> Result<Reply, StoreError> {
        let by = Deadline::after(self.timeout_ms);
        self.connect().await?.first(&self.settings, step, command, &by).await
    }

    /// The reply to `GETDEL` or, where the server doesn't know it, to the script; and which of them it was.
    async fn take(&self, digest: &Digest) -> Result<(&'static str, Reply), StoreError> {
        if self.lacks_getdel.get() {
            return Ok((EVAL, self.ask(EVAL, Command::getdel_by_script(digest)).await?));
        }
        let by = Deadline::after(self.timeout_ms);
        let mut connection = self.connect().await?;
        match connection.first(&self.settings, GETDEL, Command::getdel(digest), &by).await? {
            Reply::UnknownCommand => {
                // What the server doesn't know it has not done, so asking in another way is no second attempt.
                self.lacks_getdel.set(true);
                Ok((EVAL, connection.next(EVAL, Command::getdel_by_script(digest), &by).await?))
            }
            reply => Ok((GETDEL, reply)),
        }
    }
}

impl fmt::Display for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("redis")
    }
}

#[async_trait(?Send)]
impl TicketStore for Redis {
    fn guarantee(&self) -> Guarantee {
        Guarantee::SingleUse
    }

    fn reach(&self) -> Reach {
        Reach::Global
    }

    fn is_home_of(&self, ticket: &Ticket) -> bool {
        ticket.home() == &self.home
    }

    async fn issue(&self, grant: &Grant, _: Option<Region>) -> Result<Ticket, StoreError> {
        let ticket = Ticket::mint(self.home.clone())?;
        let record = grant.to_json().map_err(|_| StoreError::Corrupt { step: SET })?;
        match self.ask(SET, Command::set(ticket.digest(), &record, grant.ttl_seconds())).await? {
            Reply::Ok => Ok(ticket),
            // `Null` would be "there is such a key": of 256 random bits, so the server is wrong.
            reply => Err(StoreError::Unavailable { step: SET, cause: reply.cause() }),
        }
    }

    async fn consume(&self, ticket: &Ticket, _: Attempt) -> Result<Consumed, StoreError> {
        if !self.is_home_of(ticket) {
            return Ok(Consumed::Unknown);
        }
        let (step, reply) = self.take(ticket.digest()).await?;
        match reply {
            Reply::Null => Ok(Consumed::Unknown),
            Reply::Value(record) => {
                let record = std::str::from_utf8(&record).map_err(|_| StoreError::Corrupt { step })?;
                Consumed::of_record(record, step)
            }
            reply => Err(StoreError::Unavailable { step, cause: reply.cause() }),
        }
    }
}
