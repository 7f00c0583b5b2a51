//! What the host's laws run on: rows of stores, made of real parts and of parts that fail on command.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use ws_ticket::stores::claimed::{Bid, Claimed, Ledger, Verdict};
use ws_ticket::stores::condition::Condition;
use ws_ticket::stores::fallback::Fallback;
use ws_ticket::stores::instrumented::{Instrumented, Thresholds};
use ws_ticket::stores::memory::Memory;
use ws_ticket::stores::rest::Rests;
use ws_ticket::stores::resting::{Resting, RestingLedger};
use ws_ticket::stores::sealed::Sealed;
use ws_ticket_core::gate::{Caller, Cookie, Presenter};
use ws_ticket_core::grant::{Claims, Grant, Subject};
use ws_ticket_core::region::{Region, Shard};
use ws_ticket_core::store::{Attempt, Cause, Consumed, End, Guarantee, Known, Reach, StoreError, TicketStore};
use ws_ticket_core::ticket::{Digest, Home, SealKeys, Ticket};
use ws_ticket_core::time::Millis;

/// A composition under test.
pub struct Row {
    pub name: &'static str,
    /// The parts of it that can be made to fail.
    pub parts: &'static [&'static str],
    pub make: fn(&Faults) -> Box<dyn TicketStore>,
}

pub const ROWS: &[Row] = &[
    Row { name: "memory", parts: &[], make: |_| Box::new(memory()) },
    Row {
        name: "faulty(memory)",
        parts: &["store"],
        make: |faults| Box::new(Faulty(memory(), faults.clone(), "store")),
    },
    Row { name: "shelf", parts: &["store"], make: |faults| Box::new(shelf(true, faults)) },
    Row {
        name: "shelf+book",
        parts: &["store", "ledger"],
        make: |faults| Box::new(Claimed::new(shelf(false, faults), Book::new(faults))),
    },
    Row {
        name: "shelf+book with all wrappers",
        parts: &["store", "ledger"],
        make: |faults| {
            let store = Resting::new(shelf(false, faults), "shelf", rests());
            let store = Claimed::new(store, RestingLedger::new(Book::new(faults), rests()));
            let condition = Rc::new(Condition::new(store.to_string()));
            Box::new(Instrumented::new(store, condition, Thresholds { write_ms: 0, read_ms: 0 }, hurried, |_| ()))
        },
    },
    Row { name: "sealed+book", parts: &["ledger"], make: |faults| Box::new(Claimed::new(sealed(), Book::new(faults))) },
    Row {
        name: "fallback(sealed+book, faulty(memory))",
        parts: &["ledger"],
        make: |faults| {
            let first = Claimed::new(sealed(), Book::new(faults));
            let next = Faulty(memory(), faults.clone(), "next");
            Box::new(Fallback::new(vec![Box::new(first), Box::new(next)], Vec::new(), || Millis(0), |_| ()))
        },
    },
    Row {
        name: "fallback(faulty(memory), shelf+book)",
        parts: &["first"],
        make: |faults| {
            let first = Faulty(memory(), faults.clone(), "first");
            let next = Claimed::new(shelf(false, &Faults::default()), Book::new(&Faults::default()));
            Box::new(Fallback::new(vec![Box::new(first), Box::new(next)], Vec::new(), || Millis(0), |_| ()))
        },
    },
];

pub fn caller() -> Caller {
    let subject = Subject::try_from("alice".to_owned()).unwrap();
    Caller { subject, login_expires_at: None, rooms: None, claims: Claims::default() }
}

/// A program: it has no origin and no cookies.
pub const PROGRAM: Presenter<'static> = Presenter { origin: None, cookie: Cookie::Missing };

/// Rests that are over whenever somebody looks, so that what stands in a law's way is the fault alone.
fn rests() -> Rests {
    Rests::new(1_000, hurried)
}

/// A clock that is a minute later each time.
fn hurried() -> Millis {
    thread_local! {
        static NOW: Cell<u64> = const { Cell::new(0) };
    }
    Millis(NOW.replace(NOW.get() + 60_000))
}

/// Its clock lags behind the gate's: what has expired is the gate's word.
fn sealed() -> Sealed {
    Sealed::new(SealKeys::new([b"a key".as_slice()]), || Millis(0))
}

fn memory() -> Memory {
    Memory::new(Home::parse("m").unwrap(), None)
}

/// When a part fails.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing has happened.
    Before,
    /// It has happened, and the reply is lost.
    After,
}

