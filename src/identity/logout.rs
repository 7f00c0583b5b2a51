//! A logout token: what an identity provider says when somebody has logged out there (OpenID Connect Back-Channel Logout 1.0, §2.4 and
//! §2.6, <https://openid.net/specs/openid-connect-backchannel-1_0.html>). Its signature, issuer and audience are looked at before.

use serde_json::Value;

use super::NotKnown;
use super::login::{self, Said};
use ws_ticket_core::gate::MessageName;
use ws_ticket_core::grant::Subject;
use ws_ticket_core::time::Millis;

/// The one event that a logout token is about.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// The types that its header may have: the second is what providers write that were there before the first.
pub const TYPES: [&str; 2] = ["logout+jwt", "jwt"];
/// How old it may be, and how long good, in seconds: §2.4 wants two minutes at most, and some providers say more.
const OLDEST: u32 = 600;
/// How much the provider's clock may be ahead in any case, in seconds. Nobody gains by it: what is ended is ended as of now.
const AHEAD: u32 = 60;
/// Bytes of a `jti` at most.
const ID_MAX: usize = 512;

/// Who has logged out.
#[derive(Debug)]
pub struct Logout {
    pub subject: Subject,
    /// This message's own.
    pub name: MessageName,
    /// From then on nobody takes it any more.
    pub good_until: Millis,
}

/// Whether what is said is about a logout, by whatever token: no login is.
pub fn is_one(said: &Said) -> bool {
    said.0.get("events").and_then(Value::as_object).is_some_and(|events| events.contains_key(EVENT))
}

/// The logout.
pub fn read(said: &Said, leeway_seconds: u32, now: Millis) -> Result<Logout, NotKnown> {
    let malformed = |_| NotKnown::Refused("token_malformed");
    let missing = NotKnown::Refused("token_claim_missing");
    let number = |name| login::number(said, name).map_err(malformed)?.ok_or(missing);
    let text = |name| login::text(said, name).map_err(malformed)?.ok_or(missing);
    let (issued, expires) = (number("iat")?, number("exp")?);
    let (issuer, id) = (text("iss")?, text("jti")?);
    let event = said.0.get("events").and_then(|events| events.get(EVENT));
    if !event.is_some_and(Value::is_object) {
        return Err(NotKnown::Refused("token_no_logout"));
    }
    // One that has it is a login, and not a logout (§2.4).
    if said.0.contains_key("nonce") {
        return Err(NotKnown::Refused("token_nonce"));
    }
    if id.is_empty() || id.len() > ID_MAX {
        return Err(NotKnown::Refused("token_malformed"));
    }
    let issued = login::from(issued);
    // Providers don't all come again: one whose clock is a little ahead would never get through.
    if issued > now.plus_seconds(leeway_seconds.max(AHEAD)) {
        return Err(NotKnown::Refused("token_not_yet_valid"));
    }
    let good_until = login::until(expires).min(issued.plus_seconds(OLDEST)).plus_seconds(leeway_seconds);
    if good_until <= now {
        return Err(NotKnown::Refused("token_expired"));
    }
    // With `sid` alone nobody here knows whose it is.
    let subject = Subject::try_from(text("sub")?.to_owned()).map_err(|_| NotKnown::Refused("token_subject"))?;
    let name = MessageName::of(issuer, id).ok_or(NotKnown::Refused("token_malformed"))?;
    Ok(Logout { subject, name, good_until })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(changed: &Value) -> Said {
        let mut said = json!({"iss": "https://idp.example", "sub": "alice", "aud": "app", "iat": 1000, "exp": 1120,
            "jti": "1", "events": {EVENT: {}}});
        for (name, value) in changed.as_object().unwrap() {
            said[name] = value.clone();
        }
        let Value::Object(mut members) = said else { panic!() };
        members.retain(|_, value| *value != json!("absent"));
        Said(members)
    }

    fn of(changed: &Value, seconds: u32) -> Result<Logout, &'static str> {
        read(&said(changed), 0, Millis(0).plus_seconds(seconds)).map_err(|why| match why {
            NotKnown::Refused(reason) => reason,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn one_that_is_right_says_who_and_until_when_it_is_good() {
        let logout = of(&json!({}), 1000).unwrap();
        assert_eq!((logout.subject.as_str(), logout.good_until), ("alice", Millis(1_120_000)));
        let long = of(&json!({"exp": 9000, "sid": "s", "more": [1]}), 1000).unwrap();
        assert_eq!(long.good_until, Millis(1_600_000));
        let ahead = of(&json!({"iat": 1060, "exp": 1180}), 1000).unwrap();
        assert_eq!(ahead.good_until, Millis(1_180_000));
    }

    #[test]
    fn what_is_wrong_is_refused() {
        let absent = json!("absent");
        for (changed, reason) in [
            (json!({"iss": absent}), "token_claim_missing"),
            (json!({"sub": absent, "sid": "s"}), "token_claim_missing"),
            (json!({"iat": absent}), "token_claim_missing"),
            (json!({"exp": absent}), "token_claim_missing"),
            (json!({"jti": absent}), "token_claim_missing"),
            (json!({"jti": ""}), "token_malformed"),
            (json!({"jti": 7}), "token_malformed"),
            (json!({"jti": "x".repeat(513)}), "token_malformed"),
            (json!({"iat": "1000"}), "token_malformed"),
            (json!({"sub": ""}), "token_subject"),
            (json!({"events": absent}), "token_no_logout"),
            (json!({"events": {}}), "token_no_logout"),
            (json!({"events": [EVENT]}), "token_no_logout"),
            (json!({"events": {EVENT: true}}), "token_no_logout"),
            (json!({"nonce": "n"}), "token_nonce"),
            (json!({"nonce": null}), "token_nonce"),
            (json!({"iat": 1061}), "token_not_yet_valid"),
            (json!({"exp": 1000}), "token_expired"),
            (json!({"iat": 400, "exp": 9000}), "token_expired"),
        ] {
            assert_eq!(of(&changed, 1000).err(), Some(reason), "{changed}");
        }
    }

    #[test]
    fn a_message_is_named_by_sender_and_id() {
        let names: std::collections::HashSet<_> = [("a", "bc"), ("ab", "c"), ("a", "b")]
            .map(|(sender, id)| format!("{:?}", MessageName::of(sender, id).unwrap()))
            .into();
        assert_eq!(names.len(), 3);
    }
}
