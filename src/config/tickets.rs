//! The settings about tickets: where they are carried, what binds them, how forged ones are told, and who gets too many.

use super::parse::Reader;
use super::{
    Bind, Carriage, ISSUE_LIMIT_BINDING, LimitSettings, OnLimiterFailure, REFUSAL_LIMIT_BINDING, Secret, Settings,
    TICKET_KEY_MIN,
};

impl<S: Settings> Reader<'_, S> {
    /// `TICKET_CARRIAGE`: one or both of two words.
    pub(super) fn carriage(&mut self) -> Carriage {
        let known = |word: &str| ["query", "subprotocol"].into_iter().find(|known| *known == word);
        let words = self.list("TICKET_CARRIAGE", "query, subprotocol, or both", known);
        let has = |word| words.as_ref().is_none_or(|words| words.contains(&word));
        Carriage { query: has("query"), subprotocol: has("subprotocol") }
    }

    /// `BIND`.
    pub(super) fn bind(&mut self) -> Bind {
        self.one_of("BIND", Bind::Origin, &[("origin", Bind::Origin), ("cookie", Bind::Cookie)])
    }

    /// `TICKET_KEY` and `TICKET_KEY_PREVIOUS`, in this order.
    pub(super) fn ticket_keys(&mut self) -> Vec<Secret> {
        let (current, previous) = (self.ticket_key("TICKET_KEY"), self.ticket_key("TICKET_KEY_PREVIOUS"));
        if current.is_none() && previous.is_some() {
            let expected = "set only together with TICKET_KEY";
            self.wrong("TICKET_KEY_PREVIOUS", "is set, and TICKET_KEY is not", expected);
        }
        // The two may be the same: secrets are set one after the other, and in between the old one is in both places.
        current.into_iter().chain(previous).collect()
    }

    fn ticket_key(&mut self, name: &'static str) -> Option<Secret> {
        let text = self.text(name)?;
        if text.len() < TICKET_KEY_MIN {
            self.wrong(name, "is too short", format!("a random secret of {TICKET_KEY_MIN} bytes or more"));
        }
        Some(Secret(text))
    }

    /// The limits that are bound, and `LIMITER_FAILURE`.
    pub(super) fn limits(&mut self) -> LimitSettings {
        let choices = [("refuse", OnLimiterFailure::Refuse), ("admit", OnLimiterFailure::Admit)];
        LimitSettings {
            issue: self.settings.is_bound(ISSUE_LIMIT_BINDING),
            refusal: self.settings.is_bound(REFUSAL_LIMIT_BINDING),
            on_failure: self.one_of("LIMITER_FAILURE", OnLimiterFailure::Refuse, &choices),
        }
    }
}
