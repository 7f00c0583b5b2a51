//! Ninety-five thousand tickets that nobody issued, forged or malformed, by both carriages: where there is a key, no ticket comes of
//! any of them. A store is asked with a [`Ticket`], so none of them costs a store call. `tests/forged.test.js` sends some thousands of
//! the same kinds through workerd, and counts the calls. `FORGED_SEED` makes other ones.

#![allow(clippy::arithmetic_side_effects, clippy::string_slice)]

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

use super::*;
use ws_ticket_core::ticket::Home;

const COUNT: u32 = 95_000;
const KEY: &[u8] = b"a-ticket-key-of-thirty-two-bytes";
const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// What the last character of 256 bits can be, and of 128: the bits that are left over are zero.
const LAST_OF_SECRET: &str = "AEIMQUYcgkosw048";
const LAST_OF_CHECK: &str = "AQgw";
const CHECK_LEN: usize = 22;

/// Chance from a seed (SplitMix64), so that what happened can be had again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % n as u64).unwrap()
    }

    fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }

    fn sign(&mut self, of: &str) -> char {
        char::from(of.as_bytes()[self.below(of.len())])
    }

    fn text(&mut self, length: usize) -> String {
        (0..length).map(|_| self.sign(ALPHABET)).collect()
    }

    /// In a ticket's form, of a home that there may be.
    fn unknown(&mut self) -> String {
        let home = self.pick(&["m", "k", "d1", "zz9"]);
        format!("wst_{home}_{}{}", self.text(42), self.sign(LAST_OF_SECRET))
    }

    fn check(&mut self) -> String {
        format!("{}{}", self.text(CHECK_LEN - 1), self.sign(LAST_OF_CHECK))
    }

    /// One character of the secret or the check is another; the form stays.
    fn altered(&mut self, issued: &str) -> String {
        let back = 1 + self.below(43 + CHECK_LEN);
        let at = issued.len() - back;
        let of = match back {
            1 => LAST_OF_CHECK,
            back if back == CHECK_LEN + 1 => LAST_OF_SECRET,
            _ => ALPHABET,
        };
        let others = of.replace(&issued[at..=at], "");
        format!("{}{}{}", &issued[..at], self.sign(&others), &issued[at + 1..])
    }

    /// Some characters exchanged, doubled or taken away.
    fn bent(&mut self, text: &str) -> String {
        let mut signs: Vec<char> = text.chars().collect();
        for _ in 0..=self.below(3) {
            let at = self.below(signs.len() + 1);
            let end = signs.len().min(at + self.below(3));
            let other = self.pick(&["", "%", "%00", "&", "=", "_", "+", "%F0%9F%A6%8A", "ticket="]);
            signs.splice(at..end, other.chars());
        }
        signs.into_iter().collect()
    }

    /// Near to a ticket, as it stands in a query.
    fn malformed(&mut self) -> String {
        let ticket = self.unknown();
        let (home, secret) = ticket.strip_prefix("wst_").unwrap().split_once('_').unwrap();
        let spare = ALPHABET.find(&secret[42..]).unwrap() + 1;
        let all = [
            format!("wsx_{home}_{secret}"),
            format!("WST_{home}_{secret}"),
            format!("{home}_{secret}"),
            format!("wst__{secret}"),
            format!("wst_{}_{secret}", home.to_uppercase().replace('1', "L").replace('9', "N")),
            format!("wst_{home}-_{secret}"),
            format!("wst_{home}_"),
            ticket[..ticket.len() - 1].to_owned(),
            format!("{ticket}A"),
            format!("{ticket}="),
            format!("wst_{home}_+{}", &secret[1..]),
            format!("wst_{home}_%2B{}", &secret[1..]),
            format!("wst_{home}_%2F{}", &secret[1..]),
            format!("{}{}", &ticket[..ticket.len() - 1], &ALPHABET[spare..=spare]),
            format!("%20{ticket}"),
            format!("{ticket}%20"),
            format!("{ticket}%0A"),
            format!("{ticket}%00"),
            format!("wst_{home}_%C3%A9{}", &secret[2..]),
            format!("wst_{home}_%C0%AF{}", &secret[1..]),
            format!("wst_{home}_%ZZ{}", &secret[1..]),
            format!("{ticket}{ticket}"),
            format!("wst_{home}_{}", "A".repeat(10_000)),
            "%3Cscript%3Ealert(1)%3C/script%3E".to_owned(),
        ];
        all[self.below(all.len())].clone()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Forged,
    Malformed,
    /// Whatever the chance has made of it, but no ticket.
    Either,
}

