//! The protocol as a state machine that `stateright` can walk through: every step that can be next in a world, and what it
//! leads to. The checker takes all of them in all orders.
//!
//! Steps that differ only in names are taken once: connections come in the order of their numbers, as do requests for a
//! ticket. A world in which all connections are settled ends there, for nothing in it can change what the laws look at.

use stateright::{Model, Property};

use super::store::{Home, Survives};
use super::world::{
    Answer, Ask, Asker, Connection, Consumed, Ending, Grant, HomeId, Issue, Moment, Reply, Request, Ticket, Verdict,
    World,
};

/// By how much two clocks can differ: a gate's, a shard's, and the same shard's after it came back on another machine.
pub const SKEW: Moment = 1;
/// How much longer than its ticket a claim is remembered.
pub const MARGIN: Moment = 1;
/// How far ahead of the asked gate's clock the moment of an end lies.
pub const LEAD: Moment = SKEW + 1;
/// How long a ticket lives.
pub const TTL: Moment = 1;

/// What a store is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Memory, Redis, Upstash: one step removes and answers, nothing is remembered, nothing is asked twice.
    Removing,
    /// Grants in a shard, which remembers who took one: the same attempt may ask again.
    Durable,
    /// Grants in Workers KV, claims in a shard.
    KvLedger,
    /// Grants in the tickets themselves, claims in a shard.
    Sealed,
    /// Workers KV alone, which is `BestEffort`: get, then delete.
    Kv,
}

/// A deliberate mistake, to see that the checker would find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hole {
    /// No attempt id: the shard believes all who say that they ask again.
    WhoeverAsksAgainHasWon,
    /// No attempt id: the shard believes none of them.
    WhoeverAsksAgainHasLost,
    /// A fallback writes the ticket that failed in the first store to the second.
    SameTicketInBoth,
    /// A fallback changes the home and keeps the secret.
    SameSecretInBoth,
    /// A put without an answer is sent again, with the same ticket.
    PutsAgain,
    /// The shard keeps what it knows in the object's memory only.
    ClaimsInMemory,
    /// What was answered can be undone: an object without output gate, a Redis that comes back from an older snapshot or
    /// as a replica that was behind.
    RepliesBeforeDurable,
    /// Claims are forgotten when their ticket expires.
    NoMargin,
    /// The gate takes the time before it asks the store.
    ClockReadBefore,
    /// The step that elects doesn't look whether the ticket was ended.
    EndsUnseen,
    /// An end is as of the moment at which it is asked for, by the clock of the gate that is asked.
    EndsAtOnce,
    /// An end is answered however long the stores took.
    EndsLate,
}

/// One composition of stores, with so many clients.
#[derive(Clone, Debug)]
pub struct Protocol {
    /// The stores, in the order of `TICKET_STORE`.
    pub homes: &'static [Kind],
    /// Requests for a ticket.
    pub issues: u8,
    /// Connections, each with any ticket that was handed out.
    pub connections: u8,
    /// Whether an operator ends what was issued.
    pub ends: bool,
    /// The true time goes from 0 to this.
    pub last_moment: Moment,
    pub hole: Option<Hole>,
    /// The only law to check, where one is in question: the checker then stops at its first find, which is a shortest one.
    pub only: Option<&'static str>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Time passes.
    Tick,
    /// A client asks for a ticket, and this store is the first that doesn't rest; whether a sealed one can carry the grant; the reading of the gate's clock.
    Issue(u8, HomeId, bool, Moment),
    /// An operator ends what was issued; the reading of the asked gate's clock.
    End(Moment),
    /// A connection comes with a ticket.
    Present(u8, Ticket),
    /// The request takes effect, at this reading of the store's clock.
    Deliver(Asker, Ask, Moment),
    /// KV doesn't see yet what was written.
    Miss(Asker, Ask),
    /// The reply arrives, at this reading of the gate's clock.
    Reply(Asker, Moment),
    /// The gate gives up waiting.
    NoAnswer(Asker),
    /// What was written is durable from now on.
    Flush(HomeId),
    /// The object is evicted, the server restarted.
    LoseMemory(HomeId),
    /// The shard, or the store's time to live, cleans up.
    Alarm(HomeId),
}

impl Protocol {
    pub fn kind(&self, home: HomeId) -> Kind {
        self.homes[usize::from(home)]
    }

    /// The store after this one, after the last the first.
    pub fn next_home(&self, home: HomeId) -> HomeId {
        if usize::from(home) + 1 < self.homes.len() { home + 1 } else { 0 }
    }

    /// What a client can come with: its tickets, and each with its home edited.
    fn presentable(&self, world: &World) -> Vec<Ticket> {
        // Where the stores' tickets share a secret, an edited one is another store's own.
        let edited = self.hole != Some(Hole::SameSecretInBoth);
        let edited = |ticket: Ticket| Ticket { home: self.next_home(ticket.home), edited, ..ticket };
        let elsewhere = world.handed_out().filter(|_| self.homes.len() > 1).map(edited);
        world.handed_out().chain(elsewhere).collect()
    }

    /// Whether a shard whose clock is as far ahead as it can be may forget about the grant.
    fn is_forgotten(&self, grant: Grant, now: Moment) -> bool {
        self.forgotten_at(grant) <= now + SKEW
    }

