//! RESP, the language of Redis (<https://redis.io/docs/latest/develop/reference/protocol-spec/>): commands to bytes, bytes to
//! the few replies that our commands can get. All else is no reply: a crate for the whole of RESP reads numbers, arrays in arrays and
//! values with other ends, which then had to be refused here (`redis-protocol`, for 6.5 KB of gzipped wasm).

use super::command::Command;
use super::refusal::cause_of;
use ws_ticket_core::store::{Cause, Fault};

/// What ends a line, and a value.
const END: &[u8] = b"\r\n";
/// RESP3's null.
const NULL: &[u8] = b"_\r\n";

/// A reply. What an error says stays here: it can repeat a command's arguments.
#[derive(Debug, PartialEq, Eq)]
pub enum Reply {
    /// `+OK`.
    Ok,
    /// A value.
    Value(Vec<u8>),
    /// No value.
    Null,
    /// The server doesn't know the command, so it did nothing.
    UnknownCommand,
    /// Any other error.
    Refused(Cause),
}

impl Reply {
    /// Why a reply that is none of those that were hoped for is no answer.
    pub fn cause(&self) -> Cause {
        match self {
            Self::Refused(cause) => *cause,
            Self::UnknownCommand => Cause::Server(Fault::UnknownCommand),
            Self::Ok | Self::Value(_) | Self::Null => Cause::Failed,
        }
    }
}

/// Bytes that are not RESP, or a reply that none of our commands can get.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

impl Malformed {
    /// What they are instead, as far as can be told.
    pub fn fault(bytes: &[u8]) -> Fault {
        // A TLS record: an alert or a handshake message, of TLS 1.x (https://www.rfc-editor.org/rfc/rfc8446#section-5.1).
        if matches!(bytes, [0x15 | 0x16, 3, ..]) { Fault::TlsExpected } else { Fault::Malformed }
    }
}

/// The commands' bytes, one after the other: arrays of bulk strings.
pub fn bytes_of(commands: &[Command]) -> Vec<u8> {
    let mut all = Vec::new();
    for words in commands.iter().map(Command::words) {
        all.extend(format!("*{}\r\n", words.len()).into_bytes());
        for word in words {
            all.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
        }
    }
    all
}

/// The first reply and how many bytes it has; `None` while it isn't whole.
pub fn first_reply(bytes: &[u8]) -> Result<Option<(Reply, usize)>, Malformed> {
    // Nothing yet, or the beginning of a null.
    if NULL.starts_with(bytes) {
        return Ok((bytes == NULL).then_some((Reply::Null, NULL.len())));
    }
    let Some((kind @ (b'+' | b'-' | b'$'), rest)) = bytes.split_first() else { return Err(Malformed) };
    let Some(end) = rest.windows(END.len()).position(|bytes| bytes == END) else { return Ok(None) };
    let (line, rest) = rest.split_at_checked(end).ok_or(Malformed)?;
    let line = std::str::from_utf8(line).map_err(|_| Malformed)?;
    let rest = rest.get(END.len()..).ok_or(Malformed)?;
    let reply = match (kind, line) {
        (b'+', "OK") => Reply::Ok,
        (b'-', text) => match cause_of(text) {
            Cause::Server(Fault::UnknownCommand) => Reply::UnknownCommand,
            cause => Reply::Refused(cause),
        },
        (b'$', "-1") => Reply::Null,
        (b'$', length) => {
            let Some(value) = value(length, rest)? else { return Ok(None) };
            let all = bytes.len().saturating_sub(rest.len()).saturating_add(value.len()).saturating_add(END.len());
            return Ok(Some((Reply::Value(value.to_vec()), all)));
        }
        _ => return Err(Malformed),
    };
    Ok(Some((reply, bytes.len().saturating_sub(rest.len()))))
}

/// The value of so many bytes that stands at the beginning; `None` while it isn't whole.
fn value<'a>(length: &str, rest: &'a [u8]) -> Result<Option<&'a [u8]>, Malformed> {
    // `parse` would take a sign.
    let digits = length.bytes().all(|byte| byte.is_ascii_digit());
    let length: u32 = length.parse().ok().filter(|_| digits).ok_or(Malformed)?;
    let Some((value, rest)) = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length)) else {
        return Ok(None);
    };
    match rest.get(..END.len()) {
        Some(END) => Ok(Some(value)),
        Some(_) => Err(Malformed),
        None => Ok(None),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
