//! The laws that every store is held to, on the host: the memory store, the wrappers, and what they do when what they
//! stand on fails before or after it took effect. The same laws, by the same names, run against the built Worker in
//! `tests/laws.test.js`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)]

mod host;

use std::pin::pin;

use futures::FutureExt;
use futures::executor::block_on;
use futures::future::join_all;
use host::{Fault, Faults, PROGRAM, ROWS, Row, caller};
use ws_ticket_core::gate::{Gate, NotAdmitted, Wish};
use ws_ticket_core::grant::Grant;
use ws_ticket_core::store::{Attempt, Consumed, Guarantee, StoreError};
use ws_ticket_core::ticket::{Home, Malformed, Ticket};
use ws_ticket_core::time::Millis;

const NOW: Millis = Millis(1_795_000_000_000);
const TTL: u32 = 300;

/// The row's gate and the switch for its faults.
fn gate(row: &Row) -> (Gate, Faults) {
    let faults = Faults::default();
    (Gate::new((row.make)(&faults), TTL, 86_400), faults)
}

fn issue(gate: &Gate) -> Ticket {
    block_on(gate.issue(caller(), Wish::default(), || NOW)).unwrap().ticket
}

fn consume_at(gate: &Gate, ticket: &Ticket, now: Millis) -> Result<Grant, NotAdmitted> {
    block_on(gate.consume(ticket, Attempt::random().unwrap(), PROGRAM, || now))
}

fn consume(gate: &Gate, ticket: &Ticket) -> Result<Grant, NotAdmitted> {
    consume_at(gate, ticket, NOW)
}

fn is_outage(answer: &Result<Grant, NotAdmitted>) -> bool {
    matches!(answer, Err(NotAdmitted::Store(StoreError::Unavailable { .. })))
}

fn each_row(law: impl Fn(&Row)) {
    assert!(ROWS.len() >= 3);
    for row in ROWS {
        println!("row {}", row.name);
        law(row);
    }
}

#[test]
fn law_1_a_ticket_admits_one_connection() {
    each_row(|row| {
        let (gate, _) = gate(row);
        let ticket = issue(&gate);
        assert!(consume(&gate, &ticket).is_ok());
        assert!(consume(&gate, &ticket).is_err());
    });
}

#[test]
fn law_2_an_unknown_ticket_admits_none() {
    each_row(|row| {
        let (gate, _) = gate(row);
        let own = issue(&gate);
        for home in [own.home().as_str(), "elsewhere"] {
            let unknown = Ticket::mint(Home::parse(home).unwrap()).unwrap();
            assert_eq!(consume(&gate, &unknown), Err(NotAdmitted::Unknown));
        }
        // A reference goes by any home, and what is sealed by one alone.
        match Ticket::parse(&own.reveal().replacen(own.home().as_str(), "zz", 1)) {
            Ok(edited) => assert_eq!(consume(&gate, &edited), Err(NotAdmitted::Unknown)),
            Err(Malformed) => assert!(own.is_sealed()),
        }
        assert!(consume(&gate, &own).is_ok());
    });
}

#[test]
fn law_3_racing_connections_exactly_one_is_admitted() {
    each_row(|row| {
        for _ in 0..50 {
            let (gate, _) = gate(row);
            let ticket = issue(&gate);
            let racers = (0..100).map(|_| gate.consume(&ticket, Attempt::random().unwrap(), PROGRAM, || NOW));
            let admitted = block_on(join_all(racers)).iter().filter(|answer| answer.is_ok()).count();
            match gate.store().guarantee() {
                Guarantee::SingleUse => assert_eq!(admitted, 1, "{}", row.name),
                Guarantee::BestEffort => assert!(admitted >= 1, "{}", row.name),
            }
        }
    });
}

#[test]
fn law_4_an_expired_ticket_admits_none_at_the_same_millisecond() {
    each_row(|row| {
        let (gate, _) = gate(row);
        let (early, late) = (issue(&gate), issue(&gate));
        let end = NOW.plus_seconds(TTL);
        assert!(consume_at(&gate, &early, Millis(end.0 - 1)).is_ok());
        assert!(matches!(consume_at(&gate, &late, end), Err(NotAdmitted::Expired(_))));
        assert!(consume_at(&gate, &late, NOW).is_err(), "an expired ticket came back to life");
    });
}

