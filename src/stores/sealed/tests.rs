use std::cell::Cell;
use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::executor::block_on;

use super::*;
use crate::stores::claimed::{Bid, Claimed, Ledger, Verdict};
use crate::stores::fallback::Fallback;
use crate::stores::memory::Memory;
use ws_ticket_core::grant::Room;
use ws_ticket_core::region::Shard;
use ws_ticket_core::store::Fault;
use ws_ticket_core::telemetry::Event;
use ws_ticket_core::ticket::{Home, Keyring, TicketId};

const NOW: u64 = 1_795_000_000_000;

thread_local! {
    static CLAIMS: Cell<u32> = const { Cell::new(0) };
    static TOLD: Cell<u32> = const { Cell::new(0) };
    static CLOCK: Cell<u64> = const { Cell::new(NOW) };
}

fn clock() -> Millis {
    Millis(CLOCK.get())
}

fn keys(secret: &[u8]) -> SealKeys {
    SealKeys::new([secret])
}

/// Counts who asks, and gives everybody everything.
struct Counting;

impl fmt::Display for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("counting")
    }
}

#[async_trait(?Send)]
impl Ledger for Counting {
    fn pick(&self, _: &Grant, near: Option<Region>) -> Shard {
        Shard { number: 3, region: near }
    }

    async fn end(&self, _: &End) -> Result<Known, StoreError> {
        Ok(Known::default())
    }

    async fn claim(&self, _: &Bid<'_>) -> Result<Verdict, StoreError> {
        CLAIMS.set(CLAIMS.get().saturating_add(1));
        Ok(Verdict::Won)
    }
}

fn store() -> Claimed<Sealed, Counting> {
    Claimed::new(Sealed::new(keys(b"our key"), clock), Counting)
}

fn grant(room: usize) -> Grant {
    let record = format!(
        r#"{{"ticket_id":"{}","subject":"alice","issued_at":{NOW},"expires_at":{}}}"#,
        TicketId::random().unwrap(),
        NOW + 300_000
    );
    let room = (room > 0).then(|| Room::try_from("r".repeat(room)).unwrap());
    Grant { room, ..Grant::from_json(&record).unwrap() }
}

fn consume(store: &impl TicketStore, ticket: &Ticket) -> Result<Consumed, StoreError> {
    block_on(store.consume(ticket, Attempt::random().unwrap()))
}

/// A generator of numbers that is the same each time (xorshift64*).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).checked_rem(end as u64).unwrap_or_default() as usize
    }
}

#[test]
fn what_is_issued_is_consumed_and_nothing_is_kept() {
    let store = store();
    let grant = grant(20);
    let ticket = block_on(store.issue(&grant, Some(Region::ApacNe))).unwrap();
    assert_eq!(CLAIMS.get(), 0);
    let shard = Some(Shard { number: 3, region: Some(Region::ApacNe) });
    assert_eq!(consume(&store, &ticket), Ok(Consumed::Granted(Grant { shard, ..grant })));
    assert_eq!(CLAIMS.get(), 1);
}

/// By the gate's own clock and before the claim: a ticket that is presented for ever costs nothing.
#[test]
fn what_has_expired_is_told_without_a_claim() {
    let store = store();
    let grant = grant(0);
    let ticket = block_on(store.issue(&grant, None)).unwrap();
    CLOCK.set(grant.expires_at.0 - 1);
    assert!(matches!(consume(&store, &ticket), Ok(Consumed::Granted(_))));
    CLOCK.set(grant.expires_at.0);
    assert_eq!(consume(&store, &ticket), Ok(Consumed::TooLate(grant.ticket_id)));
    assert_eq!(CLAIMS.get(), 1);
}

