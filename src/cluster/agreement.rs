//! What every node must have alike before it takes work: else what one gives out, another refuses.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::StoreError;

/// What a node works with, and nothing secret of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// A keyed hash of the secret that sessions, grants, states and cookies are derived from.
    pub derivation: String,
    /// What signs access tokens.
    pub algorithm: String,
    /// The `iss` of access tokens.
    pub issuer: String,
    /// The signing keys it knows.
    pub kids: BTreeSet<String>,
}

/// What the living nodes work with.
#[async_trait]
pub trait Agreement: Send + Sync {
    /// What the others have; `mine` when it is alike, or when there is nobody else and this node `may_begin`. Then it
    /// stands for this node too, for a while: tell it again. `None` where nothing stands, and it may not.
    async fn agree(
        &self,
        mine: &Fingerprint,
        may_begin: bool,
    ) -> Result<Option<Fingerprint>, StoreError>;
}

/// Why a node with `mine` and one with `theirs` cannot work together, and what to do; `None` when they can. Keys that
/// follow one another need seconds to be everywhere: one in common is enough.
pub fn difference(mine: &Fingerprint, theirs: &Fingerprint) -> Option<String> {
    let with = |key: &str, mine: &str, theirs: &str| {
        Some(format!(
            "{key} is {mine} here, and {theirs} on the other gateways: give all of them the same"
        ))
    };
    if mine.issuer != theirs.issuer {
        return with("token.issuer", &mine.issuer, &theirs.issuer);
    }
    if mine.derivation != theirs.derivation || mine.kids.is_disjoint(&theirs.kids) {
        let same = "the keys here are not those of the other gateways: give all of them the same token.master_key and store.url, or mount one token.key_dir (where all were changed at once, this lasts a minute)";
        return Some(same.to_owned());
    }
    if mine.algorithm != theirs.algorithm {
        return with("token.algorithm", &mine.algorithm, &theirs.algorithm);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(kids: &[&str]) -> Fingerprint {
        Fingerprint {
            derivation: "d".to_owned(),
            algorithm: "EdDSA".to_owned(),
            issuer: "https://login.example.com".to_owned(),
            kids: kids.iter().map(|kid| (*kid).to_owned()).collect(),
        }
    }

    #[test]
    fn one_key_in_common_is_enough() {
        let mine = fingerprint(&["a", "b"]);
        for kids in [&["a", "b"][..], &["b", "c"], &["a"]] {
            assert_eq!(difference(&mine, &fingerprint(kids)), None, "{kids:?}");
        }
        for kids in [&["c"][..], &[]] {
            let said = difference(&mine, &fingerprint(kids)).unwrap();
            assert!(said.contains("token.master_key"), "{said}");
        }
    }

    #[test]
    fn what_differs_is_named() {
        let mine = fingerprint(&["a"]);
        let theirs = |change: fn(&mut Fingerprint)| {
            let mut theirs = mine.clone();
            change(&mut theirs);
            difference(&mine, &theirs).unwrap()
        };
        let said = theirs(|one| one.derivation = "e".to_owned());
        assert!(said.contains("token.key_dir"), "{said}");
        let said = theirs(|one| one.algorithm = "ES256".to_owned());
        assert!(said.contains("token.algorithm is EdDSA here, and ES256"));
        let said = theirs(|one| one.issuer = "https://other".to_owned());
        assert!(said.contains("token.issuer") && said.contains("https://other"));
    }
}
