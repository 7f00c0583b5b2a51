//! A model of the protocol, and a checker that walks through it in every order of every step: clients that issue, race and
//! try again; requests and replies that are late or lost; gates that give up and ask again; fallbacks; objects that lose
//! their memory; clocks that differ. The numbers are small, but no order of steps is left out.
//!
//! It promises two things. What is built keeps every law in all worlds that can be reached. And each deliberate hole is
//! found, in a composition that is sound without it: so the checker would have found it in ours.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

mod model {
    pub mod gate;
    pub mod laws;
    pub mod protocol;
    pub mod store;
    pub mod world;
}

use std::time::Instant;

use model::laws::{HANDED_OUT, NOT_BURNT, NOT_ENDED, NOT_EXPIRED, ONE_GRANT, ONE_TICKET, RECOGNISED};
use model::protocol::{Action, Hole, Kind, Protocol};
use model::world::Moment;
use stateright::{Checker, Model, Path};

const REMOVING: &[Kind] = &[Kind::Removing];
const DURABLE: &[Kind] = &[Kind::Durable];
const KV_LEDGER: &[Kind] = &[Kind::KvLedger];
const SEALED: &[Kind] = &[Kind::Sealed];

/// Time stands still: by some clocks a ticket has expired at once, by others it never does.
const STILL: Moment = 0;
/// Until a ticket that was issued at once has expired by all clocks, and by some the shard may forget it.
const TO_THE_END: Moment = 1;

fn protocol(homes: &'static [Kind], issues: u8, connections: u8, last_moment: Moment) -> Protocol {
    Protocol { homes, issues, connections, last_moment, ends: false, hole: None, only: None }
}

/// The same, with an operator who ends what was issued.
fn ending(homes: &'static [Kind], issues: u8, connections: u8, last_moment: Moment) -> Protocol {
    Protocol { ends: true, ..protocol(homes, issues, connections, last_moment) }
}

/// Every law holds in all worlds, and they are no fewer than is right for a composition of that size.
fn holds(name: &str, protocol: Protocol, at_least: usize) {
    let start = Instant::now();
    let checked = protocol.checker().spawn_bfs().join();
    let worlds = checked.unique_state_count();
    println!("{name}: {worlds} worlds, {} deep, {:.1} s", checked.max_depth(), start.elapsed().as_secs_f32());
    checked.assert_properties();
    assert!(worlds >= at_least, "{name}: only {worlds} worlds");
}

/// The shortest way to a world that breaks the law, or to one that shows what should happen.
fn way_to(law: &'static str, hole: Option<Hole>, protocol: &Protocol) -> Option<Vec<Action>> {
    let checked = Protocol { hole, only: Some(law), ..protocol.clone() }.checker().spawn_bfs().join();
    println!("{hole:?}: {} worlds, {} deep", checked.unique_state_count(), checked.max_depth());
    checked.discovery(law).map(Path::into_actions)
}

/// The hole breaks the law, and nothing but the hole does.
fn breaks(law: &'static str, hole: Hole, protocol: &Protocol) {
    assert_eq!(way_to(law, None, protocol), None, "{law}: broken without any hole");
    let way = way_to(law, Some(hole), protocol).unwrap_or_else(|| panic!("{hole:?} was not found to break: {law}"));
    println!("{hole:?} with {:?} in {} steps:", protocol.homes, way.len());
    way.iter().for_each(|step| println!("  {step:?}"));
}

#[test]
fn memory_redis_and_upstash_keep_the_laws() {
    holds("removing", protocol(REMOVING, 2, 3, TO_THE_END), 30_000);
}

#[test]
fn durable_keeps_the_laws() {
    holds("durable", protocol(DURABLE, 1, 3, TO_THE_END), 50_000);
    holds("durable, two tickets", protocol(DURABLE, 2, 2, STILL), 5_000);
    holds("durable, alone", protocol(DURABLE, 1, 1, STILL), 30);
}

#[test]
fn kv_and_ledger_keep_the_laws() {
    holds("kv+ledger", protocol(KV_LEDGER, 1, 3, TO_THE_END), 200_000);
    holds("kv+ledger, two tickets", protocol(KV_LEDGER, 2, 2, STILL), 5_000);
    holds("kv+ledger, alone", protocol(KV_LEDGER, 1, 1, STILL), 30);
}

#[test]
fn sealed_keeps_the_laws() {
    holds("sealed", protocol(SEALED, 1, 3, TO_THE_END), 200_000);
    holds("sealed, two tickets", protocol(SEALED, 2, 2, STILL), 4_000);
    holds("sealed, alone", protocol(SEALED, 1, 1, STILL), 30);
}

#[test]
fn fallbacks_keep_the_laws() {
    let kv_durable = &[Kind::KvLedger, Kind::Durable];
    holds("fallback(kv+ledger, durable)", protocol(kv_durable, 1, 2, TO_THE_END), 50_000);
    let sealed_durable = &[Kind::Sealed, Kind::Durable];
    holds("fallback(sealed, durable)", protocol(sealed_durable, 1, 2, TO_THE_END), 20_000);
    let redis_memory = &[Kind::Removing, Kind::Removing];
    holds("fallback(redis, memory)", protocol(redis_memory, 1, 3, TO_THE_END), 50_000);
    let all = &[Kind::KvLedger, Kind::Durable, Kind::Removing];
    holds("fallback(kv+ledger, durable, memory)", protocol(all, 1, 2, STILL), 20_000);
}

