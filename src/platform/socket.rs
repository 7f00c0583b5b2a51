//! A TCP connection of the platform's (<https://developers.cloudflare.com/workers/runtime-apis/tcp-sockets/>), each step with a
//! deadline; closed when it is dropped.

use worker::js_sys::{Object, Reflect, Uint8Array};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::worker_sys;

use super::fetch::{Chunk, reader_of};
use super::race::{Deadline, NoAnswer, ignore};

/// The connection.
pub struct Socket {
    /// Held so that it is closed with the rest.
    _raw: Raw,
    reader: web_sys::ReadableStreamDefaultReader,
    writer: web_sys::WritableStreamDefaultWriter,
}

/// Why there is no connection.
#[derive(Debug)]
pub struct NotConnected {
    /// Whether there was one, and its TLS handshake was what failed.
    pub in_tls: bool,
    /// How.
    pub why: NoAnswer,
}

impl Socket {
    /// Connects, the TLS handshake included where there is to be one. TCP comes first and TLS after: asked for both at once the
    /// platform says the same of all that can go wrong.
    pub async fn connect(host: &str, port: u16, tls: bool, by: &Deadline) -> Result<Self, NotConnected> {
        let in_tcp = |why| NotConnected { in_tls: false, why };
        let in_tls = |why| NotConnected { in_tls: true, why };
        let mut raw = Raw::connect(host, port, tls).map_err(|error| in_tcp(error.into()))?;
        raw.opened(by).await.map_err(in_tcp)?;
        if tls {
            raw = raw.start_tls().map_err(|error| in_tls(error.into()))?;
            raw.opened(by).await.map_err(in_tls)?;
        }
        let (reader, writer) = raw.streams().map_err(|error| in_tcp(error.into()))?;
        Ok(Self { _raw: raw, reader, writer })
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

/// The platform's own functions: those of `worker` panic where the platform throws. None when TLS has taken the socket over.
struct Raw(Option<worker_sys::Socket>);

impl Raw {
    /// Begins to connect. A socket that is to speak TLS says nothing before [`Raw::start_tls`].
    fn connect(host: &str, port: u16, starts_tls: bool) -> Result<Self, JsValue> {
        let (address, options) = (Object::new(), Object::new());
        Reflect::set(&address, &"hostname".into(), &host.into())?;
        Reflect::set(&address, &"port".into(), &port.into())?;
        let transport = if starts_tls { "starttls" } else { "off" };
        Reflect::set(&options, &"secureTransport".into(), &transport.into())?;
        Ok(Self(Some(worker_sys::connect(address.into(), options.into())?)))
    }

    fn socket(&self) -> Result<&worker_sys::Socket, JsValue> {
        self.0.as_ref().ok_or(JsValue::UNDEFINED)
    }

    /// Waits until there is a connection, or until TLS has proved the server's name.
    async fn opened(&self, by: &Deadline) -> Result<(), NoAnswer> {
        by.settle(self.socket()?.opened()?).await.map(drop)
    }

    /// The same connection with TLS, whose handshake begins.
    fn start_tls(mut self) -> Result<Self, JsValue> {
        let secure = self.socket()?.start_tls()?;
        // The plain one is no longer ours to close.
        self.0 = None;
        Ok(Self(Some(secure)))
    }

    fn streams(&self) -> Result<(web_sys::ReadableStreamDefaultReader, web_sys::WritableStreamDefaultWriter), JsValue> {
        let socket = self.socket()?;
        Ok((reader_of(&socket.readable()?)?, socket.writable()?.get_writer()?))
    }
}

/// However the operation ends, by its deadline too: a WebSocket may keep the request alive for hours.
impl Drop for Raw {
    fn drop(&mut self) {
        // That it has closed need not be waited for.
        if let Some(Ok(closing)) = self.0.take().map(|socket| socket.close()) {
            ignore(&closing);
        }
    }
}
