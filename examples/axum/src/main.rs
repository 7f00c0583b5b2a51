//! The gate in a server of your own: the rules of `ws-ticket-core`, a store of your own, and axum in front.
//!
//! `cargo run -p ws-ticket-axum`, then `curl -X POST -H 'X-User: alice' http://127.0.0.1:8080/ws-ticket` and open the `url`.

use std::{cell::RefCell, collections::HashMap, fmt, sync::mpsc, thread, time::SystemTime};

use axum::extract::{Query, State, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, header::ORIGIN};
use axum::{Json, Router, response::Response, routing};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use ws_ticket_core::gate::{Caller, Cookie, Gate, NotAdmitted, Presenter, Wish};
use ws_ticket_core::grant::{Claims, Grant, Subject};
use ws_ticket_core::region::Region;
use ws_ticket_core::store::{Attempt, Cause, Consumed, End, Guarantee, Known, Reach, StoreError, TicketStore};
use ws_ticket_core::ticket::{Digest, Home, Keyring, Ticket};
use ws_ticket_core::time::Millis;

/// Grants in memory. What elects the one connection is `remove`; a database has `DELETE … RETURNING` for it.
#[derive(Default)]
struct Shelf(RefCell<HashMap<Digest, Grant>>);

impl fmt::Display for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("shelf")
    }
}

#[async_trait::async_trait(?Send)]
impl TicketStore for Shelf {
    fn guarantee(&self) -> Guarantee {
        Guarantee::SingleUse
    }

    fn reach(&self) -> Reach {
        Reach::Isolate
    }

    fn is_home_of(&self, ticket: &Ticket) -> bool {
        ticket.home().as_str() == "x"
    }

    async fn issue(&self, grant: &Grant, _: Option<Region>) -> Result<Ticket, StoreError> {
        let ticket = Ticket::mint(Home::parse("x").expect("a home"))?;
        self.0.borrow_mut().retain(|_, other| other.expires_at > grant.issued_at);
        self.0.borrow_mut().insert(ticket.digest(), grant.clone());
        Ok(ticket)
    }

    /// Nobody ends sessions here from outside: a store whose gate does remembers whose, and looks when it hands a ticket out.
    async fn end(&self, _: &End) -> Result<Known, StoreError> {
        Err(StoreError::Unavailable { step: "shelf.end", cause: Cause::NotUnderstood })
    }

    async fn consume(&self, ticket: &Ticket, _: Attempt) -> Result<Consumed, StoreError> {
        Ok(self.0.borrow_mut().remove(&ticket.digest()).map_or(Consumed::Unknown, Consumed::Granted))
    }
}

fn now() -> Millis {
    let since = SystemTime::UNIX_EPOCH.elapsed().expect("a clock after 1970");
    Millis(since.as_millis().try_into().unwrap_or(u64::MAX))
}

/// The gate's futures stay on one thread, so it has one of its own, and is told there what to do.
type Jobs = mpsc::Sender<Box<dyn FnOnce(&Gate) + Send>>;

async fn at_the_gate<T: Send + 'static>(jobs: Jobs, job: impl AsyncFnOnce(&Gate) -> T + Send + 'static) -> Option<T> {
    let (tell, told) = oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    jobs.send(Box::new(move |gate| drop(tell.send(runtime.block_on(job(gate)))))).ok()?;
    told.await.ok()
}

fn origin(headers: &HeaderMap) -> Option<String> {
    headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()).map(str::to_owned)
}

/// Your login says who it is; here it is whoever they say they are.
async fn issue(State(jobs): State<Jobs>, headers: HeaderMap) -> Result<Json<Value>, StatusCode> {
    let user = headers.get("x-user").and_then(|user| user.to_str().ok()).ok_or(StatusCode::UNAUTHORIZED)?;
    let subject = Subject::try_from(user.to_owned()).map_err(|_| StatusCode::BAD_REQUEST)?;
    let caller = Caller { subject, login_expires_at: None, rooms: None, claims: Claims::default() };
    let wish = Wish { origin: origin(&headers), ..Wish::default() };
    let issued = at_the_gate(jobs, async |gate| gate.issue(caller, wish, now).await).await;
    let issued = issued.and_then(Result::ok).ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(Json(json!({ "ticket": issued.ticket.reveal(), "expires_in": issued.expires_in })))
}

async fn open(
    State(jobs): State<Jobs>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, StatusCode> {
    let text = query.get("ticket").ok_or(StatusCode::BAD_REQUEST)?;
    let ticket = Keyring::default().read(text).map_err(|_| StatusCode::BAD_REQUEST)?;
    let attempt = Attempt::random().map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let consumed = at_the_gate(jobs, async move |gate| {
        let origin = origin(&headers);
        let by = Presenter { origin: origin.as_deref(), cookie: Cookie::Missing };
        gate.consume(&ticket, attempt, by, now).await
    });
    match consumed.await.ok_or(StatusCode::SERVICE_UNAVAILABLE)? {
        Ok(grant) => Ok(upgrade.on_upgrade(async move |mut socket| {
            let _ = socket.send(format!("welcome, {}", grant.subject.as_str()).into()).await;
        })),
        Err(NotAdmitted::Store(_)) => Err(StatusCode::SERVICE_UNAVAILABLE),
        Err(_) => Err(StatusCode::UNAUTHORIZED),
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let (jobs, to_do) = mpsc::channel::<Box<dyn FnOnce(&Gate) + Send>>();
    thread::spawn(move || {
        let gate = Gate::new(Box::new(Shelf::default()), 300, 43_200);
        to_do.into_iter().for_each(|job| job(&gate));
    });
    let routes = Router::new().route("/ws-ticket", routing::post(issue)).route("/ws", routing::get(open));
    let listener =
        tokio::net::TcpListener::bind(std::env::args().nth(1).as_deref().unwrap_or("127.0.0.1:8080")).await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, routes.with_state(jobs)).await
}
