//! The app's own login as a JSON Web Token (RFC 7519), signed with HS256.
//!
//! The `jsonwebtoken` crate verifies it. The algorithm is pinned here and never taken from the token (RFC 8725 §3.1);
//! `exp` and `sub` are required; `iss` and `aud` are required and compared where configured. Times are compared here, since
//! the clock is the gate's, and without leeway: a ticket never outlives the login.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;

use super::NotKnown;
use crate::config::JwtSettings;
use crate::gate::Caller;
use crate::grant::{Millis, Subject};

/// Verifies tokens.
pub struct Jwt {
    key: DecodingKey,
    validation: Validation,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: f64,
    nbf: Option<f64>,
}

impl Jwt {
    /// With the key and the expectations of the configuration.
    pub fn new(settings: &JwtSettings) -> Self {
        super::hs256::install();
        let mut validation = Validation::new(Algorithm::HS256);
        let mut required = vec!["exp", "sub"];
        validation.validate_exp = false;
        if let Some(issuer) = &settings.issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        match &settings.audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                required.push("aud");
            }
            None => validation.validate_aud = false,
        }
        validation.set_required_spec_claims(&required);
        Self { key: DecodingKey::from_secret(settings.secret.reveal().as_bytes()), validation }
    }

    /// The token's subject, whose login ends when the token does.
    pub fn caller(&self, authorization: Option<&str>, now: Millis) -> Result<Caller, NotKnown> {
        let token = bearer(authorization.ok_or(NotKnown::Missing)?).ok_or(NotKnown::Refused("token_not_bearer"))?;
        let data = decode::<Claims>(token, &self.key, &self.validation).map_err(|error| reason(error.kind()))?;
        // Extensions that the issuer calls critical must be understood or the token refused (RFC 7515 §4.1.11); the
        // crate leaves that to its caller, and we understand none.
        if data.header.crit.is_some() {
            return Err(NotKnown::Refused("token_critical_extension"));
        }
        let claims = data.claims;
        let expires_at = millis(claims.exp);
        if expires_at <= now {
            return Err(NotKnown::Refused("token_expired"));
        }
        if claims.nbf.is_some_and(|nbf| millis(nbf) > now) {
            return Err(NotKnown::Refused("token_not_yet_valid"));
        }
        let subject = Subject::try_from(claims.sub).map_err(|_| NotKnown::Refused("token_subject"))?;
        Ok(Caller { subject, login_expires_at: Some(expires_at), rooms: None, claims: crate::grant::Claims::default() })
    }
}

/// The token of `Bearer <token>`; the scheme's name in any case (RFC 9110 §11.1).
fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim_matches(' '))
}

/// A NumericDate (seconds, RFC 7519 §2) in milliseconds, rounded down.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "float to integer saturates")]
fn millis(seconds: f64) -> Millis {
    Millis((seconds * 1000.0) as u64)
}

