//! The pure part: `(scene, input, now)` gives the next scene and what must be told, or a refusal.

use std::{fmt, sync::Arc, time::Duration};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{
    clock::Millis,
    code::{Code, Locale},
    config::{AppId, Flow},
    ids,
    user::User,
};

/// The name of a scene: 128 random bits, 22 characters. Public: it is in the QR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SceneId(pub [u8; 16]);

impl SceneId {
    /// A new one.
    pub fn random() -> Self {
        Self(ids::random())
    }

    /// From its 22 characters.
    pub fn parse(text: &str) -> Option<Self> {
        ids::from_base64url(text).map(Self)
    }
}

impl fmt::Display for SceneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&ids::base64url(&self.0))
    }
}

/// What only the browser that opened the scene holds: 256 random bits. Has no `Debug`.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// A new one.
    pub fn random() -> Self {
        Self(ids::base64url(&ids::random::<32>()))
    }

    /// What a caller says it is; any text.
    pub const fn claimed(text: String) -> Self {
        Self(text)
    }

    /// For the wire to its owner, and nowhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What the store keeps.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

/// Everything of `start`; a refresh opens its next scene with the same.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The front end.
    pub app: AppId,
    /// The flow really used.
    pub flow: Flow,
    /// PKCE S256 (RFC 7636): what the grant is bound to.
    pub challenge: [u8; 32],
    /// The language of the page.
    pub locale: Locale,
    /// Whether the browser wants the QR drawn.
    pub svg: bool,
    /// Where a flow that leaves the page returns to.
    pub return_to: Option<String>,
    /// SHA-256 of the browser cookie.
    pub browser_cookie: Option<[u8; 32]>,
    /// Who asks, as the confirm page shows it.
    pub asker: Asker,
    /// When the browser asked, epoch milliseconds.
    pub opened_at: Millis,
    /// Runs through browser, phone and WeChat calls.
    pub trace_id: String,
}

/// The browser that wants to log in, as the person with the phone sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asker {
    /// "Chrome"
    pub browser: String,
    /// "Windows"
    pub system: String,
    /// Its address.
    pub ip: String,
}

/// The phone that scanned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone {
    /// Whom WeChat named, in the account of this flow.
    pub openid: String,
    /// SHA-256 of the phone cookie's random part: the one browser on the phone that may confirm.
    pub tie: [u8; 32],
}

/// One pending login. `seq` numbers its events; `state` is the truth.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Its name.
    pub id: SceneId,
    /// 1 when opened, one more with each event.
    pub seq: u64,
    /// Where it stands.
    pub state: State,
    /// When `state` began.
    pub at: Millis,
    /// When `state` ends; for an end, when the scene is forgotten.
    pub deadline: Millis,
    /// Who scanned, once somebody did.
    pub phone: Option<Box<Phone>>,
    /// SHA-256 of the secret.
    pub secret_hash: [u8; 32],
    /// What it was opened with.
    pub opening: Arc<Opening>,
}

/// Where a scene stands. What only one state knows is inside that state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The QR waits for a phone.
    Pending,
    /// A phone scanned; its person decides.
    Scanned {
        /// The person, when they logged in here before.
        known: Option<Box<User>>,
    },
    /// Confirmed: a grant waits to be redeemed, or was.
    Authorized {
        /// Who logs in.
        user: Box<User>,
        /// Set by the first redemption; then the scene is over.
        redeemed: Option<Box<Redeemed>>,
    },
    /// Refused on the phone, or by policy.
    Rejected {
        /// Who refused.
        by: By,
        /// Why, for the page.
        reason: Option<&'static str>,
    },
    /// Time ran out.
    Expired,
    /// Ended by the browser.
    Cancelled,
    /// An error ended it.
    Failed {
        /// Which.
        code: Code,
    },
}

/// The first redemption of a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redeemed {
    /// When.
    pub at: Millis,
    /// What the token module needs to give the same answer again; opaque here.
    pub receipt: String,
    /// Another verifier was shown afterwards: no answer any more.
    pub burnt: bool,
}

/// Who rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The person with the phone.
    User,
    /// A rule of the gateway.
    Policy,
}

impl By {
    /// The word on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Policy => "policy",
        }
    }
}

impl State {
    /// The word on the wire, in logs and in metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Scanned { .. } => "scanned",
            Self::Authorized { .. } => "authorized",
            Self::Rejected { .. } => "rejected",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Failed { .. } => "failed",
        }
    }

    /// Whether a further event may come.
    pub const fn is_live(&self) -> bool {
        match self {
            Self::Pending | Self::Scanned { .. } => true,
            Self::Authorized { redeemed, .. } => redeemed.is_none(),
            Self::Rejected { .. } | Self::Expired | Self::Cancelled | Self::Failed { .. } => false,
        }
    }
}

