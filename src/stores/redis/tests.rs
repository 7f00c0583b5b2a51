//! Replies as servers give them, and as nobody should.

use super::*;
use ws_ticket_core::ticket::Ticket;

fn whole(bytes: &[u8]) -> Result<Option<Reply>, Malformed> {
    let read = first_reply(bytes)?;
    if let Some((_, length)) = &read {
        assert_eq!(*length, bytes.len(), "{bytes:?}");
    }
    Ok(read.map(|(reply, _)| reply))
}

fn server(fault: Fault) -> Reply {
    Reply::Refused(Cause::Server(fault))
}

#[test]
fn commands_are_arrays_of_bulk_strings() {
    let ticket = Ticket::parse("wst_r_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
    let (key, record) = (format!("wst:{}", ticket.digest()), "{\"a\":\"é\r\n\"}");
    let bytes = bytes_of(&[Command::set(&ticket.digest(), record, 300), Command::getdel(&ticket.digest())]);
    let set = format!("*6\r\n$3\r\nSET\r\n$68\r\n{key}\r\n$12\r\n{record}\r\n$2\r\nEX\r\n$3\r\n300\r\n$2\r\nNX\r\n");
    let getdel = format!("*2\r\n$6\r\nGETDEL\r\n$68\r\n{key}\r\n");
    assert_eq!(String::from_utf8(bytes).unwrap(), set + &getdel);
}

#[test]
fn replies_as_servers_give_them() {
    for (text, reply) in [
        ("+OK\r\n", Reply::Ok),
        ("$5\r\nhello\r\n", Reply::Value(b"hello".into())),
        ("$2\r\n\r\n\r\n", Reply::Value(b"\r\n".into())),
        ("$0\r\n\r\n", Reply::Value(Vec::new())),
        ("$-1\r\n", Reply::Null),
        ("_\r\n", Reply::Null),
        ("-ERR unknown command 'GETDEL', with args beginning with: 'wst:1' \r\n", Reply::UnknownCommand),
        ("-ERR unknown command `GETDEL`, with args beginning with: `wst:1`, \r\n", Reply::UnknownCommand),
        ("-ERR unknown command 'GETDEL'\r\n", Reply::UnknownCommand),
        ("-NOAUTH Authentication required.\r\n", server(Fault::NoAuth)),
        ("-WRONGPASS invalid username-password pair or user is disabled.\r\n", server(Fault::WrongPass)),
        ("-NOPERM this user has no permissions to run the 'getdel' command\r\n", server(Fault::NoPerm)),
        ("-LOADING Redis is loading the dataset in memory\r\n", server(Fault::Loading)),
        ("-READONLY You can't write against a read only replica.\r\n", server(Fault::ReadOnly)),
        ("-MOVED 3999 127.0.0.1:6381\r\n", server(Fault::Moved)),
        ("-WRONGTYPE Operation against a key holding the wrong kind of value\r\n", server(Fault::WrongType)),
        ("-NOREPLICAS Not enough good replicas to write.\r\n", server(Fault::NoReplicas)),
        ("-OOM command not allowed when used memory > 'maxmemory'.\r\n", Reply::Refused(Cause::Full { seconds: None })),
        ("-ERR max number of clients reached\r\n", Reply::Refused(Cause::LimitReached)),
        ("-\r\n", Reply::Refused(Cause::Failed)),
        // An error that only mentions another is not that other.
        ("-ERR Error running script: ERR unknown command\r\n", Reply::Refused(Cause::Failed)),
    ] {
        assert_eq!(whole(text.as_bytes()), Ok(Some(reply)), "{text:?}");
        for length in 0..text.len() {
            assert_eq!(whole(&text.as_bytes()[..length]), Ok(None), "{length} bytes of {text:?}");
        }
    }
}

#[test]
fn replies_as_nobody_should() {
    let deep = "*1\r\n".repeat(100_000);
    for text in [
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "<html>\r\n",
        "OK\r\n",
        "\r\n",
        "\0\0\0\0",
        "+ok\r\n",
        "+OK \r\n",
        "+PONG\r\n",
        "+QUEUED\r\n",
        ":1\r\n",
        "*-1\r\n",
        "*0\r\n",
        "*1\r\n$2\r\nhi\r\n",
        "*1000000000\r\n",
        "%1\r\n+a\r\n+b\r\n",
        ">2\r\n",
        "~1\r\n",
        ",1.5\r\n",
        "#t\r\n",
        "_x\r\n",
        "$-2\r\n",
        "$x\r\n",
        "$\r\n",
        "$ 2\r\nhi\r\n",
        "$2.0\r\nhi\r\n",
        "$99999999999999999999\r\n",
        "$2\r\nhiXX",
        "$2\r\nhi\n\n",
        "$1\r\nhi\r\n",
        &deep,
    ] {
        assert_eq!(first_reply(text.as_bytes()), Err(Malformed), "{text:.40?}");
    }
    assert_eq!(first_reply(b"-\xff\xfe\r\n"), Err(Malformed));
}

#[test]
fn tls_is_known_where_it_was_not_expected() {
    // An alert ("unexpected message"), and the beginning of a handshake.
    for tls in [b"\x15\x03\x01\x00\x02\x02\x0a".as_slice(), b"\x16\x03\x03\x00\x7a"] {
        assert_eq!(first_reply(tls), Err(Malformed));
        assert_eq!(Malformed::fault(tls), Fault::TlsExpected);
    }
    for noise in [b"\x15".as_slice(), b"\x17\x03\x03", b"HTTP/1.1 400", b"\x03\x15"] {
        assert_eq!(Malformed::fault(noise), Fault::Malformed);
    }
}

#[test]
fn a_reply_ends_where_it_says() {
    assert_eq!(first_reply(b"+OK\r\n$-1\r\n"), Ok(Some((Reply::Ok, 5))));
    // More than will ever come: that it isn't whole is all that can be said, and the connection has a bound.
    assert_eq!(first_reply(b"$2147483647\r\nabc"), Ok(None));
}

proptest::proptest! {
    /// Whatever a server sends, in whatever pieces, it is a reply, no reply yet, or an error; and what follows a reply changes
    /// nothing about it.
    #[test]
    fn no_bytes_make_it_panic(
        bytes in proptest::prop_oneof![
            proptest::collection::vec(proptest::num::u8::ANY, 0..100),
            proptest::strategy::Strategy::prop_map("[-+$:*_%#,(!=~>|]?[-0-9]{0,21}(\r\n)?[ -~]{0,30}(\r\n)?", String::into_bytes),
        ],
    ) {
        if let Ok(Some((reply, length))) = first_reply(&bytes) {
            proptest::prop_assert!(length <= bytes.len());
            let more = [bytes.get(..length).unwrap(), b"+OK\r\n"].concat();
            proptest::prop_assert_eq!(first_reply(&more), Ok(Some((reply, length))));
        }
    }
}
