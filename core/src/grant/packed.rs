//! A grant in few bytes, for tickets that carry it in themselves.
//!
//! A row of members, each a tag (1 byte), the length of the value (a varint) and the value; tags ascend. A zero ends it, and only zeros
//! may follow. A later version may add members: a reader ignores an *odd* tag that it doesn't know, and of an *even* one, a
//! restriction above all, it says that it doesn't understand the grant. That is what `must` is for a record in JSON.
//!
//! Varints are LEB128: seven bits a byte, the least first, the eighth set on all but the last
//! (<https://protobuf.dev/programming-guides/encoding/#varints>).

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Claims, Grant, Unreadable};
use crate::time::Millis;

// A tag is never given to another member. Those of the first version are even: each of them matters.
const TICKET_ID: u8 = 2;
const SUBJECT: u8 = 4;
const ROOM: u8 = 6;
/// JSON.
const CLAIMS: u8 = 8;
const ORIGIN: u8 = 10;
/// The digest's 32 bytes.
const BOND: u8 = 12;
/// Milliseconds, as a varint.
const ISSUED_AT: u8 = 14;
/// By how many milliseconds it expires after it was issued, as a varint.
const LIFE: u8 = 16;
/// As text: `3weur`.
const SHARD: u8 = 18;
/// By how many milliseconds after the ticket was issued its session ends, as a varint. Odd: a version that doesn't know it ends no
/// session at all.
const SESSION: u8 = 19;

impl Grant {
    /// As sealed tickets carry it.
    pub fn pack(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut packed = Vec::with_capacity(256);
        let mut write = |tag: u8, value: &[u8]| {
            packed.push(tag);
            write_varint(&mut packed, u64::try_from(value.len()).unwrap_or(u64::MAX));
            packed.extend(value);
        };
        write(TICKET_ID, self.ticket_id.uuid().as_bytes());
        write(SUBJECT, self.subject.as_str().as_bytes());
        if let Some(room) = &self.room {
            write(ROOM, room.as_str().as_bytes());
        }
        if !self.claims.is_empty() {
            write(CLAIMS, &serde_json::to_vec(&self.claims)?);
        }
        if let Some(origin) = &self.origin {
            write(ORIGIN, origin.as_bytes());
        }
        if let Some(bond) = &self.bond {
            write(BOND, bond.bytes());
        }
        write(ISSUED_AT, &varint(self.issued_at.0));
        write(LIFE, &varint(self.expires_at.since(self.issued_at)));
        if let Some(shard) = &self.shard {
            write(SHARD, shard.to_string().as_bytes());
        }
        if let Some(end) = self.session_ends_at {
            write(SESSION, &varint(end.since(self.issued_at)));
        }
        packed.push(0);
        Ok(packed)
    }

    /// As it is read out of a ticket that was opened.
    pub fn unpack(packed: &[u8]) -> Result<Self, Unreadable> {
        let members = Members::read(packed).ok_or(Unreadable::Corrupt)?;
        let ticket_id = members.get(TICKET_ID).and_then(|id| Uuid::from_slice(id).ok()).map(Into::into);
        if members.0.iter().any(|(tag, _)| tag % 2 == 0 && *tag > SHARD) {
            return Err(Unreadable::Newer(ticket_id));
        }
        let grant = || {
            let issued_at = read_varint_only(members.get(ISSUED_AT)?)?;
            let later = |by: &[u8]| Millis::try_from(issued_at.checked_add(read_varint_only(by)?)?).ok();
            Some(Self {
                ticket_id: ticket_id?,
                subject: members.text(SUBJECT)??.try_into().ok()?,
                room: members.text(ROOM)?.map(TryInto::try_into).transpose().ok()?,
                claims: members.claims()?,
                origin: members.text(ORIGIN)?,
                bond: members.get(BOND).map(|bond| <[u8; 32]>::try_from(bond).map(Into::into)).transpose().ok()?,
                issued_at: Millis::try_from(issued_at).ok()?,
                expires_at: later(members.get(LIFE)?)?,
                shard: members.text(SHARD)?.map(|shard| shard.parse()).transpose().ok()?,
                session_ends_at: match members.get(SESSION) {
                    Some(by) => Some(later(by)?),
                    None => None,
                },
            })
        };
        grant().ok_or(Unreadable::Corrupt)
    }
}