/// How long the states live.
#[derive(Clone, Copy, Debug)]
pub struct Lives {
    /// `pending`.
    pub pending: Duration,
    /// `pending` of the `website` flow.
    pub website: Duration,
    /// `scanned`, from the scan; confirming does not extend it.
    pub scanned: Duration,
    /// `authorized` until redeemed, and the time in which the same redemption gets the same answer.
    pub authorized: Duration,
    /// An end, until it is forgotten.
    pub end: Duration,
}

/// What can happen to a scene.
#[derive(Clone, Debug)]
pub enum Input {
    /// WeChat proved who holds the phone.
    Scan {
        /// The phone.
        phone: Phone,
        /// The person, when they are known here.
        known: Option<User>,
    },
    /// The phone that scanned said yes, and WeChat proved it is the same person.
    Confirm {
        /// The phone.
        phone: Phone,
        /// Who logs in.
        user: User,
    },
    /// The phone that scanned said no.
    Reject {
        /// The phone's tie.
        tie: [u8; 32],
    },
    /// The browser wants another code: only a pending scene can be replaced.
    Replace,
    /// The browser gives up, or says "that is not me".
    Cancel,
    /// Its time may be over.
    Expire,
    /// The grant was shown with its verifier.
    Redeem {
        /// See [`Redeemed::receipt`].
        receipt: String,
    },
    /// The grant was shown with another verifier.
    Burn,
    /// An error that ends the login.
    Fail {
        /// Which.
        code: Code,
    },
}

/// What must follow a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A new state: tell whoever watches.
    Announce,
    /// The browser that caused it knows already.
    Quiet,
    /// The grant was redeemed: watchers are done.
    Finish,
}

/// Why a step was not taken; nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It happened already; asking again is harmless.
    Again,
    /// Another phone, or another browser on that phone, holds the scene.
    OtherPhone,
    /// Not in this state.
    NotNow,
    /// It has ended, or its time is over.
    Ended,
    /// The grant was redeemed.
    Redeemed,
    /// Its time is not over.
    NotDue,
}

impl Scene {
    /// A scene that begins now.
    pub fn open(
        id: SceneId,
        secret: &Secret,
        opening: Arc<Opening>,
        now: Millis,
        lives: &Lives,
    ) -> Self {
        let life = if opening.flow == Flow::Website {
            lives.website
        } else {
            lives.pending
        };
        Self {
            id,
            seq: 1,
            state: State::Pending,
            at: now,
            deadline: after(now, life),
            phone: None,
            secret_hash: secret.hash(),
            opening,
        }
    }

    /// Whether `secret` is this scene's, in constant time.
    pub fn is_opened_by(&self, secret: &Secret) -> bool {
        self.secret_hash.ct_eq(&secret.hash()).into()
    }

    /// Whether the browser on the phone with this tie is the one that scanned.
    pub fn is_tied_to(&self, tie: &[u8; 32]) -> bool {
        self.phone
            .as_ref()
            .is_some_and(|phone| phone.tie.ct_eq(tie).into())
    }

    /// Whether its grant was redeemed.
    pub const fn is_redeemed(&self) -> bool {
        matches!(
            self.state,
            State::Authorized {
                redeemed: Some(_),
                ..
            }
        )
    }

    /// Whether it may be forgotten.
    pub const fn is_forgotten_at(&self, now: Millis) -> bool {
        !self.state.is_live() && now >= self.deadline
    }

    /// The next scene and what must follow, or why there is none.
    ///
    /// # Errors
    /// [`Refused`]: the scene stays as it is.
    pub fn advance(
        &self,
        input: &Input,
        now: Millis,
        lives: &Lives,
    ) -> Result<(Self, Effect), Refused> {
        if matches!(input, Input::Expire) {
            return self.expire(now, lives);
        }
        if self.state.is_live() && now >= self.deadline {
            return Err(Refused::Ended);
        }
        match &self.state {
            State::Pending => self.from_pending(input, now, lives),
            State::Scanned { .. } => self.from_scanned(input, now, lives),
            State::Authorized { redeemed: None, .. } => self.from_authorized(input, now, lives),
            State::Authorized {
                redeemed: Some(redeemed),
                ..
            } => self.from_redeemed(redeemed, input, now, lives),
            State::Rejected { .. } | State::Expired | State::Cancelled | State::Failed { .. } => {
                Err(Refused::Ended)
            }
        }
    }

    fn from_pending(
        &self,
        input: &Input,
        now: Millis,
        lives: &Lives,
    ) -> Result<(Self, Effect), Refused> {
        match input {
            Input::Scan { phone, known } => {
                let mut next = self.next(
                    State::Scanned {
                        known: known.clone().map(Box::new),
                    },
                    now,
                    lives,
                );
                next.phone = Some(Box::new(phone.clone()));
                Ok((next, Effect::Announce))
            }
            Input::Cancel => Ok((self.next(State::Cancelled, now, lives), Effect::Announce)),
            Input::Replace => Ok((self.next(State::Cancelled, now, lives), Effect::Quiet)),
            Input::Fail { code } => Ok((
                self.next(State::Failed { code: *code }, now, lives),
                Effect::Announce,
            )),
            Input::Confirm { .. } | Input::Reject { .. } => Err(Refused::OtherPhone),
            Input::Redeem { .. } | Input::Burn | Input::Expire => Err(Refused::NotNow),
        }
    }