/// What somebody makes out of tickets that were issued, and out of nothing.
#[test]
fn a_hundred_thousand_tickets_that_we_have_not_sealed_cost_no_claim() {
    let store = store();
    let foreign = Claimed::new(Sealed::new(keys(b"their key"), clock), Counting);
    let issue = |store: &Claimed<Sealed, Counting>, room| block_on(store.issue(&grant(room), None)).unwrap();
    let own: Vec<Vec<u8>> = (0..32).map(|at| bytes(&issue(&store, at * 3))).collect();
    let theirs: Vec<Vec<u8>> = (0..32).map(|at| bytes(&issue(&foreign, at * 3))).collect();
    let issued: HashSet<&Vec<u8>> = own.iter().collect();
    let keyring = Keyring::new([b"the key of the check".as_slice()]);
    let mut dice = Dice(20_261_126);
    let (mut presented, mut malformed, mut forged, mut elsewhere) = (0, 0, 0, 0);
    while presented < 100_000 {
        let mut made = own[dice.below(own.len())].clone();
        let other = &own[dice.below(own.len())];
        let at = dice.below(made.len());
        match dice.below(9) {
            // A bit, a byte, a few of them.
            0 => made[at] ^= 1 << dice.below(8),
            1 => (0..3).for_each(|_| {
                let at = dice.below(made.len());
                made[at] = dice.below(256) as u8;
            }),
            // Cut, at either end, and longer.
            2 => made.truncate(at),
            3 => {
                made.drain(..at);
            }
            4 => made.extend((0..1 + dice.below(40)).map(|_| dice.below(256) as u8)),
            // Pasted together out of two.
            5 => made = [&made[..at], &other[at.min(other.len())..]].concat(),
            // A tag, a nonce or a head of another.
            6 => {
                let len = 5 + dice.below(24);
                made[..len].copy_from_slice(&other[..len]);
            }
            // Sealed with another key; and with our key's name on it.
            7 => made = theirs[dice.below(theirs.len())].clone(),
            _ => {
                let head = made[..5].to_vec();
                made = theirs[dice.below(theirs.len())].clone();
                made[..5].copy_from_slice(&head);
            }
        }
        if issued.contains(&made) {
            continue;
        }
        presented += 1;
        // Now and then as another store's ticket.
        let home = if dice.below(20) == 0 { ["k", "d3weur", "m", "S"][dice.below(4)] } else { "s" };
        match keyring.read(&format!("wst_{home}_{}", URL_SAFE_NO_PAD.encode(&made))) {
            Err(_) => malformed += 1,
            Ok(ticket) => match consume(&store, &ticket) {
                Ok(Consumed::Forged) => forged += 1,
                Ok(Consumed::Unknown) if home != "s" => elsewhere += 1,
                other => panic!("{other:?}: {ticket:?} {made:?}"),
            },
        }
    }
    println!("{malformed} malformed, {forged} forged, {elsewhere} of another home");
    assert!(forged > 50_000 && malformed > 5_000);
    assert_eq!(CLAIMS.get(), 0);
}

fn bytes(ticket: &Ticket) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(ticket.reveal().strip_prefix("wst_s_").unwrap()).unwrap()
}

/// As large as a subject, a room and an origin can be together.
fn large() -> Grant {
    Grant { subject: "s".repeat(256).try_into().unwrap(), ..grant(128) }
}

#[test]
fn what_does_not_fit_goes_to_the_next_store_and_nothing_is_called_a_failure() {
    let memory = || Box::new(Memory::new(Home::parse("m").unwrap(), None));
    let sink = |event: &Event<'_>| {
        if matches!(event, Event::FellBack { .. } | Event::Recovered { .. }) {
            TOLD.set(TOLD.get() + 1);
        }
    };
    let list = Fallback::new(vec![Box::new(store()), memory()], Vec::new(), clock, sink);
    for _ in 0..5 {
        assert_eq!(block_on(list.issue(&large(), None)).unwrap().home().as_str(), "m");
        assert!(block_on(list.issue(&grant(20), None)).unwrap().is_sealed());
    }
    assert_eq!(TOLD.get(), 0);
    let alone = Fallback::new(vec![Box::new(store())], Vec::new(), clock, sink);
    assert!(matches!(block_on(alone.issue(&large(), None)), Err(StoreError::TooLarge { .. })));
}

/// Gives no answer.
struct Down;

impl fmt::Display for Down {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("down")
    }
}

#[async_trait(?Send)]
impl TicketStore for Down {
    fn guarantee(&self) -> Guarantee {
        Guarantee::SingleUse
    }

    fn reach(&self) -> Reach {
        Reach::Global
    }

    fn is_home_of(&self, _: &Ticket) -> bool {
        false
    }

    async fn issue(&self, _: &Grant, _: Option<Region>) -> Result<Ticket, StoreError> {
        Err(StoreError::Unavailable { step: "down", cause: Cause::Server(Fault::Loading) })
    }

    async fn end(&self, _: &End) -> Result<Known, StoreError> {
        Ok(Known::default())
    }

    async fn consume(&self, _: &Ticket, _: Attempt) -> Result<Consumed, StoreError> {
        Ok(Consumed::Unknown)
    }
}

/// Whoever is told to try again may have a ticket then; whoever is told that it is too large tries no more.
#[test]
fn what_does_not_fit_while_another_store_is_down_may_be_tried_again() {
    let (sealed, down): (Box<dyn TicketStore>, Box<dyn TicketStore>) = (Box::new(store()), Box::new(Down));
    for stores in [vec![sealed, down], vec![Box::new(Down) as Box<dyn TicketStore>, Box::new(store())]] {
        let list = Fallback::new(stores, Vec::new(), clock, |_| ());
        assert!(matches!(block_on(list.issue(&large(), None)), Err(StoreError::Unavailable { step: "down", .. })));
    }
}
