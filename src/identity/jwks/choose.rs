//! Which keys of a set may be a token's.

use crate::config::Algorithm;

/// A key, ready for one algorithm.
pub struct Entry<K> {
    /// Its name in the set.
    pub kid: Option<String>,
    /// What it verifies by.
    pub algorithm: Algorithm,
    /// The first place in the set at which the same key is.
    pub first: usize,
    /// The key itself.
    pub key: K,
}

/// The keys that may be a token's. One that names no key means the only one that fits, or of several the only one without a
/// name. Of several that fit like one another it means none: an issuer with several must name them (OpenID Connect Core §10.1).
/// A key that the set has several times, by different names too, is one.
pub fn choose<'a, K>(entries: &'a [Entry<K>], algorithm: Algorithm, kid: Option<&str>) -> Vec<&'a Entry<K>> {
    let fitting = entries.iter().filter(|entry| entry.algorithm == algorithm);
    let Some(kid) = kid else {
        let nameless = fitting.clone().filter(|entry| entry.kid.is_none());
        return only(nameless).or_else(|| only(fitting)).into_iter().collect();
    };
    fitting.filter(|entry| entry.kid.as_deref() == Some(kid)).collect()
}

/// The key, where there is one and no other.
fn only<'a, K: 'a>(mut entries: impl Iterator<Item = &'a Entry<K>>) -> Option<&'a Entry<K>> {
    let first = entries.next()?;
    entries.all(|entry| entry.first == first.first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_key() {
        let entry =
            |kid: Option<&str>, algorithm, key| Entry { kid: kid.map(str::to_owned), algorithm, first: key, key };
        let entries = [
            entry(Some("a"), Algorithm::Rs256, 1),
            entry(Some("a"), Algorithm::Ps256, 2),
            entry(Some("b"), Algorithm::Rs256, 3),
            entry(Some("b"), Algorithm::Rs256, 4),
            entry(None, Algorithm::Rs256, 5),
            entry(None, Algorithm::Es256, 6),
            entry(None, Algorithm::Es256, 7),
            entry(Some("c"), Algorithm::Es384, 8),
            entry(None, Algorithm::Ed25519, 9),
            entry(Some("d"), Algorithm::Es512, 10),
            entry(Some("e"), Algorithm::Es512, 11),
        ];
        for (algorithm, kid, expected) in [
            (Algorithm::Rs256, Some("a"), vec![1]),
            (Algorithm::Ps256, Some("a"), vec![2]),
            (Algorithm::Es256, Some("a"), vec![]),
            // Two of one name is against the rules, and yet each may be the one.
            (Algorithm::Rs256, Some("b"), vec![3, 4]),
            (Algorithm::Rs256, Some("A"), vec![]),
            (Algorithm::Rs256, Some(""), vec![]),
            (Algorithm::Rs256, None, vec![5]),
            (Algorithm::Es256, None, vec![]),
            // The only one that fits, named or not.
            (Algorithm::Ps256, None, vec![2]),
            (Algorithm::Es384, None, vec![8]),
            (Algorithm::Ed25519, None, vec![9]),
            // Of several with names it may be any.
            (Algorithm::Es512, None, vec![]),
            (Algorithm::Rs512, None, vec![]),
            // A name is a name, also where there is one key only.
            (Algorithm::Es384, Some("a"), vec![]),
            (Algorithm::Ed25519, Some("a"), vec![]),
        ] {
            let chosen: Vec<_> = choose(&entries, algorithm, kid).iter().map(|entry| entry.key).collect();
            assert_eq!(chosen, expected, "{algorithm:?} {kid:?}");
        }
    }

    #[test]
    fn a_key_that_is_there_twice_is_one() {
        let entry = |kid: Option<&str>, first, key| Entry {
            kid: kid.map(str::to_owned),
            algorithm: Algorithm::Rs256,
            first,
            key,
        };
        let chosen = |entries: &[Entry<i32>], kid| {
            choose(entries, Algorithm::Rs256, kid).iter().map(|entry| entry.key).collect::<Vec<_>>()
        };
        for kids in [[None, None], [Some("a"), Some("b")], [Some("a"), None], [Some("a"), Some("a")]] {
            let [one, two] = kids;
            let same = [entry(one, 0, 1), entry(two, 0, 2)];
            assert_eq!(chosen(&same, None).len(), 1, "{kids:?}");
            let with_another = [entry(one, 0, 1), entry(two, 0, 2), entry(Some("c"), 2, 3)];
            assert_eq!(chosen(&with_another, None).len(), usize::from(kids.contains(&None)), "{kids:?}");
        }
        assert_eq!(chosen(&[entry(Some("a"), 0, 1), entry(Some("b"), 0, 2)], Some("b")), [2]);
        assert_eq!(chosen(&[entry(None, 0, 1), entry(None, 1, 2)], None), [0; 0]);
    }
}
