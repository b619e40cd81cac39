//! One key that signs access tokens.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use base64::{Engine, engine::general_purpose::STANDARD};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey,
    jwk::{Jwk, PublicKeyUse, ThumbprintHash},
};
use secrecy::{ExposeSecret, SecretBox, SecretString};

use super::keys::KeyError;
use crate::{config::SigningAlgorithm, ids};

/// RFC 7468 section 2: lines of 64 characters.
const LINE: usize = 64;

/// A key pair and its public face.
pub(super) struct SigningKey {
    pub(super) algorithm: SigningAlgorithm,
    pub(super) private: EncodingKey,
    pub(super) public: DecodingKey,
    /// With `use: sig`, `alg`, and `kid`.
    pub(super) jwk: Jwk,
    /// The RFC 7638 thumbprint: 43 characters of base64url.
    pub(super) kid: String,
}

impl SigningKey {
    /// The key in a PKCS#8 PEM, which is of that algorithm.
    pub(super) fn from_pem(
        algorithm: SigningAlgorithm,
        pem: &SecretString,
    ) -> Result<Self, KeyError> {
        let pem = pem.expose_secret().as_bytes();
        let private = match algorithm {
            SigningAlgorithm::EdDsa => EncodingKey::from_ed_pem(pem),
            SigningAlgorithm::Es256 => EncodingKey::from_ec_pem(pem),
        };
        private
            .and_then(|private| Self::of(algorithm, private))
            .map_err(library)
    }

    fn of(
        algorithm: SigningAlgorithm,
        private: EncodingKey,
    ) -> Result<Self, jsonwebtoken::errors::Error> {
        let mut jwk = Jwk::from_encoding_key(&private, jws(algorithm))?;
        let kid = jwk.thumbprint(ThumbprintHash::SHA256)?;
        jwk.common.key_id = Some(kid.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let public = DecodingKey::from_jwk(&jwk)?;
        Ok(Self {
            algorithm,
            private,
            public,
            jwk,
            kid,
        })
    }
}

/// What the header calls the algorithm (RFC 7518 section 3.1, RFC 8037 section 3.1).
pub(super) const fn jws(algorithm: SigningAlgorithm) -> Algorithm {
    match algorithm {
        SigningAlgorithm::EdDsa => Algorithm::EdDSA,
        SigningAlgorithm::Es256 => Algorithm::ES256,
    }
}

/// A fresh key as a PKCS#8 PEM, as OpenSSL writes and reads it too.
pub(super) fn new_pem(algorithm: SigningAlgorithm) -> Result<SecretString, KeyError> {
    let der = match algorithm {
        SigningAlgorithm::EdDsa => new_ed25519(),
        SigningAlgorithm::Es256 => new_p256(),
    };
    let body = STANDARD.encode(der.map_err(library)?.expose_secret());
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    Ok(pem.into())
}

/// RFC 8410.
fn new_ed25519() -> Result<SecretBox<[u8]>, aws_lc_rs::error::Unspecified> {
    let seed = SecretBox::new(Box::new(ids::random::<32>()));
    let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose_secret());
    let pair = pair.map_err(|_rejected| aws_lc_rs::error::Unspecified)?;
    Ok(SecretBox::new(pair.to_pkcs8v1()?.as_ref().into()))
}

/// RFC 5915 in RFC 5208. The library draws its own randomness here, and for each signature.
fn new_p256() -> Result<SecretBox<[u8]>, aws_lc_rs::error::Unspecified> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
    Ok(SecretBox::new(pair.to_pkcs8v1()?.as_ref().into()))
}

fn library(error: impl std::fmt::Display) -> KeyError {
    KeyError::Library(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pem_gives_the_same_key_each_time() {
        for algorithm in [SigningAlgorithm::EdDsa, SigningAlgorithm::Es256] {
            let pem = new_pem(algorithm).unwrap();
            let text = pem.expose_secret();
            assert!(text.lines().all(|line| line.len() <= LINE), "{algorithm:?}");
            let first = SigningKey::from_pem(algorithm, &pem).unwrap();
            let second = SigningKey::from_pem(algorithm, &pem).unwrap();
            assert_eq!(first.kid, second.kid);
            assert_eq!(first.kid.len(), 43);
            let fresh = SigningKey::from_pem(algorithm, &new_pem(algorithm).unwrap());
            assert_ne!(first.kid, fresh.unwrap().kid);
        }
    }

    #[test]
    fn a_pem_of_the_other_algorithm_is_no_key() {
        let (ed, ec) = (SigningAlgorithm::EdDsa, SigningAlgorithm::Es256);
        for (pem, algorithm) in [(ed, ec), (ec, ed)] {
            let pem = new_pem(pem).unwrap();
            assert!(SigningKey::from_pem(algorithm, &pem).is_err());
        }
    }

    #[test]
    fn a_kid_is_the_thumbprint_of_rfc_8037_appendix_a3() {
        // The private key of RFC 8037 appendix A.1 in a PKCS#8 envelope.
        let seed: [u8; 32] =
            ids::from_base64url("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let der = pair.to_pkcs8v1().unwrap();
        let private = EncodingKey::from_ed_der(der.as_ref());
        let key = SigningKey::of(SigningAlgorithm::EdDsa, private).unwrap();
        assert_eq!(key.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
