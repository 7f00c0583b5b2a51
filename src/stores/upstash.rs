//! Grants in Upstash's Redis, over its REST API: one request for each operation.
//!
//! `SingleUse`: the step that elects the winner is `GETDEL`, a write, which Upstash does at the key's leader. Replicas follow
//! asynchronously, so a fail-over may bring a used ticket back
//! (<https://upstash.com/docs/redis/features/consistency>). A reply that is lost can't be asked for again. Only a
//! well-formed result is an answer (<https://upstash.com/docs/redis/features/restapi>); everything else is an outage.

mod answer;

use std::cell::Cell;
use std::fmt;

use async_trait::async_trait;
use futures_util::future::join;

use super::ends::{self, Ends};
use super::redis::command::Command;
use crate::config::UpstashSettings;
use crate::platform::{self, Call, Deadline, NoAnswer};
use answer::result_of;
use ws_ticket_core::grant::Grant;
use ws_ticket_core::region::Region;
use ws_ticket_core::store::{Attempt, Cause, Consumed, End, Fault, Guarantee, Known, Reach, StoreError, TicketStore};
use ws_ticket_core::ticket::{Home, Ticket};

const SET: &str = "upstash.set";
const GETDEL: &str = "upstash.getdel";
const EVAL: &str = "upstash.eval";
/// How many bytes an answer has at most. A grant takes well under 1 KiB.
const ANSWER_MAX: usize = 64 * 1024;

/// The store.
pub struct Upstash {
    home: Home,
    settings: UpstashSettings,
    timeout_ms: u32,
    ends: Option<Ends>,
    /// Whether the database was seen to do what consumes a ticket: a token may be allowed less.
    proven: Cell<bool>,
}

impl Upstash {
    /// The database as a store whose tickets go by `home`, each request waited for at most `timeout_ms`.
    /// With `ends` it takes tickets by a script that looks at those.
    pub fn new(home: Home, settings: UpstashSettings, timeout_ms: u32, ends: Option<Ends>) -> Self {
        Self { home, settings, timeout_ms, ends, proven: Cell::new(false) }
    }

    /// The step that takes a ticket.
    fn taking(&self) -> &'static str {
        if self.ends.is_some() { EVAL } else { GETDEL }
    }

    fn probe(&self) -> Command {
        let Some(ends) = self.ends else { return Command::probe() };
        let [script, ..] = Command::probes_to_take(ends);
        script
    }

    async fn ask(&self, step: &'static str, command: Command) -> Result<Option<String>, StoreError> {
        let by = Deadline::after(self.timeout_ms);
        let (status, body) = self.post(&command, &by).await.map_err(|why| {
            let cause = match why {
                NoAnswer::TimedOut => Cause::TimedOut,
                NoAnswer::Failed(_) => Cause::Server(Fault::Disconnected),
            };
            StoreError::Unavailable { step, cause }
        })?;
        result_of(status, &body).map_err(|cause| StoreError::Unavailable { step, cause })
    }

    /// The status and the body.
    async fn post(&self, command: &Command, by: &Deadline) -> Result<(u16, Vec<u8>), NoAnswer> {
        let token = format!("Bearer {}", self.settings.token.reveal());
        let body = serde_json::to_string(command).map_err(|_| NoAnswer::Failed("not JSON".into()))?;
        let ask = Call {
            method: "POST",
            url: &self.settings.url,
            headers: &[("Authorization", &token), ("Content-Type", "application/json")],
            body: Some(&body),
        };
        let answer = platform::fetch(&ask, ANSWER_MAX, by).await?;
        // One that is too long is none.
        Ok((answer.status, answer.body.unwrap_or_default()))
    }
}

impl fmt::Display for Upstash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("upstash")
    }
}

#[async_trait(?Send)]
impl TicketStore for Upstash {
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
        let set = self.ask(SET, Command::set(&ticket.digest(), &record, grant.ttl_seconds()));
        let result = if self.proven.get() {
            set.await?
        } else {
            // At the same time, so that the first ticket takes no longer. When it is refused, nobody gets the ticket.
            let (set, probe) = join(set, self.ask(self.taking(), self.probe())).await;
            let result = set?;
            probe?;
            self.proven.set(true);
            result
        };
        match result.as_deref() {
            Some("OK") => Ok(ticket),
            // Null would be "there is such a key": of 256 random bits, so the server is wrong.
            _ => Err(StoreError::Unavailable { step: SET, cause: Cause::Failed }),
        }
    }

    async fn end(&self, end: &End) -> Result<Known, StoreError> {
        let known = self.ask(EVAL, Command::end(end)).await?;
        ends::known(&known.unwrap_or_default(), &end.subject, EVAL)
    }

    async fn consume(&self, ticket: &Ticket, _: Attempt) -> Result<Consumed, StoreError> {
        if !self.is_home_of(ticket) {
            return Ok(Consumed::Unknown);
        }
        let take = match self.ends {
            Some(ends) => Command::take(&ticket.digest(), ends),
            None => Command::getdel(&ticket.digest()),
        };
        let step = self.taking();
        let result = self.ask(step, take).await;
        if result.as_ref().err().and_then(StoreError::cause).is_some_and(Cause::is_lasting) {
            // Somebody has changed the database or the token: whether they will do has to be found out again.
            self.proven.set(false);
        }
        match result? {
            None => Ok(Consumed::Unknown),
            Some(record) if self.ends.is_some() => ends::taken(&record, step),
            Some(record) => Consumed::of_record(&record, step),
        }
    }
}
