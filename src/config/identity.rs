//! The settings about who may have a ticket.

use super::parse::Reader;
use super::{Environment, IdentityChoice, JWT_SECRET_MIN, JwtSettings, PUBLIC_JWT_SECRET, Secret, Settings};

impl<S: Settings> Reader<'_, S> {
    pub(super) fn identity(&mut self, environment: Environment) -> IdentityChoice {
        #[derive(Clone, Copy)]
        enum Choice {
            Jwt,
            Dev,
        }
        let choices = [("jwt", Choice::Jwt), ("dev", Choice::Dev)];
        match self.one_of("IDENTITY", Choice::Jwt, &choices) {
            Choice::Jwt => IdentityChoice::Jwt(self.jwt(environment)),
            Choice::Dev => {
                if environment != Environment::Development {
                    self.wrong(
                        "IDENTITY",
                        "is dev, which lets everybody be anybody",
                        "jwt, or ENVIRONMENT=development",
                    );
                }
                IdentityChoice::Dev
            }
        }
    }

    fn jwt(&mut self, environment: Environment) -> JwtSettings {
        let secret = self.text("JWT_SECRET");
        let expected = format!("a random secret of {JWT_SECRET_MIN} bytes or more");
        match secret.as_deref() {
            None => self.wrong("JWT_SECRET", "is not set, and IDENTITY is jwt", expected),
            Some(s) if s.len() < JWT_SECRET_MIN => self.wrong("JWT_SECRET", "is too short", expected),
            Some(PUBLIC_JWT_SECRET) if environment == Environment::Production => {
                self.wrong("JWT_SECRET", "is the public one of .dev.vars.example", expected);
            }
            Some(_) => {}
        }
        JwtSettings {
            secret: Secret(secret.unwrap_or_default()),
            issuer: self.text("JWT_ISSUER"),
            audience: self.text("JWT_AUDIENCE"),
        }
    }
}
