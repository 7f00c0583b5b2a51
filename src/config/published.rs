//! Addresses that issuers publish, and that are often taken for another one: of the keys, or of the issuer itself.

use worker::Url;

/// What an address is, and what would be right in its place.
pub(super) type Mistaken = (&'static str, &'static str);

/// Where issuers describe themselves (OpenID Connect Discovery §4; RFC 8414 §3).
const OPENID: &str = "openid-configuration";
const OAUTH: &str = "oauth-authorization-server";
/// Hosts whose tokens name their tenant by its id (<https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference>).
const ENTRA: [&str; 6] = [
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "login.chinacloudapi.cn",
    "login.windows.net",
    "sts.windows.net",
];

/// What is wrong with an address as that of a set of keys. It is a full URL.
pub(super) fn is_no_key_set(url: &str) -> Option<Mistaken> {
    let url = Url::parse(url).ok()?;
    let path = url.path().trim_end_matches('/');
    if is_description(path) {
        return Some((
            "is where the issuer describes itself, and not its set of keys",
            "what that description has as jwks_uri",
        ));
    }
    let expected = match (url.host_str()?, path) {
        (_, path) if path.contains("/metadata/x509/") => {
            "the same keys as a JWK Set: service_accounts/v1/jwk in the place of robot/v1/metadata/x509"
        }
        ("www.googleapis.com", "/oauth2/v1/certs") => "the same keys as a JWK Set: oauth2/v3/certs",
        ("www.gstatic.com", "/iap/verify/public_key") => "the same keys as a JWK Set: iap/verify/public_key-jwk",
        _ => return None,
    };
    Some(("is where certificates or keys in PEM are, and not a JWK Set", expected))
}

/// What is wrong with a text as the `iss` of tokens, if it is an address that no token has there.
pub(super) fn is_no_issuer(text: &str) -> Option<Mistaken> {
    let address = text.split_once("://").map_or(text, |(_, address)| address);
    let (host, path) = address.split_once('/')?;
    let path = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    if is_description(&format!("/{path}")) {
        return Some(("is where the issuer describes itself", "what that description has as issuer"));
    }
    let tenant = path.split('/').next().unwrap_or_default();
    let is_name = ["common", "organizations", "consumers"].contains(&tenant) || tenant.contains('.');
    let is_entra = ENTRA.iter().any(|entra| host.eq_ignore_ascii_case(entra));
    (is_entra && is_name).then_some((
        "has common, organizations, consumers or a domain for a tenant, and tokens of Entra have the tenant's id",
        "the id of each tenant whose tokens are good, such as https://login.microsoftonline.com/<tenant id>/v2.0; that of \
         personal accounts is 9188040d-6c67-4c5b-b112-36a304b66dad",
    ))
}

/// Whether a description is at the path: by its name at the end, or with the path of its issuer after it (RFC 8414 §3.1). Some
/// issuers have their keys below their description: `/.well-known/openid-configuration/jwks` is a set.
fn is_description(path: &str) -> bool {
    let (_, last) = path.rsplit_once('/').unwrap_or_default();
    let of_a_path = path.contains(&format!("/.well-known/{OAUTH}/")) && !last.contains("jwk");
    last == OPENID || last == OAUTH || of_a_path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beside_a_set_is_told_from_it() {
        for bad in [
            "https://login.example/.well-known/openid-configuration",
            "https://login.example/.well-known/openid-configuration/",
            "https://login.example/t/.well-known/openid-configuration//?x=1",
            "https://login.example/.well-known/oauth-authorization-server",
            "https://login.example/.well-known/oauth-authorization-server/",
            "https://login.example/.well-known/oauth-authorization-server/tenant",
            "https://login.example/.well-known/oauth-authorization-server/a/b/",
            "https://www.googleapis.com/oauth2/v1/certs",
            "https://www.googleapis.com/oauth2/v1/certs/?alt=json",
            "https://www.googleapis.com/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com",
            "https://www.gstatic.com/iap/verify/public_key",
        ] {
            assert!(is_no_key_set(bad).is_some(), "{bad}");
        }
        for good in [
            "https://login.example/.well-known/openid-configuration/jwks",
            "https://login.example/.well-known/openid-configuration/jwks/",
            "https://login.example/.well-known/oauth-authorization-server/jwks.json",
            "https://login.example/keys?of=/.well-known/openid-configuration",
            "https://login.example/my-openid-configuration",
            "https://www.googleapis.com/oauth2/v3/certs",
            "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
            "https://www.gstatic.com/iap/verify/public_key-jwk",
            "https://login.example/oauth2/v1/certs",
            "https://login.microsoftonline.com/common/discovery/v2.0/keys",
        ] {
            assert_eq!(is_no_key_set(good), None, "{good}");
        }
    }

    #[test]
    fn what_no_token_has_as_its_issuer_is_told() {
        for bad in [
            "https://login.microsoftonline.com/common/v2.0",
            "https://login.microsoftonline.com/organizations/v2.0",
            "https://login.microsoftonline.com/consumers/v2.0/",
            "https://LOGIN.microsoftonline.com/common/v2.0",
            "https://login.microsoftonline.com/contoso.onmicrosoft.com/v2.0",
            "https://login.microsoftonline.us/common",
            "https://sts.windows.net/common/",
            "https://login.example/.well-known/openid-configuration",
            "https://login.example/a/.well-known/openid-configuration/",
            "https://login.example/.well-known/oauth-authorization-server/a",
        ] {
            assert!(is_no_issuer(bad).is_some(), "{bad}");
        }
        for good in [
            "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
            "https://sts.windows.net/9188040d-6c67-4c5b-b112-36a304b66dad/",
            "https://login.microsoftonline.com/tfp/9188040d-6c67-4c5b-b112-36a304b66dad/b2c_1_in/v2.0/",
            "https://login.example/common/v2.0",
            "https://login.example/realms/common",
            "https://login.example",
            "accounts.google.com",
            "common",
            "",
        ] {
            assert_eq!(is_no_issuer(good), None, "{good}");
        }
    }
}