    fn deliver(&self, world: &mut World, asker: Asker, ask: Ask, clock: Option<Moment>) {
        world.asked.remove(&(asker, ask));
        let survives = self.survives(ask.home);
        let home = &mut world.homes[usize::from(ask.home)];
        let answer = match clock {
            Some(clock) => self.apply(home, &ask, clock),
            None => Some((Answer::Consumed(Consumed::Unknown), false)),
        };
        let held = survives == Survives::Confirmed && !self.goes_to_kv(&ask) && home.rows != home.stored;
        let Some((answer, recognised)) = answer.filter(|_| world.awaited(asker) == Some(ask)) else { return };
        let reply = Reply { home: ask.home, answer, held, recognised };
        if matches!(ask.request, Request::Get(_)) {
            // A read changes nothing, so that its reply comes later is the same as that it is read later.
            self.answered(world, asker, reply, world.now);
        } else {
            world.replies.insert(asker, reply);
        }
    }
}

/// The readings of a clock; just one where it doesn't matter.
fn readings(now: Moment, matters: bool) -> std::ops::RangeInclusive<Moment> {
    now..=now + if matters { SKEW } else { 0 }
}

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            now: 0,
            issues: vec![Issue::NotYet; self.issues.into()],
            connections: vec![Connection::NotYet; self.connections.into()],
            ending: if self.ends { Ending::NotYet } else { Ending::Unavailable },
            homes: vec![Home::default(); self.homes.len()],
            asked: Default::default(),
            replies: Default::default(),
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        let now = world.now;
        if world.connections.iter().all(Connection::is_settled) {
            return;
        }
        if now < self.last_moment {
            actions.push(Action::Tick);
        }
        if let Some(at) = world.issues.iter().position(|issue| *issue == Issue::NotYet) {
            for (first, clock) in (0..self.homes.len() as HomeId)
                .flat_map(|first| readings(now, self.ends).map(move |clock| (first, clock)))
            {
                actions.push(Action::Issue(at as u8, first, true, clock));
                if self.homes.contains(&Kind::Sealed) {
                    actions.push(Action::Issue(at as u8, first, false, clock));
                }
            }
        }
        if world.ending == Ending::NotYet {
            actions.extend(readings(now, true).map(Action::End));
        }
        if let Some(at) = world.connections.iter().position(|connection| *connection == Connection::NotYet) {
            actions.extend(self.presentable(world).into_iter().map(|ticket| Action::Present(at as u8, ticket)));
        }
        for &(asker, ask) in &world.asked {
            let claims = matches!(ask.request, Request::Claim(..));
            actions.extend(readings(now, claims).map(|clock| Action::Deliver(asker, ask, clock)));
            if matches!(ask.request, Request::Get(_)) {
                actions.push(Action::Miss(asker, ask));
            }
        }
        for (&asker, reply) in world.replies.iter().filter(|(_, reply)| !reply.held) {
            let grants = matches!(reply.answer, Answer::Consumed(Consumed::Granted(_)) | Answer::Verdict(Verdict::Won));
            actions.extend(readings(now, grants || asker == Asker::End).map(|clock| Action::Reply(asker, clock)));
        }
        actions.extend(world.waiting().into_iter().map(Action::NoAnswer));
        for (at, home) in (0..).zip(&world.homes) {
            let survives = self.survives(at);
            if survives != Survives::Nothing && home.rows != home.stored {
                actions.push(Action::Flush(at));
            }
            if home.has_to_lose(survives) {
                actions.push(Action::LoseMemory(at));
            }
            if home.rows.values().any(|row| self.is_forgotten(row.grant, now)) {
                actions.push(Action::Alarm(at));
            }
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        match action {
            Action::Tick => next.now += 1,
            Action::Issue(at, first, fits, clock) => self.issue(&mut next, at, first, fits, clock),
            Action::End(clock) => self.end(&mut next, clock),
            Action::Present(at, ticket) => self.present(&mut next, at, ticket),
            Action::Deliver(asker, ask, clock) => self.deliver(&mut next, asker, ask, Some(clock)),
            Action::Miss(asker, ask) => self.deliver(&mut next, asker, ask, None),
            Action::Reply(asker, clock) => {
                let reply = next.replies.remove(&asker)?;
                self.answered(&mut next, asker, reply, clock);
            }
            Action::NoAnswer(asker) => self.no_answer(&mut next, asker),
            Action::Flush(at) => {
                let home = &mut next.homes[usize::from(at)];
                home.stored = home.rows.clone();
                next.replies.values_mut().filter(|reply| reply.home == at).for_each(|reply| reply.held = false);
            }
            Action::LoseMemory(at) => {
                // What the output gate held back goes with the writes that it waited for.
                next.replies.retain(|_, reply| reply.home != at || !reply.held);
                next.homes[usize::from(at)].lose_memory(self.survives(at));
            }
            Action::Alarm(at) => {
                next.homes[usize::from(at)].rows.retain(|_, row| !self.is_forgotten(row.grant, world.now));
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut laws = super::laws::laws(self);
        laws.retain(|law| self.only.is_none_or(|only| law.name == only));
        laws
    }
}
