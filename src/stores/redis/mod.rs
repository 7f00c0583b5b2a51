//! Grants in a Redis, over TCP or TLS: one connection and one trip for each operation.
//!
//! `SingleUse`: the step that elects the winner is `GETDEL` (<https://redis.io/docs/latest/commands/getdel/>), which Redis
//! does whole before it looks at the next command; where the server is older than 6.2, or doesn't know it, a script that does
//! the same, which Redis runs as one step too. The first ticket of an isolate brings probes along that tell whether the server
//! lets us do it at all: no ticket is handed out that could never be consumed. Its limits are Redis's own: replicas follow asynchronously, so a fail-over
//! may bring a used ticket back; a server that persists once a second may after a crash; and one that is told to evict
//! keys may lose tickets that nobody used. A reply that is lost can't be asked for again, since the key is gone: that is
//! "no answer", and the ticket perhaps burnt.

pub mod command;
mod connection;
mod refusal;
mod resp;

use std::cell::Cell;
use std::fmt;

use async_trait::async_trait;

use super::ends::{self, Ends};
use crate::config::RedisSettings;
use command::Command;
use connection::Connection;
pub(super) use refusal::cause_of;
use resp::Reply;
use ws_ticket_core::grant::Grant;
use ws_ticket_core::region::Region;
use ws_ticket_core::store::{Attempt, Consumed, End, Guarantee, Known, Reach, StoreError, TicketStore};
use ws_ticket_core::ticket::{Digest, Home, Ticket};

const SET: &str = "redis.set";
const GETDEL: &str = "redis.getdel";
const EVAL: &str = "redis.eval";

/// The store.
pub struct Redis {
    home: Home,
    settings: RedisSettings,
    timeout_ms: u32,
    ends: Option<Ends>,
    /// Found out by the first ticket, and remembered until the server refuses something.
    lacks_getdel: Cell<bool>,
    /// Whether the server was seen to do what consumes a ticket.
    proven: Cell<bool>,
}

impl Redis {
    /// The server as a store whose tickets go by `home`. An operation takes at most `timeout_ms`, half of it to connect. With `ends` it
    /// takes tickets by a script that looks at those.
    pub fn new(home: Home, settings: RedisSettings, timeout_ms: u32, ends: Option<Ends>) -> Self {
        Self { home, settings, timeout_ms, ends, lacks_getdel: Cell::new(false), proven: Cell::new(false) }
    }

    /// A connection for one operation.
    async fn connect(&self, operation: &'static str) -> Result<Connection, StoreError> {
        Connection::open(&self.settings, operation, self.timeout_ms).await
    }

    /// The reply to a command, on a connection of its own.
    async fn ask(&self, step: &'static str, command: Command) -> Result<Reply, StoreError> {
        let mut connection = self.connect(step).await?;
        connection.begin(&self.settings, [command]).await?;
        connection.last_reply(step).await
    }

    /// The reply to `SET`, which goes out together with the probes. When one of those is refused, nobody gets the ticket.
    async fn set_and_prove(&self, set: Command) -> Result<Reply, StoreError> {
        let mut connection = self.connect(SET).await?;
        let probes = self.ends.map_or_else(Command::probes, Command::probes_to_take);
        let commands = std::iter::once(set).chain(probes);
        connection.begin(&self.settings, commands).await?;
        let reply = connection.reply(SET).await?;
        if reply != Reply::Ok {
            return Ok(reply);
        }
        if self.ends.is_some() {
            if let Some(refused) = probed(&mut connection, EVAL).await? {
                return Err(StoreError::Unavailable { step: EVAL, cause: refused.cause() });
            }
            self.proven.set(true);
            return Ok(reply);
        }
        let lacks_getdel = match probed(&mut connection, GETDEL).await? {
            Some(Reply::UnknownCommand) => {
                connection.send(EVAL, &Command::probes_by_script()).await?;
                match probed(&mut connection, EVAL).await? {
                    Some(refused) => return Err(StoreError::Unavailable { step: EVAL, cause: refused.cause() }),
                    None => true,
                }
            }
            Some(refused) => return Err(StoreError::Unavailable { step: GETDEL, cause: refused.cause() }),
            None => false,
        };
        self.lacks_getdel.set(lacks_getdel);
        self.proven.set(true);
        Ok(reply)
    }

    /// The reply to `GETDEL` or, where the server doesn't know it, to the script; and which of them it was.
    async fn take(&self, digest: &Digest) -> Result<(&'static str, Reply), StoreError> {
        if let Some(ends) = self.ends {
            return Ok((EVAL, self.ask(EVAL, Command::take(digest, ends)).await?));
        }
        if self.lacks_getdel.get() {
            return Ok((EVAL, self.ask(EVAL, Command::getdel_by_script(digest)).await?));
        }
        let mut connection = self.connect(GETDEL).await?;
        connection.begin(&self.settings, [Command::getdel(digest)]).await?;
        match connection.last_reply(GETDEL).await? {
            Reply::UnknownCommand => {
                // What the server doesn't know it has not done, so asking in another way is no second attempt.
                self.lacks_getdel.set(true);
                connection.send(EVAL, &[Command::getdel_by_script(digest)]).await?;
                Ok((EVAL, connection.last_reply(EVAL).await?))
            }
            reply => Ok((GETDEL, reply)),
        }
    }
}

/// The first of the probes that was refused; all are read.
async fn probed(connection: &mut Connection, step: &'static str) -> Result<Option<Reply>, StoreError> {
    let [_, others @ ..] = Command::probes();
    let mut refused = None;
    for _ in others {
        refused = refused.or(not_done(connection.reply(step).await?));
    }
    Ok(refused.or(not_done(connection.last_reply(step).await?)))
}

fn not_done(reply: Reply) -> Option<Reply> {
    (!matches!(reply, Reply::Null | Reply::Value(_))).then_some(reply)
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
        let set = Command::set(&ticket.digest(), &record, grant.ttl_seconds());
        let reply = if self.proven.get() { self.ask(SET, set).await? } else { self.set_and_prove(set).await? };
        match reply {
            Reply::Ok => Ok(ticket),
            // `Null` would be "there is such a key": of 256 random bits, so the server is wrong.
            reply => Err(StoreError::Unavailable { step: SET, cause: reply.cause() }),
        }
    }

    async fn end(&self, end: &End) -> Result<Known, StoreError> {
        match self.ask(EVAL, Command::end(end)).await? {
            Reply::Value(known) => {
                let known = std::str::from_utf8(&known).map_err(|_| StoreError::Corrupt { step: EVAL })?;
                ends::known(known, &end.subject, EVAL)
            }
            reply => Err(StoreError::Unavailable { step: EVAL, cause: reply.cause() }),
        }
    }

    async fn consume(&self, ticket: &Ticket, _: Attempt) -> Result<Consumed, StoreError> {
        if !self.is_home_of(ticket) {
            return Ok(Consumed::Unknown);
        }
        let (step, reply) = self.take(&ticket.digest()).await?;
        match reply {
            Reply::Null => Ok(Consumed::Unknown),
            Reply::Value(record) => {
                let record = std::str::from_utf8(&record).map_err(|_| StoreError::Corrupt { step })?;
                if self.ends.is_some() { ends::taken(record, step) } else { Consumed::of_record(record, step) }
            }
            reply => {
                // Somebody has changed the server: what was found out has to be found out again.
                self.lacks_getdel.set(false);
                self.proven.set(false);
                Err(StoreError::Unavailable { step, cause: reply.cause() })
            }
        }
    }
}
