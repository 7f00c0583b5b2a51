//! RESP, the language of Redis (<https://redis.io/docs/latest/develop/reference/protocol-spec/>): commands to bytes, bytes to
//! the few replies that our commands can get. The codec is `redis-protocol`'s; what it lets pass is refused here.

use redis_protocol::resp2::decode::decode;
use redis_protocol::resp2::encode::encode;
use redis_protocol::resp2::types::{OwnedFrame, Resp2Frame};

use super::command::Command;
use super::refusal::cause_of;
use ws_ticket_core::store::{Cause, Fault};

/// RESP3's null, which the codec of RESP2 doesn't know.
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

/// The commands' bytes, one after the other.
pub fn bytes_of(commands: &[Command]) -> Result<Vec<u8>, Malformed> {
    let mut all = Vec::new();
    for command in commands {
        let words = command.words().iter().map(|word| OwnedFrame::BulkString(word.clone().into_bytes()));
        let frame = OwnedFrame::Array(words.collect());
        let mut bytes = vec![0; frame.encode_len(false)];
        encode(&mut bytes, &frame, false).map_err(|_| Malformed)?;
        all.append(&mut bytes);
    }
    Ok(all)
}

/// The first reply and how many bytes it has; `None` while it isn't whole.
pub fn first_reply(bytes: &[u8]) -> Result<Option<(Reply, usize)>, Malformed> {
    // Nothing yet, or the beginning of a null.
    if NULL.starts_with(bytes) {
        return Ok((bytes == NULL).then_some((Reply::Null, NULL.len())));
    }
    if !matches!(bytes.first(), Some(b'+' | b'-' | b'$')) {
        // No array ever gets to the codec: it reads nested ones by recursion, as deep as they like.
        return Err(Malformed);
    }
    let Some((frame, length)) = decode(bytes).map_err(|_| Malformed)? else { return Ok(None) };
    // The codec takes any two bytes for the end of a value.
    if !bytes.get(..length).is_some_and(|reply| reply.ends_with(b"\r\n")) {
        return Err(Malformed);
    }
    let reply = match frame {
        OwnedFrame::SimpleString(text) if text == b"OK" => Reply::Ok,
        OwnedFrame::BulkString(value) => Reply::Value(value),
        OwnedFrame::Null => Reply::Null,
        OwnedFrame::Error(text) => match cause_of(&text) {
            Cause::Server(Fault::UnknownCommand) => Reply::UnknownCommand,
            cause => Reply::Refused(cause),
        },
        _ => return Err(Malformed),
    };
    Ok(Some((reply, length)))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
