//! A TCP connection of the platform's (<https://developers.cloudflare.com/workers/runtime-apis/tcp-sockets/>), each step with a
//! deadline; closed when it is dropped.

use worker::js_sys::{Object, Reflect, Uint8Array};
use worker::wasm_bindgen::JsCast;
use worker::worker_sys;

use super::race::{Deadline, NoAnswer, ignore};
use super::{Chunk, reader_of};

/// The connection.
pub struct Socket {
    raw: worker_sys::Socket,
    reader: web_sys::ReadableStreamDefaultReader,
    writer: web_sys::WritableStreamDefaultWriter,
}

impl Socket {
    /// Connects, the TLS handshake included.
    pub async fn connect(host: &str, port: u16, tls: bool, by: &Deadline) -> Result<Self, NoAnswer> {
        let (address, options) = (Object::new(), Object::new());
        Reflect::set(&address, &"hostname".into(), &host.into())?;
        Reflect::set(&address, &"port".into(), &port.into())?;
        Reflect::set(&options, &"secureTransport".into(), &if tls { "on" } else { "off" }.into())?;
        let raw = worker_sys::connect(address.into(), options.into())?;
        // From here on it is closed, whatever happens.
        let socket = Self { reader: reader_of(&raw.readable()?)?, writer: raw.writable()?.get_writer()?, raw };
        by.settle(socket.raw.opened()?).await?;
        Ok(socket)
    }

    /// Sends all of it.
    pub async fn write(&self, bytes: &[u8], by: &Deadline) -> Result<(), NoAnswer> {
        by.settle(self.writer.write_with_chunk(&Uint8Array::from(bytes))).await.map(drop)
    }

    /// What comes next; nothing when the other side has closed.
    pub async fn read(&self, by: &Deadline) -> Result<Vec<u8>, NoAnswer> {
        let next: Chunk = by.settle(self.reader.read()).await?.unchecked_into();
        Ok(if next.done() { Vec::new() } else { next.value()?.to_vec() })
    }
}

/// However the operation ends, by its deadline too: a WebSocket may keep the request alive for hours.
impl Drop for Socket {
    fn drop(&mut self) {
        // That it has closed need not be waited for.
        if let Ok(closing) = self.raw.close() {
            ignore(&closing);
        }
    }
}
