//! The gate of the model, with the wrappers around the stores: what `Gate`, `Claimed` and `Fallback` do next when a client
//! comes, when a store has answered, and when no answer came.

use super::protocol::{Hole, Kind, LEAD, Protocol, SKEW, TTL};
use super::world::{
    Answer, Ask, Asker, Attempt, Connection, Consumed, Ending, Grant, HomeId, Issue, Moment, NotAdmitted, Reply,
    Request, Ticket, Verdict, World,
};

impl Protocol {
    /// A client asks for a ticket, and the first store that is asked is this one. A sealed ticket carries the grant if it `fits`.
    pub fn issue(&self, world: &mut World, at: u8, first: HomeId, fits: bool, clock: Moment) {
        // The reading matters to ends alone; that a ticket expires by the true time leaves nothing out, for each reading then does.
        let grant = Grant { ticket_id: at, issued_at: clock, expires_at: world.now + TTL };
        if self.kind(first) == Kind::Sealed && !fits {
            // Nothing has happened.
            let next = self.next_home(first);
            if next == first {
                world.issues[usize::from(at)] = Issue::Unavailable;
            } else {
                self.put(world, at, grant, first, next, false);
            }
        } else {
            self.put(world, at, grant, first, first, false);
        }
    }

    fn put(&self, world: &mut World, at: u8, grant: Grant, first: HomeId, home: HomeId, again: bool) {
        // Each store mints a ticket of its own, that is how a fallback comes to a fresh one.
        let minted_in = if self.hole == Some(Hole::SameTicketInBoth) { 0 } else { home };
        let ticket = Ticket { ticket_id: grant.ticket_id, home: minted_in, edited: false };
        if self.kind(home) == Kind::Sealed {
            // Nobody is asked, so nothing can be lost.
            world.homes[usize::from(home)].sealed.insert(ticket, grant);
            world.issues[usize::from(at)] = Issue::HandedOut { ticket, fell_back: home != first };
            return;
        }
        let ask = Ask { home, request: Request::Put(ticket, grant), again };
        world.issues[usize::from(at)] = Issue::Putting { ticket, grant, ask, first };
        world.asked.insert((Asker::Issue(at), ask));
    }

    /// An operator ends what was issued. Each store is told of a moment that lies ahead by all clocks.
    pub fn end(&self, world: &mut World, clock: Moment) {
        let before = if self.hole == Some(Hole::EndsAtOnce) { clock } else { clock + LEAD };
        self.tell(world, before, 0, false);
    }

    fn tell(&self, world: &mut World, before: Moment, home: HomeId, again: bool) {
        let ask = Ask { home, request: Request::End(before), again };
        world.ending = Ending::Telling { before, ask };
        world.asked.insert((Asker::End, ask));
    }

    fn told(&self, world: &mut World, clock: Moment) {
        let Ending::Telling { before, ask } = world.ending else { return };
        let next = ask.home + 1;
        if usize::from(next) < self.homes.len() {
            self.tell(world, before, next, false);
        } else if clock + SKEW < before || matches!(self.hole, Some(Hole::EndsLate | Hole::EndsAtOnce)) {
            let issued = world.handed_out().fold(0, |issued, ticket| issued | 1 << ticket.ticket_id);
            world.ending = Ending::Answered { issued };
        } else {
            // The gate asks again with a later moment; here it just says that it doesn't know.
            world.ending = Ending::Unavailable;
        }
    }

    /// A connection comes with a ticket.
    pub fn present(&self, world: &mut World, at: Attempt, ticket: Ticket) {
        let clock_before = (self.hole == Some(Hole::ClockReadBefore)).then_some(world.now);
        self.consume(world, at, ticket, ticket.home, clock_before);
    }

    fn consume(&self, world: &mut World, at: Attempt, ticket: Ticket, home: HomeId, clock_before: Option<Moment>) {
        let sealed = world.homes[usize::from(home)].sealed.get(&ticket).copied();
        let request = match (self.kind(home), sealed) {
            (Kind::Removing | Kind::Durable, _) => Request::Take(ticket, at),
            (Kind::Kv | Kind::KvLedger, _) => Request::Get(ticket),
            // That it refuses by the clock before it asks only leaves worlds out.
            (Kind::Sealed, Some(grant)) => Request::Claim(grant, at),
            (Kind::Sealed, None) => {
                world.connections[usize::from(at)] = Connection::Refused { ticket, why: NotAdmitted::Unknown };
                return;
            }
        };
        let ask = Ask { home, request, again: false };
        let after_end = world.has_ended(ticket);
        send(world, at, Connection::Consuming { ticket, ask, granted: sealed, clock_before, after_end });
    }

    /// A store's reply has arrived. `clock` is what the gate reads then.
    pub fn answered(&self, world: &mut World, asker: Asker, reply: Reply, clock: Moment) {
        match asker {
            Asker::Issue(at) => {
                let issue = &mut world.issues[usize::from(at)];
                let Issue::Putting { ticket, ask, first, .. } = *issue else { return };
                *issue = Issue::HandedOut { ticket, fell_back: ask.home != first };
            }
            Asker::Connection(at) => self.consumed(world, at, reply, clock),
            Asker::End => self.told(world, clock),
        }
    }

