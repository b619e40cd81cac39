//! What the authority keeps between calls; the time comes in.

use std::{cmp::Ordering, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::{AccessToken, FORCE_EVERY, FORCES_PER_DAY, Health, sha256};
use crate::{
    clock::Millis,
    ids,
    wechat::{error::WeChatError, quota::day, reaction::Reaction},
};

/// A token is handed out until this long before its end, or a tenth of its life.
const MARGIN: Millis = 60_000;
/// It is renewed from this long before its end, or half of its life. Under the five minutes in which the stable
/// endpoint gives the next one.
const AHEAD: Millis = 240_000;
/// The least time between two renewals.
const RENEW_EVERY: Millis = 10_000;
/// How long fetching stops after the first refusal; doubled for each further one.
const STOP: Millis = 30_000;
/// The longest stop.
const MAX_STOP: Millis = 600_000;
/// After an error that passes.
const PAUSE: Millis = 1_000;
/// After 45011: the quota of the minute.
const MINUTE: Millis = 60_000;

#[derive(Default)]
pub(super) struct Kept {
    token: Option<Token>,
    trouble: Option<Trouble>,
    /// The last heal that WeChat answered.
    pub(super) healed_at: Option<Millis>,
    /// The last forced refresh, answered or not.
    pub(super) forced_at: Option<Millis>,
    forces: Forces,
}

/// A token and its times.
pub(super) struct Token {
    secret: SecretString,
    sha256: [u8; 32],
    renew_at: Millis,
    good_until: Millis,
    ends_at: Millis,
}

/// Fetching goes on after `until`.
struct Trouble {
    error: WeChatError,
    /// Refusals in a row; 0 when the error passes by itself.
    stops: u32,
    since: Millis,
    until: Millis,
}

/// What nodes tell each other: the same times for all, because their clocks agree.
#[derive(Serialize, Deserialize)]
struct Common {
    token: Option<CommonToken>,
    healed_at: Option<Millis>,
    forced_at: Option<Millis>,
    forces: Forces,
}

#[derive(Serialize, Deserialize)]
struct CommonToken {
    secret: String,
    renew_at: Millis,
    good_until: Millis,
    ends_at: Millis,
}

/// Forced refreshes of a day in Beijing.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Forces {
    day: u64,
    used: u32,
}

impl Token {
    /// Its times, counted from `began`: before WeChat was asked, so that they are never too late.
    pub(super) fn new(secret: SecretString, life: Duration, began: Millis) -> Self {
        let life = u64::try_from(life.as_millis()).unwrap_or(Millis::MAX);
        let ends_at = began + life;
        let ahead = AHEAD.min(life / 2);
        let jitter = ids::below(ahead / 4);
        Self {
            sha256: sha256(&secret),
            secret,
            renew_at: (ends_at - ahead + jitter).max(began + RENEW_EVERY),
            good_until: ends_at - MARGIN.min(life / 10),
            ends_at,
        }
    }

    fn at(&self, now: Millis) -> AccessToken {
        AccessToken {
            token: self.secret.clone(),
            expires_in: Duration::from_millis(self.ends_at.saturating_sub(now)),
            sha256: self.sha256,
        }
    }
}

impl Kept {
    pub(super) fn good_token(&self, now: Millis) -> Option<AccessToken> {
        let token = self.token.as_ref().filter(|token| now < token.good_until)?;
        Some(token.at(now))
    }

    /// Whether a new token is wanted though the old one is good.
    pub(super) fn is_due(&self, now: Millis) -> bool {
        self.token
            .as_ref()
            .is_some_and(|token| now >= token.renew_at)
            && self.resting(now).is_none()
    }

    pub(super) fn is_current(&self, sha256: &[u8; 32]) -> bool {
        self.token
            .as_ref()
            .is_some_and(|token| token.sha256.ct_eq(sha256).into())
    }

    pub(super) fn keep(&mut self, token: Token, now: Millis) -> AccessToken {
        self.trouble = None;
        let shown = token.at(now);
        self.token = Some(token);
        shown
    }

