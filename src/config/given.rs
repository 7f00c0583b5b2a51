//! Settings for tests, as an operator would write them.

use std::collections::HashMap;

use super::{BadSetting, Settings};

/// Texts by name, and what is bound.
#[derive(Default)]
pub struct Given {
    /// Variables and secrets.
    pub texts: HashMap<&'static str, &'static str>,
    /// Bindings.
    pub bound: Vec<&'static str>,
}

impl Given {
    /// Just these variables and secrets.
    pub fn of(texts: impl IntoIterator<Item = (&'static str, &'static str)>) -> Self {
        Self { texts: texts.into_iter().collect(), bound: Vec::new() }
    }
}

impl Settings for Given {
    fn text(&self, name: &'static str) -> Result<Option<String>, BadSetting> {
        Ok(self.texts.get(name).map(|text| (*text).to_owned()))
    }

    fn is_bound(&self, name: &'static str) -> bool {
        self.bound.contains(&name)
    }
}