    fn consumed(&self, world: &mut World, at: Attempt, reply: Reply, clock: Moment) {
        let Connection::Consuming { ticket, ask, granted, clock_before, after_end } =
            world.connections[usize::from(at)]
        else {
            return;
        };
        let request = match (reply.answer, self.kind(ask.home)) {
            (Answer::Consumed(Consumed::Granted(grant)), Kind::KvLedger) => Some((grant, Request::Claim(grant, at))),
            (Answer::Consumed(Consumed::Granted(grant)), Kind::Kv) => Some((grant, Request::Delete(ticket))),
            _ => None,
        };
        if let Some((grant, request)) = request {
            let ask = Ask { home: ask.home, request, again: false };
            return send(
                world,
                at,
                Connection::Consuming { ticket, ask, granted: Some(grant), clock_before, after_end },
            );
        }
        let consumed = match (reply.answer, granted) {
            (Answer::Consumed(consumed), _) => consumed,
            (Answer::Done | Answer::Verdict(Verdict::Won), Some(grant)) => Consumed::Granted(grant),
            (Answer::Verdict(Verdict::TooLate), _) => Consumed::TooLate,
            (Answer::Verdict(Verdict::Ended), _) => Consumed::Ended,
            _ => Consumed::Used,
        };
        let next = match consumed {
            Consumed::Granted(grant) if clock_before.unwrap_or(clock) >= grant.expires_at => NotAdmitted::Expired,
            Consumed::Granted(grant) => {
                let admitted =
                    Connection::Admitted { ticket, grant, at: world.now, recognised: reply.recognised, after_end };
                world.connections[usize::from(at)] = admitted;
                return;
            }
            Consumed::Used => NotAdmitted::Used,
            Consumed::Ended => NotAdmitted::Ended,
            Consumed::TooLate => NotAdmitted::Expired,
            Consumed::Unknown => NotAdmitted::Unknown,
        };
        self.refuse(world, at, next);
    }

    /// No answer came in time.
    pub fn no_answer(&self, world: &mut World, asker: Asker) {
        let Some(ask) = world.awaited(asker) else { return };
        world.replies.remove(&asker);
        // What nobody waits for any more can still take effect, but for a read, which has none. Whether it was asked for the
        // first or the second time makes no difference then, nor whether it takes effect once or twice: so they are one.
        if world.asked.remove(&(asker, ask)) && !matches!(ask.request, Request::Get(_)) {
            world.asked.insert((asker, Ask { again: false, ..ask }));
        }
        match asker {
            Asker::Issue(at) => self.not_put(world, at),
            Asker::Connection(at) => self.not_consumed(world, at),
            Asker::End => match world.ending {
                Ending::Telling { before, ask } if !ask.again => self.tell(world, before, ask.home, true),
                _ => world.ending = Ending::Unavailable,
            },
        }
    }

    /// The grant may have been written or may still be. The ticket under which it was is dropped here, and with it the only
    /// copy of its secret.
    fn not_put(&self, world: &mut World, at: u8) {
        let issue = &mut world.issues[usize::from(at)];
        let Issue::Putting { grant, ask, first, .. } = *issue else { return };
        let next = self.next_home(ask.home);
        if self.hole == Some(Hole::PutsAgain) && !ask.again {
            self.put(world, at, grant, first, ask.home, true);
        } else if next != first {
            self.put(world, at, grant, first, next, false);
        } else {
            *issue = Issue::Unavailable;
        }
    }

    fn not_consumed(&self, world: &mut World, at: Attempt) {
        let Connection::Consuming { ticket, ask, granted, clock_before, after_end } =
            world.connections[usize::from(at)]
        else {
            return;
        };
        let knows_attempts = match ask.request {
            Request::Claim(..) => true,
            Request::Take(..) => self.kind(ask.home) == Kind::Durable,
            _ => false,
        };
        match granted {
            _ if knows_attempts && !ask.again => {
                let ask = Ask { again: true, ..ask };
                send(world, at, Connection::Consuming { ticket, ask, granted, clock_before, after_end });
            }
            // `Kv` alone admits also when the delete gave no answer.
            Some(grant) if self.kind(ask.home) == Kind::Kv => {
                world.connections[usize::from(at)] =
                    Connection::Admitted { ticket, grant, at: world.now, recognised: false, after_end };
            }
            _ => self.refuse(world, at, NotAdmitted::Unavailable),
        }
    }

    fn refuse(&self, world: &mut World, at: Attempt, why: NotAdmitted) {
        let connection = &mut world.connections[usize::from(at)];
        let Connection::Consuming { ticket, ask, clock_before, .. } = *connection else { return };
        *connection = Connection::Refused { ticket, why };
        // With one ticket in two stores, the second has to be asked too, or the ticket would be worth nothing there.
        let next = self.next_home(ask.home);
        let elsewhere = matches!(why, NotAdmitted::Unknown | NotAdmitted::Unavailable) && next != ticket.home;
        if self.hole == Some(Hole::SameTicketInBoth) && elsewhere {
            self.consume(world, at, ticket, next, clock_before);
        }
    }
}

fn send(world: &mut World, at: Attempt, connection: Connection) {
    world.connections[usize::from(at)] = connection;
    if let Connection::Consuming { ask, .. } = connection {
        world.asked.insert((Asker::Connection(at), ask));
    }
}
