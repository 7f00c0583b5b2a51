//! A socket before it is a connection: opened, and where it has to be, turned into one with TLS.
//!
//! By the platform's own functions, since `worker::Socket::start_tls` panics where the platform throws.

use futures_util::FutureExt;
use worker::js_sys::{JsString, Number, Object, Reflect};
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen_futures::JsFuture;
use worker::{Socket, worker_sys};

use crate::config::RedisSettings;

/// The socket, until somebody takes it. One that nobody took is closed: an opening that was given up at its deadline above all.
pub struct Raw(Option<worker_sys::Socket>);

impl Drop for Raw {
    fn drop(&mut self) {
        if let Some(Ok(closed)) = self.0.take().map(|socket| socket.close()) {
            // Polled once, so that what becomes of it is heard of; it need not be waited for.
            let _ = JsFuture::from(closed).now_or_never();
        }
    }
}

impl Raw {
    /// Begins to connect. A socket that is to speak TLS says nothing before [`Raw::start_tls`].
    pub fn connect(settings: &RedisSettings) -> Result<Self, JsValue> {
        // The platform puts host and port together with a colon.
        let host = if settings.host.contains(':') { format!("[{}]", settings.host) } else { settings.host.clone() };
        let (address, options) = (Object::new(), Object::new());
        Reflect::set(&address, &"hostname".into(), &JsString::from(host))?;
        Reflect::set(&address, &"port".into(), &Number::from(settings.port))?;
        let transport = if settings.tls { "starttls" } else { "off" };
        Reflect::set(&options, &"secureTransport".into(), &JsString::from(transport))?;
        Ok(Self(Some(worker_sys::connect(address.into(), options.into())?)))
    }

    /// Waits until there is a connection, or until TLS has proved the server's name.
    pub async fn opened(&self) -> Result<(), JsValue> {
        let socket = self.0.as_ref().ok_or(JsValue::UNDEFINED)?;
        JsFuture::from(socket.opened()?).await.map(|_| ())
    }

    /// The same connection with TLS, whose handshake begins.
    pub fn start_tls(mut self) -> Result<Self, JsValue> {
        let secure = self.0.as_ref().ok_or(JsValue::UNDEFINED)?.start_tls()?;
        // The plain one is no longer ours to close.
        self.0 = None;
        Ok(Self(Some(secure)))
    }

    /// As what reads and writes. It is closed by whoever takes it.
    pub fn into_socket(mut self) -> Option<Socket> {
        self.0.take().map(Socket::from)
    }
}
