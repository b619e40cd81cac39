//! The pure part: `(scene, input, now)` gives the next scene and what must be told, or a refusal.

use super::record::{Lives, Phone, Scene, after};
use crate::{clock::Millis, code::Code, user::User};

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
        /// The phone it hit, which must be the one that scanned; none for an error that no phone can cause.
        tie: Option<[u8; 32]>,
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
            State::Pending => self.when_pending(input, now, lives),
            State::Scanned { .. } => self.when_scanned(input, now, lives),
            State::Authorized { redeemed: None, .. } => self.when_authorized(input, now, lives),
            State::Authorized {
                redeemed: Some(redeemed),
                ..
            } => self.when_redeemed(redeemed, input, now, lives),
            State::Rejected { .. } | State::Expired | State::Cancelled | State::Failed { .. } => {
                Err(Refused::Ended)
            }
        }
    }

    fn when_pending(
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
            Input::Fail { tie: Some(_), .. } => Err(Refused::OtherPhone),
            Input::Fail { code, .. } => Ok((
                self.next(State::Failed { code: *code }, now, lives),
                Effect::Announce,
            )),
            Input::Confirm { .. } | Input::Reject { .. } => Err(Refused::OtherPhone),
            Input::Redeem { .. } | Input::Burn | Input::Expire => Err(Refused::NotNow),
        }
    }

    fn when_scanned(
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
            Input::Fail { tie: Some(tie), .. } if !self.is_tied_to(tie) => Err(Refused::OtherPhone),
            Input::Fail { code, .. } => Ok((
                self.next(State::Failed { code: *code }, now, lives),
                Effect::Announce,
            )),
            Input::Replace | Input::Redeem { .. } | Input::Burn | Input::Expire => {
                Err(Refused::NotNow)
            }
        }
    }

    fn when_authorized(
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
            Input::Confirm { phone, .. } | Input::Scan { phone, .. }
                if self.is_tied_to(&phone.tie) =>
            {
                Err(Refused::Again)
            }
            Input::Confirm { .. } | Input::Scan { .. } => Err(Refused::OtherPhone),
            Input::Reject { .. } | Input::Replace | Input::Fail { .. } | Input::Expire => {
                Err(Refused::NotNow)
            }
        }
    }

    fn when_redeemed(
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
