//! Reads Rust source as the tokens it is made of: what it uses of its own crate, in whatever way that is written.
//!
//! Comments are no tokens, so nothing in them counts. Everything else does: `use` trees, paths in expressions and types, what is
//! given to macros, and texts in attributes (`#[serde(with = "…")]`). A module under `#[cfg(test)]` is left out.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// What a file says.
#[derive(Debug, Default)]
pub struct Source {
    /// Every path into the crate, from its root on: `["http", "now"]`. An empty one is the root itself, and so all modules.
    pub paths: Vec<Vec<String>>,
    /// The modules that have files of their own.
    pub modules: Vec<Declared>,
    /// Every word that is in none of these paths.
    pub words: Vec<String>,
    /// What hides from a reader of tokens what is used.
    pub hidden: Vec<&'static str>,
}

/// `mod name;`
#[derive(Debug)]
pub struct Declared {
    /// The module, from the root on.
    pub module: Vec<String>,
    /// Whether it is under `#[cfg(test)]`.
    pub test: bool,
    /// Its `#[path = "…"]`.
    pub path: Option<String>,
}

/// Reads a file that is the module `module`, from the root on.
pub fn read(text: &str, module: &[String]) -> Source {
    let mut source = Source::default();
    source.tokens(&list(&text.parse().unwrap()), module);
    source
}

fn list(tokens: &TokenStream) -> Vec<TokenTree> {
    tokens.clone().into_iter().collect()
}

fn word(token: Option<&TokenTree>) -> Option<String> {
    match token {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string().trim_start_matches("r#").to_owned()),
        _ => None,
    }
}

fn is(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

fn goes_on(tokens: &[TokenTree], at: usize) -> bool {
    is(tokens.get(at), ':') && is(tokens.get(at + 1), ':')
}

fn group(token: Option<&TokenTree>, delimiter: Delimiter) -> Option<&Group> {
    match token {
        Some(TokenTree::Group(group)) if group.delimiter() == delimiter => Some(group),
        _ => None,
    }
}

/// The tokens in a literal that is a text.
fn text(literal: &str) -> Option<TokenStream> {
    let inner = literal.trim_start_matches(['r', '#']).strip_prefix('"')?.trim_end_matches('#').strip_suffix('"')?;
    inner.parse().ok()
}

impl Source {
    fn tokens(&mut self, tokens: &[TokenTree], module: &[String]) {
        let mut at = 0;
        while at < tokens.len() {
            at = self.item(tokens, at, module);
        }
    }

    /// What begins at `at`, if only a word or a sign; answers where the next thing begins.
    fn item(&mut self, tokens: &[TokenTree], mut at: usize, module: &[String]) -> usize {
        let (mut test, mut path) = (false, None);
        while is(tokens.get(at), '#')
            && let Some(attribute) = group(tokens.get(at + 1), Delimiter::Bracket)
        {
            let attribute = list(&attribute.stream());
            test |= attribute.iter().map(ToString::to_string).collect::<String>() == "cfg(test)";
            if word(attribute.first()).as_deref() == Some("path") {
                path = attribute.last().map(|text| text.to_string().trim_matches('"').to_owned());
            }
            self.attribute(&attribute, module);
            at += 2;
        }
        if word(tokens.get(at)).as_deref() == Some("pub") {
            // `pub(crate)` uses nothing, and `pub (crate::http::Answer)` is a member of a tuple.
            let within = group(tokens.get(at + 1), Delimiter::Parenthesis);
            at += 1 + usize::from(within.is_some_and(|within| within.stream().into_iter().count() == 1));
        }
        let Some(token) = tokens.get(at) else { return at };
        let name = (word(Some(token)).as_deref() == Some("mod")).then(|| word(tokens.get(at + 1))).flatten();
        if let Some(name) = name {
            let inner = [module, &[name]].concat();
            match group(tokens.get(at + 2), Delimiter::Brace) {
                None => self.modules.push(Declared { module: inner, test, path }),
                Some(_) if test => {}
                Some(body) => self.tokens(&list(&body.stream()), &inner),
            }
            return at + 3;
        }
        match token {
            TokenTree::Group(group) => self.tokens(&list(&group.stream()), module),
            TokenTree::Ident(_) => return self.word(tokens, at, module),
            _ => {}
        }
        at + 1
    }

    /// The word at `at`, or the path that begins there.
    fn word(&mut self, tokens: &[TokenTree], at: usize, module: &[String]) -> usize {
        let name = word(tokens.get(at)).unwrap();
        let begins = matches!(name.as_str(), "crate" | "self" | "super");
        let before = at.checked_sub(1).and_then(|before| word(tokens.get(before)));
        if name == "self" && before.as_deref() == Some("crate") {
            self.hidden.push("another name for the crate");
            return at + 1;
        }
        if begins && (goes_on(tokens, at + 1) || word(tokens.get(at + 1)).as_deref() == Some("as")) {
            return self.path(tokens, at, Vec::new(), module);
        }
        match name.as_str() {
            // Given to a macro, it may become the beginning of any path.
            "crate" if before.as_deref() != Some("extern") => self.hidden.push("`crate` without a path"),
            "include" if is(tokens.get(at + 1), '!') => self.hidden.push("`include!`"),
            _ => self.words.push(name),
        }
        at + 1
    }

    /// One path, or each of a tree. `before` is what stands in front of the tree.
    fn path(&mut self, tokens: &[TokenTree], mut at: usize, mut before: Vec<String>, module: &[String]) -> usize {
        loop {
            if let Some(tree) = group(tokens.get(at), Delimiter::Brace) {
                for branch in list(&tree.stream()).split(|token| is(Some(token), ',')).filter(|it| !it.is_empty()) {
                    self.path(branch, 0, before.clone(), module);
                }
                return at + 1;
            }
            // What is no word ends a path: `*`, the `<` of `crate::ticket::Ticket::<T>`, the `$` of `crate::$name`.
            let Some(name) = word(tokens.get(at)) else { break };
            before.push(name);
            at += 1;
            if !goes_on(tokens, at) {
                break;
            }
            at += 2;
        }
        let mut absolute = module.to_vec();
        for name in before {
            match name.as_str() {
                "crate" => absolute.clear(),
                "super" => drop(absolute.pop()),
                "self" => {}
                _ => absolute.push(name),
            }
        }
        self.paths.push(absolute);
        at
    }

    fn attribute(&mut self, tokens: &[TokenTree], module: &[String]) {
        if word(tokens.first()).as_deref() == Some("doc") {
            return;
        }
        self.tokens(tokens, module);
        let inside = |token: &TokenTree| match token {
            TokenTree::Literal(literal) => text(&literal.to_string()),
            TokenTree::Group(group) => Some(group.stream()),
            _ => None,
        };
        for inner in tokens.iter().filter_map(inside) {
            self.attribute(&list(&inner), module);
        }
    }
}