/// Which parts fail now.
#[derive(Clone, Default)]
pub struct Faults(Rc<RefCell<HashMap<&'static str, (Fault, bool)>>>);

impl Faults {
    pub fn set(&self, part: &'static str, fault: Fault) {
        self.0.borrow_mut().insert(part, (fault, false));
    }

    pub fn set_once(&self, part: &'static str, fault: Fault) {
        self.0.borrow_mut().insert(part, (fault, true));
    }

    pub fn clear(&self) {
        self.0.borrow_mut().clear();
    }

    fn take(&self, part: &'static str) -> Option<Fault> {
        let (fault, once) = self.0.borrow().get(part).copied()?;
        if once {
            self.0.borrow_mut().remove(part);
        }
        Some(fault)
    }

    /// Runs the operation, or fails instead or after it.
    async fn around<T>(
        &self,
        part: &'static str,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let fault = self.take(part);
        let lost = Err(StoreError::Unavailable { step: part, cause: Cause::TimedOut });
        if fault == Some(Fault::Before) {
            return lost;
        }
        let answer = operation.await;
        if fault == Some(Fault::After) { lost } else { answer }
    }
}

/// Lets every other racer run.
struct Yield(bool);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// A store that fails on command.
struct Faulty<S>(S, Faults, &'static str);

impl<S: TicketStore> fmt::Display for Faulty<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty({})", self.0)
    }
}

#[async_trait(?Send)]
impl<S: TicketStore> TicketStore for Faulty<S> {
    fn guarantee(&self) -> Guarantee {
        self.0.guarantee()
    }

    fn reach(&self) -> Reach {
        self.0.reach()
    }

    fn is_home_of(&self, ticket: &Ticket) -> bool {
        self.0.is_home_of(ticket)
    }

    async fn issue(&self, grant: &Grant, near: Option<Region>) -> Result<Ticket, StoreError> {
        self.1.around(self.2, self.0.issue(grant, near)).await
    }

    async fn end(&self, end: &End) -> Result<Known, StoreError> {
        self.1.around(self.2, self.0.end(end)).await
    }

    async fn consume(&self, ticket: &Ticket, attempt: Attempt) -> Result<Consumed, StoreError> {
        self.1.around(self.2, self.0.consume(ticket, attempt)).await
    }
}

/// Keeps grants. Alone it hands them out as `get` then `delete` would, and whoever comes between the two has it too; under
/// a ledger it leaves them where they are, as `Kv` does.
struct Shelf {
    grants: RefCell<HashMap<Digest, Grant>>,
    deletes: bool,
}

fn shelf(deletes: bool, faults: &Faults) -> Faulty<Shelf> {
    Faulty(Shelf { grants: RefCell::default(), deletes }, faults.clone(), "store")
}

impl fmt::Display for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("shelf")
    }
}

#[async_trait(?Send)]
impl TicketStore for Shelf {
    fn guarantee(&self) -> Guarantee {
        Guarantee::BestEffort
    }

    fn reach(&self) -> Reach {
        Reach::Global
    }

    fn is_home_of(&self, ticket: &Ticket) -> bool {
        ticket.home().as_str() == "shelf"
    }

    async fn issue(&self, grant: &Grant, _: Option<Region>) -> Result<Ticket, StoreError> {
        let ticket = Ticket::mint(Home::parse("shelf").unwrap())?;
        self.grants.borrow_mut().insert(ticket.digest(), grant.clone());
        Ok(ticket)
    }

    async fn end(&self, _: &End) -> Result<Known, StoreError> {
        Ok(Known::default())
    }

    async fn consume(&self, ticket: &Ticket, _: Attempt) -> Result<Consumed, StoreError> {
        let grant = self.grants.borrow().get(&ticket.digest()).cloned();
        Yield(false).await;
        if self.deletes {
            self.grants.borrow_mut().remove(&ticket.digest());
        }
        Ok(grant.map_or(Consumed::Unknown, Consumed::Granted))
    }
}

/// A ledger in memory.
struct Book {
    claims: RefCell<HashMap<uuid::Uuid, Attempt>>,
    faults: Faults,
}

impl Book {
    fn new(faults: &Faults) -> Self {
        Self { claims: RefCell::default(), faults: faults.clone() }
    }
}

impl fmt::Display for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("book")
    }
}

#[async_trait(?Send)]
impl Ledger for Book {
    fn pick(&self, _: &Grant, near: Option<Region>) -> Shard {
        Shard { number: 3, region: near }
    }

    async fn end(&self, _: &End) -> Result<Known, StoreError> {
        Ok(Known::default())
    }

    async fn claim(&self, bid: &Bid<'_>) -> Result<Verdict, StoreError> {
        assert_eq!(bid.shard.number, 3);
        let elect = async {
            let holder = *self.claims.borrow_mut().entry(bid.ticket()).or_insert(bid.attempt);
            Ok(if holder == bid.attempt { Verdict::Won } else { Verdict::Lost })
        };
        self.faults.around("ledger", elect).await
    }
}