fn reason(kind: &ErrorKind) -> NotKnown {
    NotKnown::Refused(match kind {
        ErrorKind::InvalidSignature => "token_signature",
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => "token_algorithm",
        ErrorKind::InvalidIssuer => "token_issuer",
        ErrorKind::InvalidAudience => "token_audience",
        ErrorKind::MissingRequiredClaim(_) => "token_claim_missing",
        _ => "token_malformed",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, IdentityChoice, Problem, Settings};
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
    use hmac::{Hmac, Mac};
    use serde_json::{Value, json};
    use sha2::Sha256;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    const NOW: Millis = Millis(1_000_000);

    /// The settings as an operator would write them.
    struct Given(&'static str, &'static str);

    impl Settings for Given {
        fn text(&self, name: &'static str) -> Result<Option<String>, Problem> {
            Ok(Some(match name {
                "JWT_SECRET" => SECRET.to_owned(),
                "JWT_ISSUER" => self.0.to_owned(),
                "JWT_AUDIENCE" => self.1.to_owned(),
                _ => return Ok(None),
            }))
        }

        fn is_bound(&self, _: &'static str) -> bool {
            false
        }
    }

    fn jwt(issuer: &'static str, audience: &'static str) -> Jwt {
        match Config::read(&Given(issuer, audience)).unwrap().identity {
            IdentityChoice::Jwt(settings) => Jwt::new(&settings),
            IdentityChoice::Dev => panic!("not asked for"),
        }
    }

    /// `Bearer` and a token with any header, signed by HMAC-SHA-256 whatever the header says.
    fn signed(header: &Value, secret: &str, claims: &Value) -> String {
        let encode = |part: &Value| BASE64URL.encode(part.to_string());
        let message = format!("{}.{}", encode(header), encode(claims));
        let signer = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(&message);
        format!("Bearer {message}.{}", BASE64URL.encode(signer.finalize().into_bytes()))
    }

    fn hs256() -> Value {
        json!({"alg": "HS256", "typ": "JWT"})
    }

    fn why(jwt: &Jwt, claims: &Value) -> &'static str {
        match jwt.caller(Some(&signed(&hs256(), SECRET, claims)), NOW) {
            Err(NotKnown::Refused(reason)) => reason,
            Err(other) => panic!("{other:?}"),
            Ok(_) => "known",
        }
    }

    #[test]
    fn a_good_token_gives_subject_and_end() {
        let token = signed(&hs256(), SECRET, &json!({"sub": "alice", "exp": 1060.5}));
        let caller = jwt("", "").caller(Some(&token), NOW).unwrap();
        assert_eq!(String::from(caller.subject), "alice");
        assert_eq!(caller.login_expires_at, Some(Millis(1_060_500)));
    }

    #[test]
    fn time_is_exact() {
        let jwt = jwt("", "");
        for (claims, expected) in [
            (json!({"sub": "a", "exp": 1000}), "token_expired"),
            (json!({"sub": "a", "exp": 1000.001}), "known"),
            (json!({"sub": "a", "exp": 0}), "token_expired"),
            (json!({"sub": "a", "exp": 2000, "nbf": 1001}), "token_not_yet_valid"),
            (json!({"sub": "a", "exp": 2000, "nbf": 1000}), "known"),
        ] {
            assert_eq!(why(&jwt, &claims), expected, "{claims}");
        }
    }

    #[test]
    fn claims_must_be_there_and_of_their_type() {
        let jwt = jwt("", "");
        for claims in [
            json!({"sub": "a"}),
            json!({"sub": "a", "exp": "2000"}),
            json!({"sub": "a", "exp": null}),
            json!({"sub": "a", "exp": -5}),
            json!({"exp": 2000}),
            json!({"sub": 7, "exp": 2000}),
            json!({"sub": "", "exp": 2000}),
            json!({"sub": "a\nb", "exp": 2000}),
            json!({"sub": "a", "exp": 2000, "nbf": "0"}),
        ] {
            assert_ne!(why(&jwt, &claims), "known", "{claims}");
        }
    }

    #[test]
    fn issuer_and_audience_are_required_where_configured() {
        let jwt = jwt("https://login.example.com", "ws");
        let claims = |iss: Value, aud: Value| json!({"sub": "a", "exp": 2000, "iss": iss, "aud": aud});
        let issuer = || json!("https://login.example.com");
        assert_eq!(why(&jwt, &claims(issuer(), json!("ws"))), "known");
        assert_eq!(why(&jwt, &claims(issuer(), json!(["api", "ws"]))), "known");
        assert_eq!(why(&jwt, &claims(json!("https://evil.example"), json!("ws"))), "token_issuer");
        assert_eq!(why(&jwt, &claims(issuer(), json!("api"))), "token_audience");
        assert_eq!(why(&jwt, &json!({"sub": "a", "exp": 2000, "aud": "ws"})), "token_claim_missing");
        assert_eq!(why(&jwt, &json!({"sub": "a", "exp": 2000, "iss": issuer()})), "token_claim_missing");
    }

    #[test]
    fn the_algorithm_is_ours() {
        let jwt = jwt("", "");
        let claims = json!({"sub": "a", "exp": 2000});
        for (alg, expected) in [("HS512", "token_algorithm"), ("RS256", "token_algorithm"), ("none", "token_malformed")]
        {
            let other = signed(&json!({"alg": alg}), SECRET, &claims);
            assert_eq!(jwt.caller(Some(&other), NOW), Err(NotKnown::Refused(expected)), "{alg}");
        }
        let forged = signed(&hs256(), "another secret that is long enough", &claims);
        assert_eq!(jwt.caller(Some(&forged), NOW), Err(NotKnown::Refused("token_signature")));
    }

    #[test]
    fn a_critical_extension_is_refused() {
        let header = json!({"alg": "HS256", "crit": ["b64"], "b64": false});
        let token = signed(&header, SECRET, &json!({"sub": "a", "exp": 2000}));
        let refused = Err(NotKnown::Refused("token_critical_extension"));
        assert_eq!(jwt("", "").caller(Some(&token), NOW), refused);
    }

    #[test]
    fn the_header_is_read_strictly() {
        let jwt = jwt("", "");
        assert_eq!(jwt.caller(None, NOW), Err(NotKnown::Missing));
        let token = signed(&hs256(), SECRET, &json!({"sub": "a", "exp": 2000}));
        assert!(jwt.caller(Some(&token.replace("Bearer", "bEARER")), NOW).is_ok());
        for bad in ["", "Bearer", "Bearer ", "Basic YTpi", &token.replace("Bearer ", ""), &format!("{token}, {token}")]
        {
            assert!(matches!(jwt.caller(Some(bad), NOW), Err(NotKnown::Refused(_))), "{bad:?}");
        }
    }
}