    fn from_scanned(
        &self,
        input: &Input,
        now: Millis,
        lives: &Lives,
    ) -> Result<(Self, Effect), Refused> {
        match input {
            Input::Scan { phone, .. } => self.rescan(phone),
            Input::Confirm { phone, user } => {
                let same_person = self
                    .phone
                    .as_ref()
                    .is_some_and(|scanned| scanned.openid == phone.openid);
                if !same_person || !self.is_tied_to(&phone.tie) {
                    return Err(Refused::OtherPhone);
                }
                let state = State::Authorized {
                    user: Box::new(user.clone()),
                    redeemed: None,
                };
                Ok((self.next(state, now, lives), Effect::Announce))
            }
            Input::Reject { tie } if !self.is_tied_to(tie) => Err(Refused::OtherPhone),
            Input::Reject { .. } => Ok((
                self.next(
                    State::Rejected {
                        by: By::User,
                        reason: None,
                    },
                    now,
                    lives,
                ),
                Effect::Announce,
            )),
            Input::Cancel => Ok((self.next(State::Cancelled, now, lives), Effect::Announce)),
            Input::Fail { code } => Ok((
                self.next(State::Failed { code: *code }, now, lives),
                Effect::Announce,
            )),
            Input::Replace | Input::Redeem { .. } | Input::Burn | Input::Expire => {
                Err(Refused::NotNow)
            }
        }
    }

    fn from_authorized(
        &self,
        input: &Input,
        now: Millis,
        lives: &Lives,
    ) -> Result<(Self, Effect), Refused> {
        match input {
            Input::Redeem { receipt } => {
                let mut next = self.clone();
                next.deadline = after(now, lives.end);
                if let State::Authorized { redeemed, .. } = &mut next.state {
                    *redeemed = Some(Box::new(Redeemed {
                        at: now,
                        receipt: receipt.clone(),
                        burnt: false,
                    }));
                }
                Ok((next, Effect::Finish))
            }
            Input::Burn => Ok((
                self.next(
                    State::Failed {
                        code: Code::BadGrant,
                    },
                    now,
                    lives,
                ),
                Effect::Announce,
            )),
            Input::Cancel => Ok((self.next(State::Cancelled, now, lives), Effect::Announce)),
            Input::Confirm { phone, .. } if self.is_tied_to(&phone.tie) => Err(Refused::Again),
            Input::Confirm { .. } | Input::Scan { .. } => Err(Refused::OtherPhone),
            Input::Reject { .. } | Input::Replace | Input::Fail { .. } | Input::Expire => {
                Err(Refused::NotNow)
            }
        }
    }

    fn from_redeemed(
        &self,
        redeemed: &Redeemed,
        input: &Input,
        now: Millis,
        lives: &Lives,
    ) -> Result<(Self, Effect), Refused> {
        let answerable = now < after(redeemed.at, lives.authorized);
        if !matches!(input, Input::Burn) || !answerable || redeemed.burnt {
            return Err(Refused::Redeemed);
        }
        let mut next = self.clone();
        if let State::Authorized {
            redeemed: Some(redeemed),
            ..
        } = &mut next.state
        {
            redeemed.burnt = true;
        }
        Ok((next, Effect::Quiet))
    }

    /// The same person again moves the tie to the newer browser; anybody else is refused.
    fn rescan(&self, phone: &Phone) -> Result<(Self, Effect), Refused> {
        if self
            .phone
            .as_ref()
            .is_none_or(|scanned| scanned.openid != phone.openid)
        {
            return Err(Refused::OtherPhone);
        }
        if self.is_tied_to(&phone.tie) {
            return Err(Refused::Again);
        }
        let mut next = self.clone();
        next.phone = Some(Box::new(phone.clone()));
        Ok((next, Effect::Quiet))
    }

    fn expire(&self, now: Millis, lives: &Lives) -> Result<(Self, Effect), Refused> {
        if !self.state.is_live() {
            return Err(Refused::Ended);
        }
        if now < self.deadline {
            return Err(Refused::NotDue);
        }
        Ok((self.next(State::Expired, now, lives), Effect::Announce))
    }

    fn next(&self, state: State, now: Millis, lives: &Lives) -> Self {
        let life = match &state {
            State::Pending => lives.pending,
            State::Scanned { .. } => lives.scanned,
            State::Authorized { .. } => lives.authorized,
            State::Rejected { .. } | State::Expired | State::Cancelled | State::Failed { .. } => {
                lives.end
            }
        };
        Self {
            seq: self.seq + 1,
            state,
            at: now,
            deadline: after(now, life),
            ..self.clone()
        }
    }
}

fn after(now: Millis, life: Duration) -> Millis {
    now.saturating_add(u64::try_from(life.as_millis()).unwrap_or(u64::MAX))
}
