//! The settings about who may have a ticket: the way of knowing the caller, and what a login's own server must be like.

use worker::Url;

use super::algorithm::Algorithm;
use super::origins::is_web_origin;
use super::parse::{Reader, can_be_asked, can_be_listed};
use super::tokens::{Keys, SubjectRule, TokenSettings};
use super::{Environment, Settings, TIMEOUT_MAX, defaults};

/// How many claims travel with a ticket at most.
const CLAIMS_COUNT_MAX: usize = 16;
/// Where every team of Cloudflare Access has its own name.
const ACCESS_DOMAIN: &str = ".cloudflareaccess.com";

/// How the caller is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentityChoice {
    /// By a signed token of the app's own login.
    Jwt(TokenSettings),
    /// By a signed token of Cloudflare Access.
    Access(TokenSettings),
    /// By the word of the app's own login, which is asked.
    Forward(ForwardSettings),
    /// By their own word. Development only.
    Dev,
}

/// Where the app's login is asked, and how it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardSettings {
    /// `AUTH_URL`.
    pub url: String,
    /// `AUTH_HEADER_PREFIX`: how the names of its headers begin.
    pub header_prefix: String,
    /// `IDENTITY_TIMEOUT_MS`.
    pub timeout_ms: u32,
    /// `TICKET_CLAIMS`.
    pub claims: Vec<String>,
}

impl<S: Settings> Reader<'_, S> {
    /// `IDENTITY` and what belongs to the way that it names.
    pub(super) fn identity(&mut self, environment: Environment) -> IdentityChoice {
        #[derive(Clone, Copy)]
        enum Choice {
            Jwt,
            Access,
            Forward,
            Dev,
        }
        let choices =
            [("jwt", Choice::Jwt), ("access", Choice::Access), ("forward", Choice::Forward), ("dev", Choice::Dev)];
        let choice = self.one_of("IDENTITY", Choice::Jwt, &choices);
        let timeout_ms = self.whole_number("IDENTITY_TIMEOUT_MS", TIMEOUT_MAX, defaults::IDENTITY_TIMEOUT_MS);
        let claims = self.claims();
        if !matches!(choice, Choice::Jwt) && self.text("LOGOUT_AUDIENCE").is_some() {
            self.wrong("LOGOUT_AUDIENCE", "is set, and IDENTITY is not jwt", "set only with IDENTITY=jwt");
        }
        match choice {
            Choice::Jwt => IdentityChoice::Jwt(self.tokens(environment, timeout_ms, claims)),
            Choice::Access => IdentityChoice::Access(self.access(environment, timeout_ms, claims)),
            Choice::Forward => IdentityChoice::Forward(self.forward(environment, timeout_ms, claims)),
            Choice::Dev => {
                if environment != Environment::Development {
                    self.wrong(
                        "IDENTITY",
                        "is dev, which lets everybody be anybody",
                        "jwt, access or forward; or ENVIRONMENT=development",
                    );
                }
                IdentityChoice::Dev
            }
        }
    }

    /// `TICKET_CLAIMS`: names of claims.
    fn claims(&mut self) -> Vec<String> {
        let expected = format!(
            "different names of claims with plain commas (,) between them, {CLAIMS_COUNT_MAX} at most: no wildcard, no quotes, no \
             spaces, no brackets"
        );
        let is_name = |text: &str| can_be_listed(text) && !text.contains(['[', ']']);
        let name = |text: &str| is_name(text).then(|| text.to_owned());
        let claims = self.list("TICKET_CLAIMS", expected.as_str(), name).unwrap_or_default();
        if claims.len() > CLAIMS_COUNT_MAX {
            self.wrong("TICKET_CLAIMS", "has too many names", expected);
        }
        claims
    }

    /// Cloudflare Access (<https://developers.cloudflare.com/cloudflare-one/access-controls/applications/http-apps/authorization-cookie/validating-json/>):
    /// RS256, by the team's own keys, for the application, or for several.
    fn access(&mut self, environment: Environment, timeout_ms: u32, claims: Vec<String>) -> TokenSettings {
        let domain = self.text("ACCESS_TEAM_DOMAIN");
        let expected = "https://<team>.cloudflareaccess.com";
        match &domain {
            None => self.wrong("ACCESS_TEAM_DOMAIN", "is not set, and IDENTITY is access", expected),
            Some(domain) if !is_team_domain(domain, environment) => {
                self.wrong("ACCESS_TEAM_DOMAIN", "is not the address of a team", expected);
            }
            Some(_) => {}
        }
        if self.text("ACCESS_AUDIENCE").is_none() {
            let expected = "the application audience (AUD) tag that Cloudflare shows for the application";
            self.wrong("ACCESS_AUDIENCE", "is not set, and IDENTITY is access", expected);
        }
        let domain = domain.unwrap_or_default();
        TokenSettings {
            keys: Keys::Set { url: format!("{domain}/cdn-cgi/access/certs"), timeout_ms },
            algorithms: vec![Algorithm::Rs256],
            issuers: vec![domain],
            audiences: self.values_of_claims("ACCESS_AUDIENCE"),
            logout_audiences: Vec::new(),
            typ: None,
            leeway_seconds: 0,
            subject: SubjectRule::OrCommonName,
            claims,
        }
    }

    fn forward(&mut self, environment: Environment, timeout_ms: u32, claims: Vec<String>) -> ForwardSettings {
        if self.text("AUTH_URL").is_none() {
            let expected = "https://…, where your login says whose session a request has";
            self.wrong("AUTH_URL", "is not set, and IDENTITY is forward", expected);
        }
        let url = self.url("AUTH_URL", environment).unwrap_or_default();
        let prefix = self.text("AUTH_HEADER_PREFIX");
        // A name follows it directly: `X-Auth-Request` would look for `X-Auth-RequestUser`.
        if prefix.as_ref().is_some_and(|prefix| !is_token(prefix) || !prefix.ends_with(['-', '_'])) {
            let expected = "such as X-Auth-Request-, with the dash at its end";
            self.wrong("AUTH_HEADER_PREFIX", "can't be the beginning of a header's name", expected);
        }
        ForwardSettings {
            url,
            header_prefix: prefix.unwrap_or_else(|| defaults::AUTH_HEADER_PREFIX.to_owned()),
            timeout_ms,
            claims,
        }
    }
}

fn is_team_domain(text: &str, environment: Environment) -> bool {
    let is_team = |url: &Url| {
        let team = url.host_str().and_then(|host| host.strip_suffix(ACCESS_DOMAIN));
        team.is_some_and(|team| !team.is_empty()) && url.scheme() == "https" && url.port().is_none()
    };
    is_web_origin(text)
        && Url::parse(text).is_ok_and(|url| {
            can_be_asked(&url, environment) && (is_team(&url) || environment == Environment::Development)
        })
}

/// Whether the text is a token, as names of headers and of subprotocols are (RFC 9110 §5.6.2).
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests;