#[test]
fn law_5_tickets_do_not_touch_each_other() {
    each_row(|row| {
        let (gate, _) = gate(row);
        let tickets: Vec<_> = (0..20).map(|_| issue(&gate)).collect();
        let mut ids = Vec::new();
        for ticket in tickets.iter().rev() {
            ids.push(consume(&gate, ticket).unwrap().ticket_id.to_string());
        }
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 20);
    });
}

#[test]
fn law_6_no_answer_is_not_unknown() {
    each_row(|row| {
        let (gate, faults) = gate(row);
        let ticket = issue(&gate);
        for part in row.parts {
            faults.set(part, Fault::Before);
            let answer = consume(&gate, &ticket);
            assert!(is_outage(&answer), "{} with {part} down: {answer:?}", row.name);
            faults.clear();
        }
        assert!(consume(&gate, &ticket).is_ok(), "{}: an outage burnt the ticket", row.name);
    });
}

#[test]
fn law_7_a_lost_reply_never_admits_two() {
    each_row(|row| {
        for part in row.parts {
            let (gate, faults) = gate(row);
            let ticket = issue(&gate);
            faults.set(part, Fault::After);
            assert!(is_outage(&consume(&gate, &ticket)), "{}: {part}", row.name);
            faults.clear();
            let admitted = (0..5).filter(|_| consume(&gate, &ticket).is_ok()).count();
            assert!(admitted <= 1, "{}: {part}", row.name);
        }
    });
}

/// A ledger knows an attempt again, so whoever lost its reply may ask once more.
#[test]
fn law_7_the_attempt_that_lost_a_reply_gets_the_same_answer() {
    let rows: Vec<_> = ROWS.iter().filter(|row| row.parts.contains(&"ledger")).collect();
    assert!(!rows.is_empty());
    for row in rows {
        let (gate, faults) = gate(row);
        let ticket = issue(&gate);
        let consume_as = |attempt| block_on(gate.store().consume(&ticket, attempt));
        let (first, other) = (Attempt::random().unwrap(), Attempt::random().unwrap());
        faults.set_once("ledger", Fault::After);
        assert!(consume_as(first).is_err());
        assert!(matches!(consume_as(other), Ok(Consumed::Used { .. })));
        assert!(matches!(consume_as(first), Ok(Consumed::Granted(_))));
        assert!(matches!(consume_as(other), Ok(Consumed::Used { .. })));
    }
}

#[test]
fn law_4_a_store_that_takes_its_time_does_not_stretch_a_tickets_life() {
    for row in ROWS.iter().filter(|row| row.name.starts_with("shelf")) {
        let (gate, _) = gate(row);
        let ticket = issue(&gate);
        let clock = std::cell::Cell::new(NOW);
        let mut consuming = pin!(gate.consume(&ticket, Attempt::random().unwrap(), PROGRAM, || clock.get()));
        assert!(consuming.as_mut().now_or_never().is_none(), "the store answered at once");
        clock.set(NOW.plus_seconds(TTL));
        assert!(matches!(block_on(consuming), Err(NotAdmitted::Expired(_))), "{}", row.name);
    }
}

#[test]
fn a_ticket_never_outlives_the_login() {
    each_row(|row| {
        let (gate, _) = gate(row);
        let until = |end| ws_ticket_core::gate::Caller { login_expires_at: Some(end), ..caller() };
        let brief = Gate::new((row.make)(&Faults::default()), TTL, 20);
        let issued = block_on(brief.issue(caller(), Wish::default(), || NOW)).unwrap();
        assert_eq!(issued.expires_in, 20, "a ticket never outlives what it would open");
        for (left, expected) in [(0, None), (999, None), (1_000, Some(1)), (59_999, Some(59)), (301_000, Some(300))] {
            let issued = block_on(gate.issue(until(Millis(NOW.0 + left)), Wish::default(), || NOW)).ok();
            assert_eq!(issued.as_ref().map(|i| i.expires_in), expected, "{left} ms left");
            if let Some(issued) = issued {
                assert_eq!(issued.expires_at, NOW.plus_seconds(issued.expires_in));
            }
        }
    });
}
