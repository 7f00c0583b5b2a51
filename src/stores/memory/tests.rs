//! Tickets by the thousand, on a clock that the grants bring along.

use super::*;
use futures_util::FutureExt;
use ws_ticket_core::grant::{CLAIMS_BYTES_MAX, Claims, Subject};

fn grant(issued_at: u64, expires_at: u64) -> Grant {
    Grant {
        ticket_id: TicketId::random().unwrap(),
        subject: Subject::try_from("alice".to_owned()).unwrap(),
        room: None,
        claims: Claims::default(),
        origin: None,
        bond: None,
        issued_at: Millis(issued_at),
        expires_at: Millis(expires_at),
        session_ends_at: None,
        shard: None,
    }
}

fn issue(store: &Memory, grant: &Grant) -> Result<Ticket, StoreError> {
    store.issue(grant, None).now_or_never().unwrap()
}

fn store(capacity: usize) -> Memory {
    Memory { capacity, ..Memory::new(Home::parse("m").unwrap(), None) }
}

fn consume(store: &Memory, ticket: &Ticket) -> Consumed {
    store.consume(ticket, Attempt::random().unwrap()).now_or_never().unwrap().unwrap()
}

#[test]
fn expired_tickets_are_let_go_used_or_not() {
    let store = store(10);
    let used = issue(&store, &grant(0, 1_000)).unwrap();
    consume(&store, &used);
    issue(&store, &grant(0, 1_000)).unwrap();
    issue(&store, &grant(0, 3_000)).unwrap();
    issue(&store, &grant(1_000, 2_000)).unwrap();
    let held = store.held.borrow();
    assert_eq!(sizes(&held), [2, 2, 0, 0]);
}

#[test]
fn of_a_used_ticket_only_the_public_id_is_left() {
    let store = store(10);
    let grant = grant(0, 1_000);
    let ticket = issue(&store, &grant).unwrap();
    assert_eq!(consume(&store, &ticket), Consumed::Granted(grant.clone()));
    assert_eq!(consume(&store, &ticket), Consumed::Used { ticket_id: grant.ticket_id, place: None });
    assert!(store.held.borrow().grants.is_empty());
}

#[test]
fn full_is_an_outage_until_something_expires_and_says_when_that_is() {
    let store = store(2);
    for expires_at in [3_600_000, 60_000] {
        issue(&store, &grant(0, expires_at)).unwrap();
    }
    for (now, seconds) in [(0, 60), (1, 60), (58_999, 2), (59_001, 1), (59_999, 1)] {
        let cause = Cause::Full { seconds: Some(seconds) };
        let full = StoreError::Unavailable { step: "memory.issue", cause };
        assert_eq!(issue(&store, &grant(now, 100_000)).err(), Some(full), "{now}");
    }
    assert!(issue(&store, &grant(60_000, 100_000)).is_ok());
}

/// Grants, used ones, and what each has of expiries.
fn sizes(held: &Held) -> [usize; 4] {
    [held.grants.len(), held.by_expiry.len(), held.used.len(), held.used_by_expiry.len()]
}

#[test]
fn used_tickets_take_no_room_from_those_to_come() {
    let store = Memory { used_capacity: 10, ..store(2) };
    let tickets: Vec<_> = (0..100)
        .map(|number| {
            let grant = grant(0, 1_000 + number);
            let ticket = issue(&store, &grant).unwrap();
            assert!(matches!(consume(&store, &ticket), Consumed::Granted(_)));
            (ticket, grant.ticket_id)
        })
        .collect();
    assert_eq!(sizes(&store.held.borrow()), [0, 0, 10, 10]);
    // Those that would live longest are remembered as what they are; none of the others opens again.
    for (number, (ticket, ticket_id)) in tickets.iter().enumerate() {
        let expected =
            if number < 90 { Consumed::Unknown } else { Consumed::Used { ticket_id: *ticket_id, place: None } };
        assert_eq!(consume(&store, ticket), expected, "{number}");
    }
}

#[test]
fn more_tickets_in_one_life_than_it_holds_fill_nothing_and_go_with_it() {
    const { assert!(USED_CAPACITY > CAPACITY) };
    let store = Memory { used_capacity: 200, ..store(100) };
    for _ in 0..1_000 {
        let ticket = issue(&store, &grant(0, 3_600_000)).unwrap();
        consume(&store, &ticket);
    }
    assert_eq!(sizes(&store.held.borrow()), [0, 0, 200, 200]);
    issue(&store, &grant(3_600_000, 7_200_000)).unwrap();
    assert_eq!(sizes(&store.held.borrow()), [1, 1, 0, 0]);
}

#[test]
fn claims_are_bounded_as_a_whole() {
    let store = store(CAPACITY);
    let claims = serde_json::Map::from_iter([("a".to_owned(), "x".repeat(CLAIMS_BYTES_MAX - 8).into())]);
    let grant = Grant { claims: Claims::try_from(claims).unwrap(), ..grant(0, 1_000) };
    let tickets: Vec<_> = (0..CLAIMS_CAPACITY / CLAIMS_BYTES_MAX).map(|_| issue(&store, &grant).unwrap()).collect();
    assert!(issue(&store, &grant).is_err());
    consume(&store, &tickets[0]);
    assert!(issue(&store, &grant).is_ok());
    assert!(issue(&store, &grant).is_err());
    assert!(issue(&store, &Grant { issued_at: Millis(1_000), expires_at: Millis(2_000), ..grant.clone() }).is_ok());
    assert_eq!(store.held.borrow().claims_size, CLAIMS_BYTES_MAX);
}