/// The members by their tags, in order.
struct Members<'a>(Vec<(u8, &'a [u8])>);

impl<'a> Members<'a> {
    fn read(mut rest: &'a [u8]) -> Option<Self> {
        let mut members: Vec<(u8, &[u8])> = Vec::new();
        loop {
            let (tag, after) = rest.split_first()?;
            if *tag == 0 {
                return after.iter().all(|byte| *byte == 0).then_some(Self(members));
            }
            if members.last().is_some_and(|(before, _)| before >= tag) {
                return None;
            }
            let (len, after) = read_varint(after)?;
            let (value, after) = after.split_at_checked(usize::try_from(len).ok()?)?;
            members.push((*tag, value));
            rest = after;
        }
    }

    fn get(&self, tag: u8) -> Option<&'a [u8]> {
        self.0.iter().find(|(member, _)| *member == tag).map(|(_, value)| *value)
    }

    /// The member as text, if it is there; `None` where it is and can't be read.
    fn text(&self, tag: u8) -> Option<Option<String>> {
        let Some(value) = self.get(tag) else { return Some(None) };
        std::str::from_utf8(value).ok().map(|text| Some(text.to_owned()))
    }

    fn claims(&self) -> Option<Claims> {
        let Some(json) = self.get(CLAIMS) else { return Some(Claims::default()) };
        serde_json::from_slice::<Map<String, Value>>(json).ok()?.try_into().ok()
    }
}

fn varint(number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_varint(&mut bytes, number);
    bytes
}

fn write_varint(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            return bytes.push(low & 0x7f);
        }
        bytes.push(low | 0x80);
    }
}

/// The number, and what is behind it.
fn read_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number: u64 = 0;
    for (at, byte) in bytes.iter().enumerate().take(9) {
        let shift = u32::try_from(at).ok()?.checked_mul(7)?;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some((number, bytes.get(at.checked_add(1)?..)?));
        }
    }
    None
}