/// Those who ask again are not always those who won before.
#[test]
fn without_attempt_ids_either_two_are_admitted() {
    breaks(ONE_TICKET, Hole::WhoeverAsksAgainHasWon, &protocol(KV_LEDGER, 1, 2, STILL));
    breaks(ONE_TICKET, Hole::WhoeverAsksAgainHasWon, &protocol(DURABLE, 1, 2, STILL));
    breaks(ONE_TICKET, Hole::WhoeverAsksAgainHasWon, &protocol(SEALED, 1, 2, STILL));
}

#[test]
fn without_attempt_ids_or_a_lost_reply_burns_the_ticket() {
    for homes in [KV_LEDGER, DURABLE, SEALED] {
        let hole = Hole::WhoeverAsksAgainHasLost;
        breaks(NOT_BURNT, hole, &protocol(homes, 1, 1, STILL));
        let racing = protocol(homes, 1, 2, STILL);
        assert!(way_to(RECOGNISED, None, &racing).is_some());
        assert_eq!(way_to(RECOGNISED, Some(hole), &racing), None);
        // It is the safe one of the two.
        assert_eq!(way_to(ONE_TICKET, Some(hole), &racing), None);
    }
}

#[test]
fn the_same_ticket_in_two_stores_admits_two() {
    breaks(ONE_GRANT, Hole::SameTicketInBoth, &protocol(&[Kind::Removing, Kind::Removing], 1, 2, STILL));
    breaks(ONE_GRANT, Hole::SameTicketInBoth, &protocol(&[Kind::KvLedger, Kind::Durable], 1, 2, STILL));
}

/// A client that holds the ticket of one store can make that of the other out of it.
#[test]
fn the_same_secret_in_two_stores_admits_two() {
    for law in [ONE_GRANT, HANDED_OUT] {
        breaks(law, Hole::SameSecretInBoth, &protocol(&[Kind::Removing, Kind::Removing], 1, 2, STILL));
    }
}

/// Workers KV alone does it, as would `GET` and `DEL` in Redis. With `GETDEL`, or a claim between the two, it is sound.
#[test]
fn get_then_delete_admits_two() {
    assert_eq!(way_to(ONE_TICKET, None, &protocol(REMOVING, 1, 2, STILL)), None);
    assert_eq!(way_to(ONE_TICKET, None, &protocol(KV_LEDGER, 1, 2, STILL)), None);
    let way = way_to(ONE_TICKET, None, &protocol(&[Kind::Kv], 1, 2, STILL)).unwrap();
    println!("get then delete, in {} steps", way.len());
}

#[test]
fn claims_in_an_objects_memory_admit_two() {
    for homes in [KV_LEDGER, SEALED] {
        breaks(ONE_TICKET, Hole::ClaimsInMemory, &protocol(homes, 1, 2, STILL));
    }
}

/// For a Redis that is restarted from a snapshot or replaced by a replica this is no hole of ours: it is what `redis` can't
/// promise.
#[test]
fn a_reply_before_its_write_is_durable_admits_two() {
    for homes in [KV_LEDGER, DURABLE, SEALED, REMOVING] {
        breaks(ONE_TICKET, Hole::RepliesBeforeDurable, &protocol(homes, 1, 2, STILL));
    }
}

#[test]
fn claims_forgotten_without_a_margin_admit_two() {
    for homes in [KV_LEDGER, SEALED] {
        breaks(ONE_TICKET, Hole::NoMargin, &protocol(homes, 1, 2, TO_THE_END));
    }
}

/// Where a used ticket leaves no trace, a put that comes late brings it back.
#[test]
fn a_put_that_is_sent_again_admits_two() {
    breaks(ONE_TICKET, Hole::PutsAgain, &protocol(REMOVING, 1, 2, STILL));
    for homes in [KV_LEDGER, DURABLE] {
        assert_eq!(way_to(ONE_TICKET, Some(Hole::PutsAgain), &protocol(homes, 1, 2, TO_THE_END)), None);
    }
}

#[test]
fn a_clock_read_before_the_answer_admits_the_expired() {
    for homes in [KV_LEDGER, DURABLE, SEALED, REMOVING] {
        breaks(NOT_EXPIRED, Hole::ClockReadBefore, &protocol(homes, 1, 1, TO_THE_END));
    }
}

#[test]
fn ends_keep_the_laws() {
    for (name, homes) in [("removing", REMOVING), ("durable", DURABLE), ("kv+ledger", KV_LEDGER), ("sealed", SEALED)] {
        holds(&format!("{name}, ended"), ending(homes, 1, 2, TO_THE_END), 5_000);
    }
    holds("fallback(kv+ledger, durable), ended", ending(&[Kind::KvLedger, Kind::Durable], 1, 1, TO_THE_END), 5_000);
}

#[test]
fn an_end_that_no_election_looks_at_ends_nothing() {
    for homes in [REMOVING, DURABLE, KV_LEDGER, SEALED] {
        breaks(NOT_ENDED, Hole::EndsUnseen, &ending(homes, 1, 1, STILL));
    }
}

/// A gate whose clock is ahead has issued a ticket in the future.
#[test]
fn an_end_as_of_now_misses_what_other_gates_issued() {
    for homes in [REMOVING, DURABLE, KV_LEDGER, SEALED] {
        breaks(NOT_ENDED, Hole::EndsAtOnce, &ending(homes, 1, 1, STILL));
    }
}

#[test]
fn an_end_that_took_its_time_misses_what_was_issued_meanwhile() {
    for homes in [DURABLE, KV_LEDGER, SEALED] {
        breaks(NOT_ENDED, Hole::EndsLate, &ending(homes, 1, 1, 2));
    }
}

#[test]
fn ends_in_an_objects_memory_are_forgotten() {
    for homes in [KV_LEDGER, SEALED] {
        breaks(NOT_ENDED, Hole::ClaimsInMemory, &ending(homes, 1, 1, STILL));
    }
}
