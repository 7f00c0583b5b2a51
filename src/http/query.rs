//! The ticket in the query of the upgrade's URL.

use worker::Url;

use crate::problem::Problem;
use crate::ticket::Ticket;

/// The one ticket in the query. Other parameters are the app's own business.
pub fn ticket(url: &Url) -> Result<Ticket, Problem> {
    let mut tickets = url.query_pairs().filter(|(name, _)| name == "ticket");
    let (_, text) = tickets.next().ok_or(Problem::TicketMissing)?;
    if tickets.next().is_some() {
        return Err(Problem::TicketRepeated);
    }
    Ticket::parse(&text).map_err(|_| Problem::TicketMalformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<String, Problem> {
        let url = Url::parse(&format!("https://gate.example/ws{query}")).unwrap();
        ticket(&url).map(|ticket| ticket.reveal().to_owned())
    }

    #[test]
    fn there_must_be_exactly_one() {
        let good = format!("wst_k_{}", "A".repeat(43));
        assert_eq!(read(&format!("?ticket={good}")), Ok(good.clone()));
        assert_eq!(read(&format!("?a=1&ticket={good}&b")), Ok(good.clone()));
        assert_eq!(read(&format!("?t%69cket={}", good.replace("wst", "%77st"))), Ok(good.clone()));
        assert_eq!(read(""), Err(Problem::TicketMissing));
        assert_eq!(read("?Ticket=x"), Err(Problem::TicketMissing));
        assert_eq!(read("?ticket="), Err(Problem::TicketMalformed));
        assert_eq!(read(&format!("?ticket={good}&ticket={good}")), Err(Problem::TicketRepeated));
        assert_eq!(read(&format!("?ticket={good}&t%69cket=x")), Err(Problem::TicketRepeated));
        assert_eq!(read(&format!("?ticket={good}%00")), Err(Problem::TicketMalformed));
    }
}
