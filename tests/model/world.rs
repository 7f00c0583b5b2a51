//! The world of the model: who there is, what is on its way between them, who keeps what. The names are those of `src/`,
//! cut down to what the protocol turns on: a moment is a small number, a digest is the ticket itself.
//!
//! It promises to be complete about the network. A request that was sent stays on its way until its store takes it, which
//! may be late or never, and whoever waits may give up at any moment; so a request or a reply that is lost, a store that
//! is down, an answer after the deadline and a caller that went away are all in it without being told apart.

use std::collections::{BTreeMap, BTreeSet};

use super::store::Home;

/// A moment on some clock.
pub type Moment = u8;
/// Which of the stores, in the order of `TICKET_STORE`.
pub type HomeId = u8;
/// The random id of one consuming request. Each connection makes one of its own, so its number will do.
pub type Attempt = u8;

/// What a ticket is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grant {
    /// The public id that the gate gives to each request for a ticket.
    pub ticket_id: u8,
    /// By the clock of the gate that issued.
    pub issued_at: Moment,
    pub expires_at: Moment,
}

/// A ticket. The tickets that a fallback issues for one grant differ in their home, hence in their secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket {
    pub ticket_id: u8,
    pub home: HomeId,
    /// Whether the home was edited by who presents it, so that the digest is one that no store has seen.
    pub edited: bool,
}

/// What a store can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Request {
    /// Keep the ticket's grant.
    Put(Ticket, Grant),
    /// Remove and answer (`HashMap::remove`, `GETDEL`), or mark and answer (`UPDATE … WHERE
    /// attempt IS NULL OR attempt = ? RETURNING`).
    Take(Ticket, Attempt),
    /// Read in Workers KV.
    Get(Ticket),
    /// Delete in Workers KV, which answers the same whether there was something or not.
    Delete(Ticket),
    /// `INSERT … ON CONFLICT DO NOTHING RETURNING` in the ledger.
    Claim(Grant, Attempt),
    /// Remember that tickets issued before that moment open nothing.
    End(Moment),
}

/// A request on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ask {
    pub home: HomeId,
    pub request: Request,
    /// Whether it was asked before and there was no answer.
    pub again: bool,
}

/// Who waits for an answer: the gate, on behalf of one request for a ticket or of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Asker {
    Issue(u8),
    Connection(u8),
    End,
}

/// A store's answer to `consume`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Consumed {
    Granted(Grant),
    Used,
    Ended,
    TooLate,
    Unknown,
}

/// The ledger's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    Won,
    Lost,
    Ended,
    TooLate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    Done,
    Consumed(Consumed),
    Verdict(Verdict),
}

/// A reply on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reply {
    pub home: HomeId,
    pub answer: Answer,
    /// Whether the object's output gate keeps it back until what was written is durable.
    pub held: bool,
    /// Whether the shard knew the attempt from an earlier asking. Only the laws look at it.
    pub recognised: bool,
}

/// One request for a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Issue {
    NotYet,
    Putting {
        ticket: Ticket,
        grant: Grant,
        ask: Ask,
        /// The store that was asked first. Which that is depends on which ones rest.
        first: HomeId,
    },
    HandedOut {
        ticket: Ticket,
        fell_back: bool,
    },
    Unavailable,
}

/// Why nobody was admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotAdmitted {
    Unknown,
    Used,
    Expired,
    Ended,
    /// 503: no answer.
    Unavailable,
}

/// One request with a ticket. A client that tries again does so in a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Connection {
    NotYet,
    Consuming {
        ticket: Ticket,
        ask: Ask,
        /// What a store without a winner has handed out and somebody has still to decide on.
        granted: Option<Grant>,
        /// The clock as it was before the store was asked. Looked at only where that is the hole under test.
        clock_before: Option<Moment>,
        /// Whether it came with the ticket after its end had been answered.
        after_end: bool,
    },
    Admitted {
        ticket: Ticket,
        grant: Grant,
        /// The true time, which no clock is behind.
        at: Moment,
        /// Whether it had won before and was only told now.
        recognised: bool,
        after_end: bool,
    },
    Refused {
        ticket: Ticket,
        why: NotAdmitted,
    },
}

/// What an operator does: all tickets are one subject's, and are ended once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    NotYet,
    /// Each store is told, one after the other.
    Telling {
        before: Moment,
        ask: Ask,
    },
    /// The answer is out. The requests for a ticket that had theirs by then, as bits.
    Answered {
        issued: u8,
    },
    Unavailable,
}

impl Connection {
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::Admitted { .. } | Self::Refused { .. })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// The true time. Every reading of a clock, whosever it is, is this or at most [`super::protocol::SKEW`] more.
    pub now: Moment,
    pub issues: Vec<Issue>,
    pub connections: Vec<Connection>,
    pub ending: Ending,
    pub homes: Vec<Home>,
    /// Requests on their way, also those that nobody waits for any more.
    pub asked: BTreeSet<(Asker, Ask)>,
    /// Replies on their way to somebody who waits. One that nobody waits for can't do anything and isn't kept.
    pub replies: BTreeMap<Asker, Reply>,
}

impl World {
    /// What the asker waits for.
    pub fn awaited(&self, asker: Asker) -> Option<Ask> {
        match asker {
            Asker::Issue(at) => match self.issues[usize::from(at)] {
                Issue::Putting { ask, .. } => Some(ask),
                _ => None,
            },
            Asker::Connection(at) => match self.connections[usize::from(at)] {
                Connection::Consuming { ask, .. } => Some(ask),
                _ => None,
            },
            Asker::End => match self.ending {
                Ending::Telling { ask, .. } => Some(ask),
                _ => None,
            },
        }
    }

    /// All that wait.
    pub fn waiting(&self) -> Vec<Asker> {
        let issues = (0..self.issues.len() as u8).map(Asker::Issue);
        let connections = (0..self.connections.len() as u8).map(Asker::Connection);
        issues.chain(connections).chain([Asker::End]).filter(|asker| self.awaited(*asker).is_some()).collect()
    }

    /// Whether the end of the ticket has been answered.
    pub fn has_ended(&self, ticket: Ticket) -> bool {
        matches!(self.ending, Ending::Answered { issued } if issued >> ticket.ticket_id & 1 == 1)
    }

    /// The tickets that clients hold.
    pub fn handed_out(&self) -> impl Iterator<Item = Ticket> + '_ {
        self.issues.iter().filter_map(|issue| match issue {
            Issue::HandedOut { ticket, .. } => Some(*ticket),
            _ => None,
        })
    }
}
