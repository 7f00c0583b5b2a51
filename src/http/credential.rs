//! The one ticket of an upgrade: in the query, or beside `ws-ticket.v1` in `Sec-WebSocket-Protocol`.
//!
//! A browser's `WebSocket` can set nothing else of a handshake. Wherever `TICKET_CARRIAGE` allows tickets, all of them are
//! counted everywhere: a request with two is a mistake or a trick, and burns neither.

use super::problem::Problem;
use super::{Refusal, list};
use crate::config::{Carriage, is_token};
use ws_ticket_core::telemetry::Reason;
use ws_ticket_core::ticket::{Keyring, PREFIX, Ticket, Unreadable};

/// The subprotocol under which a ticket travels, and the answer where the app has none of its own.
pub const SUBPROTOCOL: &str = "ws-ticket.v1";
/// How many subprotocols an upgrade may offer. Browsers and libraries offer a handful.
const OFFERS_MAX: usize = 32;

/// What an upgrade presents.
#[derive(Debug)]
pub struct Credential {
    /// The ticket.
    pub ticket: Ticket,
    /// The app's own subprotocols, in their order.
    pub offers: Vec<String>,
    /// What the 101 says in `Sec-WebSocket-Protocol` where it names none of these. A browser fails a connection that offered and
    /// got no answer (RFC 6455 §4.1).
    pub otherwise: Option<&'static str>,
}

/// Reads them, given the query of the upgrade's URL and its `Sec-WebSocket-Protocol`.
pub fn read(
    query: &str,
    subprotocols: Option<&str>,
    carriage: Carriage,
    keyring: &Keyring,
) -> Result<Credential, Refusal> {
    let offers = subprotocols.map_or_else(|| Ok(Vec::new()), offers)?;
    let pairs = form_urlencoded::parse(query.as_bytes());
    let mut in_query = pairs.filter(|(name, _)| name == "ticket").map(|(_, value)| value);
    let mut in_offers = offers.iter().filter(|offer| is_ticket(offer));
    let (text, allowed) = match (in_query.next(), in_offers.next()) {
        (None, None) => return Err(Problem::TicketMissing.into()),
        (Some(_), Some(_)) => return Err(Problem::TicketRepeated.into()),
        (Some(text), None) => (text, carriage.query),
        (None, Some(text)) => ((*text).into(), carriage.subprotocol),
    };
    if in_query.next().is_some() || in_offers.next().is_some() {
        return Err(Problem::TicketRepeated.into());
    }
    if !allowed {
        return Err(Problem::CarriageRefused.into());
    }
    let ticket = keyring.read(&text).map_err(|why| match why {
        Unreadable::Malformed => Refusal::from(Problem::TicketMalformed),
        Unreadable::Forged => Refusal { reason: Reason::Forged, ..Problem::TicketRefused.into() },
    })?;
    let otherwise = offers.contains(&SUBPROTOCOL).then_some(SUBPROTOCOL);
    let own = offers.into_iter().filter(|offer| *offer != SUBPROTOCOL && !is_ticket(offer));
    Ok(Credential { ticket, offers: own.map(str::to_owned).collect(), otherwise })
}

/// The subprotocols that are offered: different tokens, and a ticket only beside the name of our own. None where the
/// header's list has nothing in it.
fn offers(header: &str) -> Result<Vec<&str>, Problem> {
    let offers: Vec<_> = list::elements(header).collect();
    let repeated = |(at, offer)| offers.iter().skip(usize::saturating_add(at, 1)).any(|later: &&str| *later == offer);
    let ticket = offers.iter().any(|offer| is_ticket(offer));
    // Of a ticket that is offered twice `read` says so (`ticket_repeated`), which is more than that an offer is repeated.
    let unlike_tickets = |(_, offer): &(usize, &str)| !is_ticket(offer);
    let good = offers.len() <= OFFERS_MAX
        && offers.iter().all(|offer| is_token(offer))
        && !offers.iter().copied().enumerate().filter(unlike_tickets).any(repeated)
        && (!ticket || offers.contains(&SUBPROTOCOL));
    if good { Ok(offers) } else { Err(Problem::SubprotocolInvalid) }
}

