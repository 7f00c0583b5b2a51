//! The session that sends every message back as it was: text as text, bytes as bytes. A ping is answered.

use futures_util::StreamExt;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{CloseEvent, Response, Result, WebSocket, WebSocketPair, WebsocketEvent, js_sys, wasm_bindgen_futures};

use ws_ticket_core::session::{PING, PONG, Welcome};

/// Opens the session and answers with its other end. The welcome is its first frame.
pub fn open(welcome: &Welcome<'_>) -> Result<Response> {
    let WebSocketPair { client, server } = WebSocketPair::new()?;
    // By default bytes arrive as a `Blob`, which can't be read at once
    // (https://developers.cloudflare.com/workers/configuration/compatibility-flags/, websocket_standard_binary_type).
    server.as_ref().set_binary_type(web_sys::BinaryType::Arraybuffer);
    server.accept()?;
    server.send(welcome)?;
    wasm_bindgen_futures::spawn_local(async move {
        if converse(&server).await.is_err() {
            // Whatever it was, the socket is of no more use. If it is gone already, so be it.
            let _ = server.close(None, None::<&str>);
        }
    });
    Response::from_websocket(client)
}

async fn converse(socket: &WebSocket) -> Result<()> {
    let mut events = socket.events()?;
    while let Some(event) = events.next().await {
        match event? {
            WebsocketEvent::Message(message) => send_back(socket, &message.as_ref().data())?,
            WebsocketEvent::Close(event) => return close_back(socket, &event),
        }
    }
    Ok(())
}

/// Bytes go without a copy through wasm: the value that came is the value that goes.
fn send_back(socket: &WebSocket, data: &JsValue) -> Result<()> {
    let socket: &web_sys::WebSocket = socket.as_ref();
    match data.dyn_ref::<js_sys::ArrayBuffer>() {
        Some(bytes) => socket.send_with_array_buffer(bytes)?,
        None => match data.as_string().unwrap_or_default() {
            ping if ping == PING => socket.send_with_str(PONG)?,
            text => socket.send_with_str(&text)?,
        },
    }
    Ok(())
}

/// Ends the closing handshake with the peer's own code, or with none where that can't be sent (RFC 6455 §7.4).
fn close_back(socket: &WebSocket, event: &CloseEvent) -> Result<()> {
    match event.code() {
        code @ (1000..=1003 | 1007..=1014 | 1016..=4999) => socket.close(Some(code), Some(event.reason())),
        _ => socket.close(None, None::<&str>),
    }
}
