//! The settings about tickets: where they are carried, what binds them, how forged ones are told, and who gets too many.

use super::parse::Reader;
use super::secret_key::{self, SecretKey};
use super::tokens::Keys;
use super::{
    Bind, Carriage, CheckKey, Environment, ISSUE_LIMIT_BINDING, IdentityChoice, Leaf, LimitSettings, OWN_KEY_MIN,
    OnLimiterFailure, PUBLIC_JWT_SECRET, REFUSAL_LIMIT_BINDING, Secret, Settings, Stores, TicketCheck,
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

    /// `TICKET_CHECK`, and the keys: `TICKET_KEY`, those that are derived from the login's secrets, `TICKET_KEY_PREVIOUS`, in this
    /// order. The derived ones verify also where there is a `TICKET_KEY`, so that it can be set with tickets in flight.
    pub(super) fn ticket_check(&mut self, environment: Environment, identity: &IdentityChoice) -> TicketCheck {
        let optional = self.one_of("TICKET_CHECK", false, &[("required", false), ("optional", true)]);
        let mut own = |name| self.own_key(name, environment);
        let (current, previous) = (own("TICKET_KEY"), own("TICKET_KEY_PREVIOUS"));
        let derived = self.login_secrets(identity);
        if current.is_none() && derived.is_empty() && previous.is_some() {
            let expected = "set only together with TICKET_KEY, or where a key is derived from JWT_SECRET";
            self.wrong("TICKET_KEY_PREVIOUS", "is set, and TICKET_KEY is not", expected);
        }
        // Several may be the same: secrets are set one after the other, and in between the old one is in both places.
        let mut keys: Vec<_> = current.into_iter().map(CheckKey::Own).collect();
        keys.extend(derived.into_iter().map(CheckKey::DerivedFrom));
        keys.extend(previous.map(CheckKey::Own));
        TicketCheck { keys, optional }
    }

    /// The secrets that keys are derived from: `JWT_SECRET` and `JWT_SECRET_PREVIOUS`. Where logins are known otherwise, nobody
    /// has looked at them, so only what would be good enough for a `TICKET_KEY` counts.
    fn login_secrets(&mut self, identity: &IdentityChoice) -> Vec<SecretKey> {
        if let IdentityChoice::Jwt(tokens) = identity {
            return match &tokens.keys {
                Keys::Secrets(secrets) => secrets.clone(),
                _ => Vec::new(),
            };
        }
        let mut secret = |name| {
            let key = self.text(name).and_then(|text| secret_key::read(&text).ok());
            let is_good =
                |key: &SecretKey| key.reveal().len() >= OWN_KEY_MIN && key.reveal() != PUBLIC_JWT_SECRET.as_bytes();
            key.filter(is_good)
        };
        let Some(current) = secret("JWT_SECRET") else { return Vec::new() };
        [Some(current), secret("JWT_SECRET_PREVIOUS")].into_iter().flatten().collect()
    }

    /// `REDEEM_SECRET` and `REDEEM_SECRET_PREVIOUS`: any of them will do.
    pub(super) fn redeem_secrets(&mut self, environment: Environment) -> Vec<Secret> {
        let (names, problem) = (["REDEEM_SECRET", "REDEEM_SECRET_PREVIOUS"], "is set, and REDEEM_SECRET is not");
        self.either(names, problem, "set only together with REDEEM_SECRET", environment)
    }

    /// `ADMIN_TOKEN` and `ADMIN_TOKEN_PREVIOUS`, likewise. What ends sessions has to be seen by what elects.
    pub(super) fn admin_tokens(&mut self, environment: Environment) -> Vec<Secret> {
        let (names, problem) = (["ADMIN_TOKEN", "ADMIN_TOKEN_PREVIOUS"], "is set, and ADMIN_TOKEN is not");
        self.either(names, problem, "set only together with ADMIN_TOKEN", environment)
    }

    /// Whether sessions can be ended from outside: by whoever has a token, or by an identity provider.
    pub(super) fn ends(&mut self, admin_tokens: &[Secret], logouts: bool, stores: &Stores) -> bool {
        let unseen = stores.issuing.iter().chain(&stores.consuming).any(|leaf| *leaf == Leaf::Kv { ledger: false });
        let by = [("ADMIN_TOKEN", !admin_tokens.is_empty()), ("LOGOUT_AUDIENCE", logouts)];
        for (name, _) in by.iter().filter(|(_, is_set)| unseen && *is_set) {
            let problem = "is set, and Workers KV alone can't tell whether a ticket was ended";
            self.wrong(
                name,
                problem,
                format!("the Durable Object class TicketShard bound as TICKET_SHARD, or no {name}"),
            );
        }
        by.iter().any(|(_, is_set)| *is_set)
    }

    /// `ON_REUSE`: only rooms can be closed, and only stores with a shard know what a used ticket opened.
    pub(super) fn closes_reused(&mut self, stores: &Stores) -> bool {
        let closes = self.one_of("ON_REUSE", false, &[("refuse", false), ("close", true)]);
        let knows = |leaf: &Leaf| matches!(leaf, Leaf::Kv { ledger: true } | Leaf::Durable | Leaf::Sealed(_));
        if closes && !(stores.rooms && stores.issuing.iter().all(knows)) {
            let expected = "refuse; or SESSION=hub, and of the stores kv with TICKET_SHARD, durable and sealed alone";
            self.wrong("ON_REUSE", "is close, and what a used ticket opened can't be closed", expected);
        }
        closes
    }

    /// A secret of the gate's own and the one before it.
    fn either(
        &mut self,
        [name, before]: [&'static str; 2],
        problem: &'static str,
        expected: &str,
        environment: Environment,
    ) -> Vec<Secret> {
        let (current, previous) = (self.own_key(name, environment), self.own_key(before, environment));
        if current.is_none() && previous.is_some() {
            self.wrong(before, problem, expected);
        }
        [current, previous].into_iter().flatten().collect()
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

#[cfg(test)]
mod tests;