/// Whether an offer is a ticket, or has one in it: what an app wraps around a ticket must not come back either.
pub fn is_ticket(offer: &str) -> bool {
    offer.contains(PREFIX)
}

#[cfg(test)]
mod forged;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BOTH: Carriage = Carriage { query: true, subprotocol: true };

    fn good() -> String {
        format!("wst_k_{}", "A".repeat(43))
    }

    fn read_from(
        query: &str,
        subprotocols: Option<&str>,
        carriage: Carriage,
    ) -> Result<(String, Option<String>), &'static str> {
        let query = query.strip_prefix('?').unwrap_or(query);
        let credential = read(query, subprotocols, carriage, &Keyring::default()).map_err(|why| why.problem.code())?;
        let answer = credential.offers.into_iter().next().or(credential.otherwise.map(str::to_owned));
        Ok((credential.ticket.reveal().to_owned(), answer))
    }

    fn query(query: &str) -> Result<String, &'static str> {
        read_from(query, None, BOTH).map(|(ticket, _)| ticket)
    }

    fn offering(subprotocols: &str) -> Result<Option<String>, &'static str> {
        read_from("", Some(subprotocols), BOTH).map(|(ticket, answer)| {
            assert_eq!(ticket, good());
            answer
        })
    }

    #[test]
    fn the_query_has_exactly_one() {
        let good = good();
        assert_eq!(query(&format!("?ticket={good}")), Ok(good.clone()));
        assert_eq!(query(&format!("?a=1&ticket={good}&b")), Ok(good.clone()));
        assert_eq!(query(&format!("?t%69cket={}", good.replace("wst", "%77st"))), Ok(good.clone()));
        assert_eq!(query(""), Err("ticket_missing"));
        assert_eq!(query("?Ticket=x"), Err("ticket_missing"));
        assert_eq!(query("?ticket="), Err("ticket_malformed"));
        assert_eq!(query(&format!("?ticket={good}&ticket={good}")), Err("ticket_repeated"));
        assert_eq!(query(&format!("?ticket={good}&t%69cket=x")), Err("ticket_repeated"));
        assert_eq!(query(&format!("?ticket={good}%00")), Err("ticket_malformed"));
    }

    #[test]
    fn a_subprotocol_has_exactly_one_and_never_comes_back() {
        let good = good();
        let own = || Ok(Some(SUBPROTOCOL.to_owned()));
        let apps = || Ok(Some("chat.v2".to_owned()));
        assert_eq!(offering(&format!("ws-ticket.v1, {good}")), own());
        assert_eq!(offering(&format!("{good},ws-ticket.v1")), own());
        assert_eq!(offering(&format!("ws-ticket.v1,{good},chat.v2, chat.v1")), apps());
        assert_eq!(offering(&format!("chat.v2\t, \tws-ticket.v1 ,{good}")), apps());
        assert_eq!(offering(&format!("ws-ticket.v1, {good},")), own());
        assert_eq!(offering(&format!(",ws-ticket.v1,, {good}, ,chat.v2")), apps());
        assert_eq!(offering("ws-ticket.v1, chat.v2"), Err("ticket_missing"));
        for nothing in ["", ",", " ,\t,"] {
            assert_eq!(offering(nothing), Err("ticket_missing"), "{nothing}");
        }
        assert_eq!(offering("ws-ticket.v1, wst_"), Err("ticket_malformed"));
        assert_eq!(offering(&format!("ws-ticket.v1, bearer.{good}")), Err("ticket_malformed"));
        assert_eq!(offering(&format!("ws-ticket.v1, {good}, bearer.{good}")), Err("ticket_repeated"));
        assert_eq!(offering(&format!("ws-ticket.v1, {good}, {good}")), Err("ticket_repeated"));
        assert_eq!(offering(&format!("ws-ticket.v1, {good}, wst_x")), Err("ticket_repeated"));
        let long: Vec<_> = (0..OFFERS_MAX).map(|number| number.to_string()).collect();
        for bad in [
            good.clone(),
            format!("chat.v2, {good}"),
            format!("WS-TICKET.V1, {good}"),
            format!("ws-ticket.v1, ws-ticket.v1, {good}"),
            format!("ws-ticket.v1, {good}, chat.v2, chat.v2"),
            format!("ws-ticket.v1 {good}"),
            format!("ws-ticket.v1, {good}, a b"),
            format!("ws-ticket.v1, {good}, \"a\""),
            format!("ws-ticket.v1, {good}, é"),
            format!("ws-ticket.v1, {good}, {}", long.join(",")),
        ] {
            assert_eq!(offering(&bad), Err("subprotocol_invalid"), "{bad}");
        }
    }

    #[test]
    fn an_apps_subprotocols_go_with_a_ticket_in_the_query() {
        let query = format!("?ticket={}", good());
        let answer = |offers| read_from(&query, Some(offers), BOTH).map(|(_, answer)| answer);
        assert_eq!(answer("chat.v2, chat.v1"), Ok(Some("chat.v2".to_owned())));
        assert_eq!(answer("ws-ticket.v1, chat.v1"), Ok(Some("chat.v1".to_owned())));
        assert_eq!(answer("ws-ticket.v1"), Ok(Some(SUBPROTOCOL.to_owned())));
        assert_eq!(answer("chat.v2,"), Ok(Some("chat.v2".to_owned())));
        assert_eq!(answer(","), Ok(None));
        assert_eq!(answer(&format!("ws-ticket.v1, {}", good())), Err("ticket_repeated"));
        assert_eq!(read_from(&query, None, BOTH), Ok((good(), None)));
    }

    #[test]
    fn a_carriage_that_is_off_is_refused() {
        let (query, offers) = (format!("?ticket={}", good()), format!("ws-ticket.v1, {}", good()));
        let (in_query, in_offers) =
            (Carriage { query: true, subprotocol: false }, Carriage { query: false, subprotocol: true });
        assert!(read_from(&query, None, in_query).is_ok());
        assert!(read_from("", Some(&offers), in_offers).is_ok());
        assert_eq!(read_from(&query, None, in_offers).err(), Some("carriage_refused"));
        assert_eq!(read_from("", Some(&offers), in_query).err(), Some("carriage_refused"));
        for carriage in [in_query, in_offers, BOTH] {
            assert_eq!(read_from(&query, Some(&offers), carriage).err(), Some("ticket_repeated"));
        }
    }

    proptest! {
        /// Whatever comes, there is a ticket only where exactly one is in its form, and the secret never comes back.
        #[test]
        fn nothing_but_one_ticket_gets_through(
            query in prop_oneof!["(\\?([a-z]{0,3}|ticket)(=[A-Za-z0-9_%&=+-]{0,60}){0,3})?", "\\?ticket=wst_[a-z]{1,3}_[A-Za-z0-9_-]{43}(&ticket=x)?"],
            offers in proptest::option::of(prop_oneof![any::<String>(), "(ws-ticket.v1|[a-z]{1,3}|, ?|wst_k_[A-Z]{42}[AEI]){0,6}"]),
        ) {
            match read_from(&query, offers.as_deref(), BOTH) {
                Ok((ticket, answer)) => {
                    prop_assert!(Ticket::parse(&ticket).is_ok());
                    let answer = answer.unwrap_or_default();
                    prop_assert!(!answer.contains(PREFIX));
                    prop_assert!(answer.is_empty() || offers.unwrap().contains(&answer));
                }
                Err(code) => prop_assert!(["ticket_missing", "ticket_repeated", "ticket_malformed", "subprotocol_invalid"].contains(&code)),
            }
        }
    }

    #[test]
    fn a_forged_ticket_is_a_refused_one() {
        let query = format!("ticket={}", good());
        let refusal = read(&query, None, BOTH, &Keyring::new([b"key".as_slice()])).unwrap_err();
        assert_eq!((refusal.problem, refusal.reason), (Problem::TicketRefused, Reason::Forged));
    }
}
