//! Where the gate stands: `BASE_PATH`, `PUBLIC_URL`, `DEVELOPMENT_HOSTS`.

use worker::Url;

use super::host::host_of;
use super::origins::is_local;
use super::parse::{Reader, is_written_as_url};
use super::{Environment, PlaceSettings, PublicUrl, Settings};

/// Bytes of `BASE_PATH` at most.
const BASE_PATH_MAX: usize = 256;

impl<S: Settings> Reader<'_, S> {
    /// All three.
    pub(super) fn place(&mut self, environment: Environment) -> PlaceSettings {
        PlaceSettings {
            base_path: self.base_path(),
            public_url: self.public_url(environment),
            development_hosts: self.development_hosts(environment),
        }
    }

    fn base_path(&mut self) -> String {
        let Some(text) = self.text("BASE_PATH") else { return String::new() };
        if is_base_path(&text) {
            return text;
        }
        let expected = "a path such as /realtime: a slash in front and none at the end, and between them letters, digits, - . _ and ~";
        self.wrong("BASE_PATH", "is not a path to stand under", expected);
        String::new()
    }

    fn public_url(&mut self, environment: Environment) -> Option<PublicUrl> {
        let text = self.text("PUBLIC_URL")?;
        let url = Url::parse(&text).ok().filter(|_| is_written_as_url(&text));
        let read = url.as_ref().and_then(|url| public_url(url, environment));
        if read.is_none() {
            let expected = "an origin alone, such as https://example.com; the path belongs in BASE_PATH, and http: is for development and for the machine itself";
            self.wrong("PUBLIC_URL", "is not where a gate can be reached", expected);
        }
        read
    }

    /// `None` in production, where every host is served.
    fn development_hosts(&mut self, environment: Environment) -> Option<Vec<String>> {
        const NAME: &str = "DEVELOPMENT_HOSTS";
        if environment == Environment::Production {
            if self.text(NAME).is_some() {
                self.wrong(NAME, "is set, and ENVIRONMENT is not development", "set only with ENVIRONMENT=development");
            }
            return None;
        }
        let expected =
            "names of hosts, comma-separated, as they stand in a URL, without scheme and port: gate.tunnel.example";
        Some(self.list(NAME, expected, host).unwrap_or_default())
    }
}

fn is_base_path(text: &str) -> bool {
    let is_segment = |segment: &str| {
        let plain = segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
        plain && !segment.is_empty() && segment != "." && segment != ".."
    };
    let Some(path) = text.strip_prefix('/') else { return false };
    text.len() <= BASE_PATH_MAX && path.split('/').all(is_segment)
}

fn public_url(url: &Url, environment: Environment) -> Option<PublicUrl> {
    let scheme = match url.scheme() {
        "https" => "https",
        "http" if environment == Environment::Development || url.host_str().is_some_and(is_local) => "http",
        _ => return None,
    };
    let nothing_more = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let no_login = url.username().is_empty() && url.password().is_none();
    (nothing_more && no_login).then(|| PublicUrl { scheme, authority: url.authority().to_owned() })
}

/// A host as a URL's host is written: the same in lower case.
fn host(text: &str) -> Option<String> {
    let url = Url::parse(&format!("http://{text}/")).ok()?;
    let is_host_alone = url.port().is_none() && url.username().is_empty() && url.path() == "/" && url.query().is_none();
    let written = url.host_str()?;
    (is_host_alone && written == text.to_ascii_lowercase() && !written.contains('*'))
        .then(|| host_of(written).to_owned())
}

#[cfg(test)]
mod tests;
