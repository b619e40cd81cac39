//! Access tokens: JWTs of RFC 9068 (`typ: at+jwt`), signed with the one algorithm configured.

use std::collections::BTreeSet;

use jsonwebtoken::{Header, Validation, decode_header};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{error::TokenError, keys::Keys, session::SessionId, signing_key::jws};
use crate::{
    config::{AppId, Config},
    user::UserId,
};

/// RFC 9068 section 2.1.
const TYPE: &str = "at+jwt";

/// How far the clocks of gateway and verifier may differ, in seconds.
pub(super) const LEEWAY_S: u64 = 5;

/// Ours are under 1 KiB; longer ones are not even looked at.
const MAX_BYTES: usize = 4096;

/// Signs and verifies access tokens.
pub(super) struct Access {
    keys: Keys,
    issuer: String,
    /// `aud` of all apps; each app's own id when not set.
    audience: Option<String>,
    apps: BTreeSet<AppId>,
    ttl_s: u64,
    validation: Validation,
}

/// What one access token is made of, besides its signature: the same parts give the same token, to the byte.
pub(super) struct Parts<'a> {
    pub(super) kid: &'a str,
    pub(super) user: &'a UserId,
    pub(super) session: &'a SessionId,
    pub(super) app: &'a AppId,
    /// Seconds since 1970.
    pub(super) iat: u64,
    pub(super) jti: &'a str,
}

/// Whom an access token speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// `sub`
    pub user_id: UserId,
    /// `sid`
    pub session_id: SessionId,
    /// `client_id`
    pub app: AppId,
}

/// The payload: RFC 9068 section 2.2, and `sid`. All of them are required; times are in seconds since 1970.
#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    client_id: String,
    sid: String,
    iat: u64,
    nbf: u64,
    exp: u64,
    jti: String,
}

impl Access {
    pub(super) fn new(config: &Config, keys: Keys) -> Self {
        let issuer = issuer(config);
        let audience = config.token.audience.clone();
        let apps: BTreeSet<AppId> = config.apps.iter().map(|(id, _)| id.clone()).collect();
        let audiences: Vec<&str> = match &audience {
            Some(audience) => vec![audience],
            None => apps.iter().map(AppId::as_str).collect(),
        };
        let mut validation = Validation::new(jws(keys.algorithm()));
        validation.set_issuer(&[&issuer]);
        validation.set_audience(&audiences);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        // The library reads the system's clock; `in_time` reads the gateway's.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self {
            keys,
            issuer,
            audience,
            apps,
            ttl_s: config.token.access_ttl.as_secs(),
            validation,
        }
    }

    /// How long a token lives, in seconds.
    pub(super) const fn ttl_s(&self) -> u64 {
        self.ttl_s
    }

    /// The token made of `parts`.
    ///
    /// # Errors
    /// [`TokenError::BadGrant`] when the key of `parts.kid` is gone; [`TokenError::Internal`].
    pub(super) fn sign(&self, parts: &Parts<'_>) -> Result<SecretString, TokenError> {
        let key = self.keys.find(parts.kid).ok_or(TokenError::BadGrant)?;
        let mut header = Header::new(jws(key.algorithm));
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(parts.kid.to_owned());
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience_of(parts.app).to_owned(),
            sub: parts.user.0.clone(),
            client_id: parts.app.to_string(),
            sid: parts.session.0.clone(),
            iat: parts.iat,
            nbf: parts.iat,
            exp: parts.iat.saturating_add(self.ttl_s),
            jti: parts.jti.to_owned(),
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that signs access tokens"
        )]
        let token = jsonwebtoken::encode(&header, &claims, &key.private);
        token
            .map(SecretString::from)
            .map_err(|error| TokenError::Internal(format!("signing: {error}")))
    }

    /// Whom a token speaks for at `now_s`, seconds since 1970 (RFC 9068 section 4, RFC 8725 section 3).
    ///
    /// # Errors
    /// [`TokenError::TokenExpired`] for a token that was good; [`TokenError::Unauthenticated`] for all others.
    pub(super) fn verify(&self, token: &str, now_s: u64) -> Result<Caller, TokenError> {
        let claims = self.decode(token).ok_or(TokenError::Unauthenticated)?;
        let app = AppId::parse(&claims.client_id)
            .filter(|app| self.apps.contains(app))
            .filter(|app| claims.aud == self.audience_of(app))
            .ok_or(TokenError::Unauthenticated)?;
        claims.in_time(now_s)?;
        Ok(Caller {
            user_id: UserId(claims.sub),
            session_id: SessionId(claims.sid),
            app,
        })
    }

    /// The claims of a token that one of our keys signed for us; its times are not looked at.
    fn decode(&self, token: &str) -> Option<Claims> {
        if token.len() > MAX_BYTES {
            return None;
        }
        let header = decode_header(token).ok()?;
        // An extension that must be understood (RFC 7515 section 4.1.11) is not: there are none here.
        if header.typ.as_deref() != Some(TYPE) || header.crit.is_some() {
            return None;
        }
        let key = self.keys.find(header.kid.as_deref()?)?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that verifies access tokens"
        )]
        let data = jsonwebtoken::decode::<Claims>(token, &key.public, &self.validation);
        Some(data.ok()?.claims)
    }

    fn audience_of<'a>(&'a self, app: &'a AppId) -> &'a str {
        self.audience.as_deref().unwrap_or(app.as_str())
    }
}

impl Claims {
    fn in_time(&self, now_s: u64) -> Result<(), TokenError> {
        if self.nbf > now_s.saturating_add(LEEWAY_S) {
            return Err(TokenError::Unauthenticated);
        }
        if now_s >= self.exp.saturating_add(LEEWAY_S) {
            return Err(TokenError::TokenExpired);
        }
        Ok(())
    }
}

/// `token.issuer`, else `server.public_url` as people write it: without a slash at the end.
pub(super) fn issuer(config: &Config) -> String {
    config.token.issuer.clone().unwrap_or_else(|| {
        let url = config.server.public_url();
        url.as_str().trim_end_matches('/').to_owned()
    })
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