/// A text that is no ticket, as it stands in a query, and how it must be refused.
fn no_ticket(dice: &mut Dice, issued: &[String]) -> (String, Expected) {
    let one = issued[dice.below(issued.len())].clone();
    match dice.below(12) {
        0 => (dice.unknown() + &dice.check(), Expected::Forged),
        1 => {
            let key = dice.text(32);
            let ticket = Ticket::parse(&dice.unknown()).unwrap();
            (Keyring::new([key.as_bytes()]).text(&ticket), Expected::Forged)
        }
        2 => (dice.unknown(), Expected::Forged),
        3 => (dice.altered(&one), Expected::Forged),
        4 => (one[..one.len() - CHECK_LEN].to_owned(), Expected::Forged),
        5 => (one.replacen("wst_m_", &format!("wst_{}_", dice.pick(&["k", "d1", "d2x", "zz9"])), 1), Expected::Forged),
        6 => (one[..one.len() - 1 - dice.below(20)].to_owned(), Expected::Malformed),
        7 => {
            let more = 1 + dice.below(80);
            (one + &dice.text(more), Expected::Malformed)
        }
        8 => (dice.malformed(), Expected::Malformed),
        9 => {
            let text = dice.unknown() + &dice.check();
            (dice.bent(&text), Expected::Either)
        }
        10 => {
            let bytes: Vec<u8> = (0..dice.below(200)).map(|_| u8::try_from(dice.below(256)).unwrap()).collect();
            (percent_encode(&bytes, NON_ALPHANUMERIC).to_string(), Expected::Malformed)
        }
        _ => {
            let length = 1 + dice.below(30);
            (format!("wst_{}", dice.text(length)), Expected::Malformed)
        }
    }
}

#[test]
fn no_ticket_comes_of_what_nobody_issued() {
    let seed = std::env::var("FORGED_SEED").map_or(1, |seed| seed.parse().unwrap());
    let mut dice = Dice(seed);
    let both = Carriage { query: true, subprotocol: true };
    let rings = [Keyring::new([KEY]), Keyring::new([b"the key of tomorrow".as_slice(), KEY])];
    let issued: Vec<_> = (0..20).map(|_| rings[0].text(&Ticket::mint(Home::parse("m").unwrap()).unwrap())).collect();
    let (mut forged, mut malformed) = (0, 0);
    for number in 0..COUNT {
        let (text, expected) = no_ticket(&mut dice, &issued);
        let as_it_is = text.starts_with(PREFIX) && text.chars().all(|sign| ALPHABET.contains(sign));
        let (query, offers) = if as_it_is && dice.below(2) == 0 {
            let offers = match dice.below(3) {
                0 => format!("{SUBPROTOCOL}, {text}"),
                1 => format!("{text}, {SUBPROTOCOL}"),
                _ => format!("chat, {SUBPROTOCOL},{text}"),
            };
            (String::new(), Some(offers))
        } else {
            (format!("?ticket={text}"), None)
        };
        let query = query.strip_prefix('?').unwrap_or(query.as_ref());
        let ring = &rings[dice.below(rings.len())];
        let what = format!("number {number} of seed {seed}: {text} {offers:?}");
        let Err(refusal) = read(query, offers.as_deref(), both, ring) else { panic!("a ticket: {what}") };
        let found = match (refusal.problem, refusal.reason) {
            (Problem::TicketRefused, Reason::Forged) => Expected::Forged,
            (Problem::TicketMalformed, _) => Expected::Malformed,
            // `&ticket=` in the middle of a bent text.
            (Problem::TicketRepeated | Problem::TicketMissing, _) if expected == Expected::Either => {
                Expected::Malformed
            }
            (problem, _) => panic!("{problem:?}: {what}"),
        };
        assert!(expected == Expected::Either || found == expected, "{found:?}: {what}");
        if found == Expected::Forged { forged += 1 } else { malformed += 1 }
    }
    assert!(forged > COUNT / 3 && malformed > COUNT / 3, "{forged} forged, {malformed} malformed");
    // And none of that is because nothing is a ticket.
    for text in &issued {
        let query = format!("ticket={text}");
        assert!(rings.iter().all(|ring| read(&query, None, both, ring).is_ok()), "an issued ticket is refused");
    }
    println!("refused inputs: {COUNT}");
}