fn read_varint_only(bytes: &[u8]) -> Option<u64> {
    read_varint(bytes).filter(|(_, rest)| rest.is_empty()).map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::super::{CLAIMS_BYTES_MAX, tests::grant};
    use super::*;
    use crate::region::Shard;
    use proptest::prelude::*;

    /// The grant of the tests without all that may be missing.
    fn bare() -> Grant {
        let grant = Grant { session_ends_at: None, ..grant() };
        Grant { room: None, claims: Claims::default(), origin: None, bond: None, shard: None, ..grant }
    }

    fn pack(grant: &Grant) -> Vec<u8> {
        grant.pack().unwrap()
    }

    /// What is packed, with this member more.
    fn with(tag: u8, value: &[u8]) -> Vec<u8> {
        let mut packed = pack(&grant());
        packed.pop();
        packed.extend([tag, u8::try_from(value.len()).unwrap()]);
        packed.extend(value);
        packed.push(0);
        packed
    }

    #[test]
    fn a_grant_reads_back_as_it_was() {
        let shard = Some(Shard { number: 255, region: Some(crate::region::Region::Weur) });
        for grant in [grant(), bare(), Grant { shard, ..bare() }] {
            let packed = pack(&grant);
            assert_eq!(Grant::unpack(&packed), Ok(grant.clone()));
            assert_eq!(Grant::unpack(&[&packed[..], &[0; 31]].concat()), Ok(grant));
        }
    }

    /// Tickets in flight outlive a deploy, so these bytes stay.
    #[test]
    fn the_bytes_stay_what_they_are() {
        let id = Uuid::from_u128(1);
        let grant = Grant { ticket_id: id.into(), issued_at: Millis(1000), expires_at: Millis(301_001), ..bare() };
        let head = [&[TICKET_ID, 16], &id.as_bytes()[..], b"\x04\x05alice"].concat();
        // 1000 and 300001 as varints.
        let tail = b"\x0e\x02\xe8\x07\x10\x03\xe1\xa7\x12\x00";
        assert_eq!(pack(&grant), [&head[..], tail].concat());
    }

    #[test]
    fn an_ordinary_grant_fits_into_a_sealed_ticket() {
        let text = |len| "x".repeat(len);
        let claims =
            serde_json::from_str::<Map<_, _>>(r#"{"name":"Alice Example","role":["admin","editor"]}"#).unwrap();
        let grant = Grant {
            subject: text(36).try_into().unwrap(),
            room: Some(text(36).try_into().unwrap()),
            claims: claims.try_into().unwrap(),
            origin: Some("https://application.example.com".to_owned()),
            ..grant()
        };
        assert!(grant.bond.is_some());
        assert!(pack(&grant).len() <= 320, "{}", pack(&grant).len());
    }

    #[test]
    fn the_largest_grant_is_packed_too() {
        let claims = Map::from_iter([("a".to_owned(), "x".repeat(CLAIMS_BYTES_MAX - 8).into())]);
        let grant = Grant { claims: claims.try_into().unwrap(), ..grant() };
        assert_eq!(Grant::unpack(&pack(&grant)), Ok(grant));
    }

    #[test]
    fn of_a_later_version_what_is_odd_is_ignored_and_what_is_even_is_told() {
        assert_eq!(Grant::unpack(&with(23, b"mood")).unwrap().subject, grant().subject);
        assert_eq!(Grant::unpack(&with(255, b"")).unwrap().subject, grant().subject);
        for tag in [24, 254] {
            match Grant::unpack(&with(tag, b"mondays")) {
                Err(Unreadable::Newer(Some(_))) => {}
                other => panic!("{tag}: {other:?}"),
            }
        }
        assert_eq!(Grant::unpack(&[20, 0, 0]), Err(Unreadable::Newer(None)));
    }

    #[test]
    fn what_nobody_packs_is_corrupt() {
        let packed = pack(&grant());
        let (_, without_end) = packed.split_last().unwrap();
        for bad in [
            Vec::new(),
            vec![0],
            without_end.to_vec(),
            // Not only zeros behind the end.
            [&packed[..], &[0, 1]].concat(),
            // A member twice, or out of order.
            with(SHARD, b"3weur"),
            with(ROOM, b"room"),
            // Longer than all there is.
            [&packed[..packed.len() - 1], &[19, 0xff, 0xff, 0xff, 0xff, 0x0f, 0]].concat(),
            [&packed[..packed.len() - 1], &[19, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]].concat(),
        ] {
            assert_eq!(Grant::unpack(&bad), Err(Unreadable::Corrupt), "{bad:?}");
        }
        for (from, to) in
            [(&b"alice"[..], &b"al\0ce"[..]), (b"alice", b"al\xffce"), (b"{\"", b"[\""), (b"weur", b"wxyz")]
        {
            let at = packed.windows(from.len()).position(|bytes| bytes == from).unwrap();
            let mut edited = packed.clone();
            edited[at..at + to.len()].copy_from_slice(to);
            assert_eq!(Grant::unpack(&edited), Err(Unreadable::Corrupt), "{to:?}");
        }
    }

    proptest! {
        #[test]
        fn numbers_read_back(number: u64) {
            prop_assert_eq!(read_varint_only(&varint(number >> 1)), Some(number >> 1));
        }

        #[test]
        fn no_bytes_make_it_panic(start: proptest::sample::Index, bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let packed = pack(&grant());
            let kept = start.index(packed.len());
            let _ = Grant::unpack(&[&packed[..kept], &bytes].concat());
            let _ = Grant::unpack(&bytes);
        }
    }
}
