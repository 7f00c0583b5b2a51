//! The stores of the model: what each does with one request, in one step as its platform does, and what is left of it when
//! it loses its memory.

use std::collections::BTreeMap;

use super::protocol::{Hole, Kind, MARGIN, Protocol, TTL};
use super::world::{Answer, Ask, Attempt, Consumed, Grant, HomeId, Moment, Request, Ticket, Verdict};

/// What a row goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A grant's: the ticket's digest.
    Digest(Ticket),
    /// A claim's: the public id.
    TicketId(u8),
    /// An end's. Its row's grant says until when it matters.
    End,
}

/// A grant that is kept, or a claim on one that is kept elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    pub grant: Grant,
    /// Who has it.
    pub attempt: Option<Attempt>,
}

pub type Rows = BTreeMap<Key, Row>;

/// One store with all that belongs to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Home {
    /// What stands in the store's sealed tickets.
    pub sealed: BTreeMap<Ticket, Grant>,
    /// Workers KV. It loses nothing, but a read may miss what is there.
    pub kv: BTreeMap<Ticket, Grant>,
    /// The rows of the shard or the server, as the next request finds them.
    pub rows: Rows,
    /// The rows as they are found after the memory was lost.
    pub stored: Rows,
}

/// What is left when a store's memory is lost: an object evicted, moved or redeployed, a server restarted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Survives {
    /// Nothing.
    Nothing,
    /// What was flushed; and no reply leaves before that (a Durable Object's output gate).
    Confirmed,
    /// What was flushed; replies leave before that.
    Flushed,
}

impl Protocol {
    pub fn survives(&self, home: HomeId) -> Survives {
        match (self.hole, self.kind(home)) {
            (Some(Hole::RepliesBeforeDurable), _) => Survives::Flushed,
            // A server that forgets what it has answered forgets ends, too: that is what `redis` can't promise. And an isolate that is
            // gone takes its tickets along.
            (_, Kind::Removing) if self.ends => Survives::Confirmed,
            (Some(Hole::ClaimsInMemory), _) | (_, Kind::Removing | Kind::Kv) => Survives::Nothing,
            (_, Kind::Durable | Kind::KvLedger | Kind::Sealed) => Survives::Confirmed,
        }
    }

    /// From when on, by the shard's clock, the row may be forgotten and a claim is refused.
    pub fn forgotten_at(&self, grant: Grant) -> Moment {
        grant.expires_at + if self.hole == Some(Hole::NoMargin) { 0 } else { MARGIN }
    }

    /// Whether Workers KV is asked, and not the shard or the server.
    pub fn goes_to_kv(&self, ask: &Ask) -> bool {
        matches!(self.kind(ask.home), Kind::Kv | Kind::KvLedger)
            && !matches!(ask.request, Request::Claim(..) | Request::End(_))
    }

    /// Does what is asked, in one step. The answer, and whether the attempt was known from before; `None` where the step
    /// fails.
    pub fn apply(&self, home: &mut Home, ask: &Ask, clock: Moment) -> Option<(Answer, bool)> {
        let Home { kv, rows, .. } = home;
        match ask.request {
            Request::Put(ticket, grant) if self.goes_to_kv(ask) => {
                kv.insert(ticket, grant);
                Some((Answer::Done, false))
            }
            // A plain `INSERT`, and `SET … NX`: what is there isn't overwritten, and the gate gets no ticket to hand out.
            Request::Put(ticket, _) if rows.contains_key(&Key::Digest(ticket)) => None,
            Request::Put(ticket, grant) => {
                rows.insert(Key::Digest(ticket), Row { grant, attempt: None });
                Some((Answer::Done, false))
            }
            Request::Get(ticket) => {
                let found = kv.get(&ticket).map_or(Consumed::Unknown, |grant| Consumed::Granted(*grant));
                Some((Answer::Consumed(found), false))
            }
            Request::Delete(ticket) => {
                kv.remove(&ticket);
                Some((Answer::Done, false))
            }
            Request::Take(ticket, attempt) => {
                let (consumed, recognised) = self.take(rows, ask, Key::Digest(ticket), attempt);
                Some((Answer::Consumed(consumed), recognised))
            }
            Request::Claim(grant, _) if self.forgotten_at(grant) <= clock => {
                Some((Answer::Verdict(Verdict::TooLate), false))
            }
            Request::End(before) => {
                // A ticket issued before that moment has expired by this one.
                let grant = Grant { ticket_id: u8::MAX, issued_at: before, expires_at: before + TTL };
                rows.insert(Key::End, Row { grant, attempt: None });
                Some((Answer::Done, false))
            }
            Request::Claim(grant, attempt) => {
                let has_ended = self.has_ended(rows, grant);
                let row = rows.entry(Key::TicketId(grant.ticket_id)).or_insert(Row { grant, attempt: None });
                let (verdict, recognised) = self.elect(row, ask, attempt);
                Some((
                    Answer::Verdict(if has_ended && verdict == Verdict::Won { Verdict::Ended } else { verdict }),
                    recognised,
                ))
            }
        }
    }

    fn take(&self, rows: &mut Rows, ask: &Ask, key: Key, attempt: Attempt) -> (Consumed, bool) {
        let ended = |grant| self.has_ended(rows, grant).then_some(Consumed::Ended);
        let ended = rows.get(&key).and_then(|row| ended(row.grant));
        if self.kind(ask.home) != Kind::Durable {
            let taken = rows.remove(&key);
            return (taken.map_or(Consumed::Unknown, |row| ended.unwrap_or(Consumed::Granted(row.grant))), false);
        }
        let Some(row) = rows.get_mut(&key) else { return (Consumed::Unknown, false) };
        let (verdict, recognised) = self.elect(row, ask, attempt);
        let won = ended.unwrap_or(Consumed::Granted(row.grant));
        (if verdict == Verdict::Won { won } else { Consumed::Used }, recognised)
    }

    /// Whether what the ticket would open was ended: looked at in the step that elects.
    fn has_ended(&self, rows: &Rows, grant: Grant) -> bool {
        self.hole != Some(Hole::EndsUnseen)
            && rows.get(&Key::End).is_some_and(|row| grant.issued_at < row.grant.issued_at)
    }

    /// Marks the row if nobody has it, and says whether this attempt has it; and whether it had it before.
    fn elect(&self, row: &mut Row, ask: &Ask, attempt: Attempt) -> (Verdict, bool) {
        let Some(holder) = row.attempt else {
            row.attempt = Some(attempt);
            return (Verdict::Won, false);
        };
        let won = match self.hole {
            // Without the attempt the shard can't tell who asks. It can believe all who say that they ask again, or none.
            Some(Hole::WhoeverAsksAgainHasWon) => ask.again,
            Some(Hole::WhoeverAsksAgainHasLost) => false,
            _ => holder == attempt,
        };
        (if won { Verdict::Won } else { Verdict::Lost }, holder == attempt)
    }
}

impl Home {
    /// Whether losing the memory now would lose something.
    pub fn has_to_lose(&self, survives: Survives) -> bool {
        if survives == Survives::Nothing { !self.rows.is_empty() } else { self.rows != self.stored }
    }

    pub fn lose_memory(&mut self, survives: Survives) {
        self.rows = if survives == Survives::Nothing { Rows::default() } else { self.stored.clone() };
    }
}
