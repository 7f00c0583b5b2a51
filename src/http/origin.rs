//! Whether a page of this origin may use the gate.
//!
//! Browsers send `Origin` with every WebSocket and every cross-site POST, and scripts can't set it. A request without one
//! comes from a program, which could send anything it likes, so it passes: the login and the ticket are what it needs.

use worker::{Headers, Result, Url};

use crate::problem::Problem;

/// The allowed origins, the gate's own included.
pub struct Origins<'a> {
    allowed: &'a [String],
    own: String,
}

impl<'a> Origins<'a> {
    /// `ALLOWED_ORIGINS`, and the origin of the request's own URL.
    pub fn new(allowed: &'a [String], url: &Url) -> Self {
        Self { allowed, own: url.origin().ascii_serialization() }
    }

    /// The request's origin, `None` where it has none. Compared byte for byte: two headers, which arrive joined by a
    /// comma, or another spelling match nothing.
    pub fn check(&self, headers: &Headers) -> Result<std::result::Result<Option<String>, Problem>> {
        let Some(origin) = headers.get("Origin")? else { return Ok(Ok(None)) };
        let known = origin == self.own || self.allowed.contains(&origin);
        Ok(if known { Ok(Some(origin)) } else { Err(Problem::OriginRefused) })
    }
}
