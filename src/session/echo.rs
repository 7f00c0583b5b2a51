//! The session that sends every message back as it was: text as text, bytes as bytes.

use futures_util::StreamExt;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{CloseEvent, Response, Result, WebSocket, WebSocketPair, WebsocketEvent, js_sys, wasm_bindgen_futures};

use super::Welcome;

/// Opens the session and answers with its other end. The welcome is its first frame.
pub fn open(welcome: &Welcome<'_>) -> Result<Response> {
    let WebSocketPair { client, server } = WebSocketPair::new()?;
    // By default bytes arrive as a `Blob`, which can't be read at once
    // (https://developers.cloudflare.com/workers/configuration/compatibility-flags/, websocket_standard_binary_type).
    server.as_ref().set_binary_type(web_sys::BinaryType::Arraybuffer);
    server.accept()?;
    server.send(welcome)?;
    wasm_bindgen_futures::spawn_local(async move {
        // The only errors here are those of a socket that is going away; there is nobody left to tell.
        let _ = converse(&server).await;
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

/// Without a copy through wasm: the value that came is the value that goes.
fn send_back(socket: &WebSocket, data: &JsValue) -> Result<()> {
    let socket: &web_sys::WebSocket = socket.as_ref();
    match data.dyn_ref::<js_sys::ArrayBuffer>() {
        Some(bytes) => socket.send_with_array_buffer(bytes)?,
        None => socket.send_with_str(&data.as_string().unwrap_or_default())?,
    }
    Ok(())
}

/// Ends the closing handshake with the peer's own code. 1005 and 1006 mean that there was none, and can't be sent
/// (RFC 6455 §7.4.1).
fn close_back(socket: &WebSocket, event: &CloseEvent) -> Result<()> {
    match event.code() {
        1005 | 1006 | 1015 => socket.close(None, None::<&str>),
        code => socket.close(Some(code), Some(event.reason())),
    }
}
