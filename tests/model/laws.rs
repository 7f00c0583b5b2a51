//! What must be true in every world of the model, and what must happen in some, so that a model in which nothing happens
//! can't pass.

use stateright::Property;

use super::protocol::{Kind, Protocol};
use super::world::{Connection, Ending, Issue, NotAdmitted, Ticket, World};

// In every world.
pub const ONE_TICKET: &str = "a ticket admits one connection";
pub const ONE_GRANT: &str = "a grant admits one connection, whatever tickets were made for it";
pub const NOT_EXPIRED: &str = "an expired ticket admits none";
pub const HANDED_OUT: &str = "a ticket that was not handed out admits none";
pub const NOT_ENDED: &str = "a ticket whose end was answered before it came admits none";
pub const NOT_BURNT: &str = "who is alone is not told that somebody else was there";

// In some world.
pub const ENDED: &str = "a ticket that was ended is refused";
pub const STAYS: &str = "who was there before an end is admitted";
pub const ADMITTED: &str = "a connection is admitted";
pub const EXPIRED: &str = "a connection comes too late";
pub const UNAVAILABLE: &str = "no answer is a 503";
pub const NOT_ISSUED: &str = "no store answers and no ticket is issued";
pub const LOSER: &str = "a race has a loser";
pub const SAME_TICKET: &str = "after a 503 the same ticket is admitted";
pub const FRESH_TICKET: &str = "after a 503 a fresh ticket is admitted";
pub const RECOGNISED: &str = "after a lost reply the same attempt asks again and is admitted";
pub const USED_UP: &str = "a 503 had taken effect: its ticket is used, and nobody is admitted";
pub const FELL_BACK: &str = "a ticket that a fallback issued is admitted";

/// The laws that concern this composition.
pub fn laws(protocol: &Protocol) -> Vec<Property<Protocol>> {
    let several = protocol.connections > 1;
    let shards = protocol.homes.iter().any(|kind| matches!(kind, Kind::Durable | Kind::KvLedger | Kind::Sealed));
    let all = [
        (true, Property::always(ONE_TICKET, |_, world| all_differ(admitted(world).map(|had| had.ticket)))),
        (true, Property::always(ONE_GRANT, |_, world| all_differ(admitted(world).map(|had| had.ticket.ticket_id)))),
        (true, Property::always(NOT_EXPIRED, |_, world| admitted(world).all(|had| !had.too_late))),
        (true, Property::always(HANDED_OUT, was_handed_out)),
        (true, Property::always(NOT_ENDED, |_, world| admitted(world).all(|had| !had.after_end))),
        (protocol.ends, Property::sometimes(ENDED, |_, world| refused(world, NotAdmitted::Ended).next().is_some())),
        (
            protocol.ends,
            Property::sometimes(STAYS, |_, world: &World| {
                matches!(world.ending, Ending::Answered { .. }) && admitted(world).next().is_some()
            }),
        ),
        (!several, Property::always(NOT_BURNT, |_, world| refused(world, NotAdmitted::Used).next().is_none())),
        (true, Property::sometimes(ADMITTED, |_, world| admitted(world).next().is_some())),
        (true, Property::sometimes(UNAVAILABLE, |_, world| refused(world, NotAdmitted::Unavailable).next().is_some())),
        (true, Property::sometimes(NOT_ISSUED, |_, world: &World| world.issues.contains(&Issue::Unavailable))),
        (
            protocol.last_moment > 0,
            Property::sometimes(EXPIRED, |_, world| refused(world, NotAdmitted::Expired).next().is_some()),
        ),
        (
            several,
            Property::sometimes(LOSER, |_, world| {
                let lost = |ticket| {
                    let late = refused(world, NotAdmitted::Used).chain(refused(world, NotAdmitted::Unknown));
                    late.into_iter().any(|other| other == ticket)
                };
                admitted(world).any(|had| lost(had.ticket))
            }),
        ),
        (
            several,
            Property::sometimes(SAME_TICKET, |_, world| {
                admitted(world).any(|had| refused(world, NotAdmitted::Unavailable).any(|ticket| ticket == had.ticket))
            }),
        ),
        (
            several && protocol.issues > 1,
            Property::sometimes(FRESH_TICKET, |_, world| {
                let fresh = |ticket: Ticket, than: Ticket| ticket.ticket_id > than.ticket_id;
                admitted(world).any(|had| refused(world, NotAdmitted::Unavailable).any(|old| fresh(had.ticket, old)))
            }),
        ),
        (shards, Property::sometimes(RECOGNISED, |_, world| admitted(world).any(|had| had.recognised))),
        (
            shards && several,
            Property::sometimes(USED_UP, |_, world: &World| {
                let settled = world.connections.iter().all(Connection::is_settled);
                settled && admitted(world).next().is_none() && refused(world, NotAdmitted::Used).next().is_some()
            }),
        ),
        (
            protocol.homes.len() > 1,
            Property::sometimes(FELL_BACK, |_, world: &World| {
                let fell_back = |ticket| world.issues.contains(&Issue::HandedOut { ticket, fell_back: true });
                admitted(world).any(|had| fell_back(had.ticket))
            }),
        ),
    ];
    all.into_iter().filter(|(concerns, _)| *concerns).map(|(_, law)| law).collect()
}

/// Who was admitted.
struct Admitted {
    ticket: Ticket,
    too_late: bool,
    recognised: bool,
    after_end: bool,
}

fn admitted(world: &World) -> impl Iterator<Item = Admitted> + '_ {
    world.connections.iter().filter_map(|connection| match *connection {
        Connection::Admitted { ticket, grant, at, recognised, after_end } => {
            Some(Admitted { ticket, too_late: at >= grant.expires_at, recognised, after_end })
        }
        _ => None,
    })
}

/// The tickets of those refused for this reason.
fn refused(world: &World, reason: NotAdmitted) -> impl Iterator<Item = Ticket> + '_ {
    world.connections.iter().filter_map(move |connection| match connection {
        Connection::Refused { ticket, why } if *why == reason => Some(*ticket),
        _ => None,
    })
}

fn was_handed_out(_: &Protocol, world: &World) -> bool {
    admitted(world).all(|had| world.handed_out().any(|ticket| ticket == had.ticket))
}

fn all_differ<T: PartialEq>(items: impl Iterator<Item = T>) -> bool {
    let items: Vec<T> = items.collect();
    items.iter().enumerate().all(|(at, item)| !items[..at].contains(item))
}
