//! Codes, and the tokens they were exchanged for.

use super::{errcode::Errcode, expiring::Expiring, user::Identity};
use crate::{clock::Millis, ids};

/// A code of the in-app page can be exchanged for five minutes.
const CODE_TTL: Millis = 5 * 60_000;
/// A website's, for ten.
const WEBSITE_CODE_TTL: Millis = 10 * 60_000;
/// How long a code is known, to tell a used one from an unknown one.
const CODE_MEMORY: Millis = 60 * 60_000;
/// Characters of a code.
const CODE_LENGTH: usize = 32;
/// Seconds an access token lives.
pub(super) const ACCESS_TTL_S: u64 = 7200;
/// A refresh token lives thirty days.
const REFRESH_TTL: Millis = 30 * 24 * 3_600_000;
/// Codes and sessions at most, each; the oldest makes room.
const CAPACITY: usize = 100_000;

/// What an app may see of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The openid, without asking.
    Base,
    /// Name and picture, after consent.
    Userinfo,
    /// The same, for a website.
    Login,
}

impl Scope {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "snsapi_base" => Some(Self::Base),
            "snsapi_userinfo" => Some(Self::Userinfo),
            "snsapi_login" => Some(Self::Login),
            _ => None,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Base => "snsapi_base",
            Self::Userinfo => "snsapi_userinfo",
            Self::Login => "snsapi_login",
        }
    }
}

/// Who lets which app see what.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) app_id: String,
    pub(super) user_id: String,
    pub(super) identity: Identity,
    pub(super) scope: Scope,
}

#[derive(Debug)]
struct Code {
    grant: Grant,
    expires_at: Millis,
    spent: bool,
}

#[derive(Debug)]
struct Session {
    grant: Grant,
    access_token: String,
    access_expires_at: Millis,
}

/// A pair of tokens, as the token endpoints answer it.
#[derive(Clone, Debug)]
pub(super) struct Tokens {
    pub(super) access_token: String,
    pub(super) refresh_token: String,
    pub(super) grant: Grant,
}

/// Everything handed out.
#[derive(Debug)]
pub(super) struct Ledger {
    codes: Expiring<Code>,
    /// By refresh token.
    sessions: Expiring<Session>,
    /// From every access token ever given to its refresh token.
    access: Expiring<String>,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self {
            codes: Expiring::new(CAPACITY, CODE_MEMORY),
            sessions: Expiring::new(CAPACITY, REFRESH_TTL),
            access: Expiring::new(CAPACITY, REFRESH_TTL),
        }
    }

    /// A code for `grant`.
    pub(super) fn issue(&mut self, grant: Grant, now: Millis) -> String {
        let text = alphanumeric(CODE_LENGTH);
        let ttl = match grant.scope {
            Scope::Base | Scope::Userinfo => CODE_TTL,
            Scope::Login => WEBSITE_CODE_TTL,
        };
        let code = Code {
            grant,
            expires_at: now + ttl,
            spent: false,
        };
        self.codes.insert(text.clone(), code, now);
        text
    }

    /// Exchanges a code, once.
    pub(super) fn exchange(
        &mut self,
        code: &str,
        app_id: &str,
        now: Millis,
    ) -> Result<Tokens, Errcode> {
        let session = Session {
            grant: self.spend(code, app_id, now)?,
            access_token: token(),
            access_expires_at: now + ACCESS_TTL_S * 1000,
        };
        let refresh_token = token();
        let tokens = session.tokens(&refresh_token);
        self.access
            .insert(session.access_token.clone(), refresh_token.clone(), now);
        self.sessions.insert(refresh_token, session, now);
        Ok(tokens)
    }

    /// What a code is for; it stays good.
    pub(super) fn look(
        &mut self,
        code: &str,
        app_id: &str,
        now: Millis,
    ) -> Result<&Grant, Errcode> {
        let code = self.good(code, app_id, now)?;
        Ok(&code.grant)
    }

    /// What a code is for, once.
    pub(super) fn spend(
        &mut self,
        code: &str,
        app_id: &str,
        now: Millis,
    ) -> Result<Grant, Errcode> {
        let code = self.good(code, app_id, now)?;
        code.spent = true;
        Ok(code.grant.clone())
    }

    fn good(&mut self, code: &str, app_id: &str, now: Millis) -> Result<&mut Code, Errcode> {
        let code = self
            .codes
            .get(code, now)
            .filter(|code| code.grant.app_id == app_id)
            .ok_or(Errcode::INVALID_CODE)?;
        if code.spent {
            return Err(Errcode::CODE_USED);
        }
        if now >= code.expires_at {
            return Err(Errcode::CODE_EXPIRED);
        }
        Ok(code)
    }

    /// The same access token for another two hours while it is good, else a new one.
    pub(super) fn refresh(
        &mut self,
        refresh_token: &str,
        app_id: &str,
        now: Millis,
    ) -> Result<Tokens, Errcode> {
        let session = self
            .sessions
            .get(refresh_token, now)
            .filter(|session| session.grant.app_id == app_id)
            .ok_or(Errcode::INVALID_REFRESH_TOKEN)?;
        if now >= session.access_expires_at {
            session.access_token = token();
            self.access
                .insert(session.access_token.clone(), refresh_token.to_owned(), now);
        }
        session.access_expires_at = now + ACCESS_TTL_S * 1000;
        Ok(session.tokens(refresh_token))
    }

    /// What an access token lets its holder see.
    pub(super) fn grant(&mut self, access_token: &str, now: Millis) -> Result<&Grant, Errcode> {
        let session = self
            .access
            .get(access_token, now)
            .and_then(|refresh_token| self.sessions.get(refresh_token, now))
            .ok_or(Errcode::INVALID_CREDENTIAL)?;
        if session.access_token != access_token || now >= session.access_expires_at {
            return Err(Errcode::ACCESS_TOKEN_EXPIRED);
        }
        Ok(&session.grant)
    }
}

