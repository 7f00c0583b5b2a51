//! Rooms in Rust behind the gate, which hands sockets on to them (`SESSION=upstream`): who comes is what its assertion says, and nobody
//! comes without one.
//!
//! `ws-ticket-axum-room <address>`, with `UPSTREAM_SECRET`, `GATE_URL` (the gate's origin) and `AUDIENCE` (the origin of `UPSTREAM_URL`)
//! in the environment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::ws::{Message, WebSocket};
use axum::extract::{Path, State, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use tokio::sync::broadcast;

/// What the gate asserts, as far as it is of use here.
#[derive(Deserialize)]
struct Assertion {
    sub: String,
    room: Option<String>,
}

/// How assertions are verified: the algorithm is ours, never the token's.
struct Gate {
    key: DecodingKey,
    expected: Validation,
}

impl Gate {
    fn new(secret: &str, issuer: &str, audience: &str) -> Self {
        let mut expected = Validation::new(Algorithm::HS256);
        expected.set_issuer(&[issuer]);
        expected.set_audience(&[audience]);
        expected.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        expected.leeway = 5;
        Self { key: DecodingKey::from_secret(secret.as_bytes()), expected }
    }

    fn verify(&self, headers: &HeaderMap) -> Option<Assertion> {
        // One header, and no other kind of token: a login may be signed with the same secret some day.
        let mut all = headers.get_all("x-ticket-assertion").iter();
        let (token, None) = (all.next()?.to_str().ok()?, all.next()) else { return None };
        let is_ours = decode_header(token).ok()?.typ.as_deref() == Some("ws-ticket+jwt");
        let decoded = decode(token, &self.key, &self.expected).ok()?;
        is_ours.then_some(decoded.claims)
    }
}

type Rooms = Mutex<HashMap<String, broadcast::Sender<String>>>;

struct App {
    gate: Gate,
    rooms: Rooms,
}

async fn enter(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let Some(visitor) = app.gate.verify(&headers) else {
        return (StatusCode::UNAUTHORIZED, "come through the gate").into_response();
    };
    // A ticket that was asked for one room opens no other.
    if visitor.room.is_some_and(|room| room != name) {
        return (StatusCode::FORBIDDEN, "another room's ticket").into_response();
    }
    upgrade.on_upgrade(move |socket| talk(socket, app, name, visitor.sub))
}

/// Says what others say, and tells others what this one says, until it leaves.
async fn talk(mut socket: WebSocket, app: Arc<App>, name: String, who: String) {
    let room = {
        let Ok(mut rooms) = app.rooms.lock() else { return };
        // Rooms that everybody has left are forgotten.
        rooms.retain(|_, room| room.receiver_count() > 0);
        rooms.entry(name).or_insert_with(|| broadcast::channel(64).0).clone()
    };
    let mut others = room.subscribe();
    let _ = room.send(format!("{who} came in"));
    loop {
        tokio::select! {
            said = others.recv() => match said {
                Ok(text) => if socket.send(Message::Text(text.into())).await.is_err() { break },
                // Who is too slow to hear has missed something.
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => break,
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => drop(room.send(format!("{who}: {text}"))),
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
        }
    }
    let _ = room.send(format!("{who} left"));
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("say where to listen: 127.0.0.1:3000")?;
    let given = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
    let gate = Gate::new(&given("UPSTREAM_SECRET")?, &given("GATE_URL")?, &given("AUDIENCE")?);
    let app = Arc::new(App { gate, rooms: Rooms::default() });
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    let router = Router::new().route("/room/{name}", get(enter)).with_state(app);
    axum::serve(listener, router).await?;
    Ok(())
}