    /// What the other nodes are told.
    pub(super) fn tell(&self) -> SecretString {
        let token = self.token.as_ref().map(|token| CommonToken {
            secret: token.secret.expose_secret().to_owned(),
            renew_at: token.renew_at,
            good_until: token.good_until,
            ends_at: token.ends_at,
        });
        let common = Common {
            token,
            healed_at: self.healed_at,
            forced_at: self.forced_at,
            forces: self.forces,
        };
        // A plain struct always has a JSON form.
        serde_json::to_string(&common).unwrap_or_default().into()
    }

    /// Takes over what another node has told, where that is newer.
    pub(super) fn hear(&mut self, told: &SecretString) {
        let Ok(common) = serde_json::from_str::<Common>(told.expose_secret()) else {
            return;
        };
        self.healed_at = self.healed_at.max(common.healed_at);
        self.forced_at = self.forced_at.max(common.forced_at);
        self.forces = match self.forces.day.cmp(&common.forces.day) {
            Ordering::Less => common.forces,
            Ordering::Equal => Forces {
                used: self.forces.used.max(common.forces.used),
                ..self.forces
            },
            Ordering::Greater => self.forces,
        };
        let ends_at = self.token.as_ref().map(|token| token.ends_at);
        if let Some(token) = common.token.filter(|token| Some(token.ends_at) > ends_at) {
            let secret = SecretString::from(token.secret);
            self.trouble = None;
            self.token = Some(Token {
                sha256: sha256(&secret),
                secret,
                renew_at: token.renew_at,
                good_until: token.good_until,
                ends_at: token.ends_at,
            });
        }
    }

    /// The last error, while nothing is fetched.
    pub(super) fn resting(&self, now: Millis) -> Option<WeChatError> {
        let trouble = self
            .trouble
            .as_ref()
            .filter(|trouble| now < trouble.until)?;
        Some(
            trouble
                .error
                .again(Duration::from_millis(trouble.until - now)),
        )
    }

    /// Fetches nothing for a while; tells how long.
    pub(super) fn rest(&mut self, error: &WeChatError, now: Millis) -> Duration {
        let before = self.trouble.as_ref().filter(|trouble| trouble.stops > 0);
        let (mut stops, since) = before.map_or((0, now), |before| (before.stops, before.since));
        let wait = if error.reaction() == Reaction::Alert {
            stops += 1;
            STOP.saturating_mul(1 << (stops - 1).min(10)).min(MAX_STOP)
        } else if error.errcode() == Some(45011) {
            MINUTE
        } else {
            PAUSE
        };
        self.trouble = Some(Trouble {
            error: error.clone(),
            stops,
            since,
            until: now + wait,
        });
        Duration::from_millis(wait)
    }

    /// How long no heal may reach WeChat, when two are to be `every` apart.
    pub(super) fn heal_wait(&self, now: Millis, every: Millis) -> Option<Millis> {
        let over = self.healed_at? + every;
        (now < over).then(|| over - now)
    }

    /// Takes one of the day's forced refreshes, when the last one is long enough ago.
    pub(super) fn may_force(&mut self, now: Millis, wall: Millis) -> bool {
        if self.forced_at.is_some_and(|at| now < at + FORCE_EVERY) {
            return false;
        }
        if self.forces.day != day(wall) {
            self.forces = Forces {
                day: day(wall),
                used: 0,
            };
        }
        let may = self.forces.used < FORCES_PER_DAY;
        if may {
            self.forces.used += 1;
        }
        may
    }

    pub(super) fn health(&self, now: Millis) -> Health {
        if let Some(trouble) = self.trouble.as_ref().filter(|trouble| trouble.stops > 0) {
            return Health::Stopped {
                errcode: trouble.error.errcode(),
                since: trouble.since,
            };
        }
        match self.token.as_ref().filter(|token| now < token.ends_at) {
            Some(token) => Health::Ok {
                expires_at: token.ends_at,
            },
            None => Health::Unknown,
        }
    }
}