impl Session {
    fn tokens(&self, refresh_token: &str) -> Tokens {
        Tokens {
            access_token: self.access_token.clone(),
            refresh_token: refresh_token.to_owned(),
            grant: self.grant.clone(),
        }
    }
}

/// Random letters and digits.
pub(super) fn alphanumeric(count: usize) -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    (0..count)
        .filter_map(|_| usize::try_from(ids::below(62)).ok())
        .filter_map(|index| LETTERS.get(index))
        .map(|letter| char::from(*letter))
        .collect()
}

/// A decimal version and base64url, the shape of WeChat's tokens.
pub(super) fn token() -> String {
    format!("98_{}", ids::base64url(&ids::random::<64>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "wx0000000000000001";

    fn grant(scope: Scope) -> Grant {
        Grant {
            app_id: APP.to_owned(),
            user_id: "amy".to_owned(),
            identity: Identity {
                openid: "oAmy".to_owned(),
                unionid: None,
                snapshot: false,
            },
            scope,
        }
    }

    #[test]
    fn a_code_is_exchanged_once_by_its_app_within_five_minutes() {
        let mut ledger = Ledger::new();
        let code = ledger.issue(grant(Scope::Base), 0);
        assert_eq!(code.len(), 32);
        assert!(code.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let refused = |ledger: &mut Ledger, code: &str, app: &str, now| {
            ledger.exchange(code, app, now).unwrap_err()
        };
        assert_eq!(
            refused(&mut ledger, "unknown", APP, 0),
            Errcode::INVALID_CODE
        );
        assert_eq!(
            refused(&mut ledger, &code, "wx2", 0),
            Errcode::INVALID_CODE,
            "another app neither gets nor spends it"
        );
        assert!(ledger.exchange(&code, APP, CODE_TTL - 1).is_ok());
        assert_eq!(
            refused(&mut ledger, &code, APP, CODE_TTL + 1),
            Errcode::CODE_USED
        );
        let late = ledger.issue(grant(Scope::Base), 0);
        assert_eq!(
            refused(&mut ledger, &late, APP, CODE_TTL),
            Errcode::CODE_EXPIRED
        );
    }

    #[test]
    fn a_token_lives_two_hours_and_is_refreshed_in_place() {
        let mut ledger = Ledger::new();
        let code = ledger.issue(grant(Scope::Userinfo), 0);
        let tokens = ledger.exchange(&code, APP, 0).unwrap();
        let life = ACCESS_TTL_S * 1000;
        assert!(ledger.grant(&tokens.access_token, life - 1).is_ok());
        let same = ledger
            .refresh(&tokens.refresh_token, APP, life - 1)
            .unwrap();
        assert_eq!(same.access_token, tokens.access_token);
        assert!(ledger.grant(&tokens.access_token, life).is_ok(), "extended");
        let later = 2 * life;
        assert_eq!(
            ledger.grant(&tokens.access_token, later).unwrap_err(),
            Errcode::ACCESS_TOKEN_EXPIRED
        );
        let new = ledger.refresh(&tokens.refresh_token, APP, later).unwrap();
        assert_ne!(new.access_token, tokens.access_token);
        assert!(ledger.grant(&new.access_token, later).is_ok());
        assert_eq!(
            ledger.grant(&tokens.access_token, later).unwrap_err(),
            Errcode::ACCESS_TOKEN_EXPIRED
        );
        assert_eq!(
            ledger.grant("98_unknown", later).unwrap_err(),
            Errcode::INVALID_CREDENTIAL
        );
        assert_eq!(
            ledger
                .refresh(&tokens.refresh_token, APP, REFRESH_TTL)
                .unwrap_err(),
            Errcode::INVALID_REFRESH_TOKEN
        );
        assert_eq!(
            ledger.refresh("98_unknown", APP, later).unwrap_err(),
            Errcode::INVALID_REFRESH_TOKEN
        );
    }
}
