//! The pure part: `(scene, input, now)` gives the next scene and what must be told, or a refusal.

use super::{
    digits::Digits,
    record::{Lives, Phone, Scene, after},
    state::{By, Effect, Input, Redeemed, Refused, State},
};
use crate::{clock::Millis, code::Code, config::Flow, user::User};

/// How often the browser may send digits, the right ones included.
const TRIES: u8 = 3;

/// The next scene and what must follow, or why there is none.
type Step = Result<(Scene, Effect), Refused>;

/// When a step is taken, and how long states live.
#[derive(Clone, Copy)]
struct At<'a> {
    now: Millis,
    lives: &'a Lives,
}

impl Scene {
    /// The next scene and what must follow, or why there is none.
    ///
    /// # Errors
    /// [`Refused`]: the scene stays as it is.
    pub fn advance(&self, input: &Input, now: Millis, lives: &Lives) -> Step {
        let at = At { now, lives };
        if matches!(input, Input::Expire) {
            return self.expire(at);
        }
        if self.state.is_live() && now >= self.deadline {
            return Err(Refused::Ended);
        }
        match &self.state {
            State::Pending => self.when_pending(input, at),
            State::Scanned { .. } => self.when_scanned(input, at),
            State::Verifying {
                user,
                digits,
                tries_left,
            } => self.when_verifying((user, digits, *tries_left), input, at),
            State::Authorized { redeemed: None, .. } => self.when_authorized(input, at),
            State::Authorized {
                redeemed: Some(redeemed),
                ..
            } => self.when_redeemed(redeemed, input, at),
            State::Rejected { .. } | State::Expired | State::Cancelled | State::Failed { .. } => {
                Err(Refused::Ended)
            }
        }
    }

    fn when_pending(&self, input: &Input, at: At<'_>) -> Step {
        match input {
            Input::Scan { phone, known } if self.is_scanned_by(phone) => {
                let known = known.clone().map(Box::new);
                let mut next = self.next(State::Scanned { known }, at);
                next.phone = Some(Box::new(phone.clone()));
                Ok((next, Effect::Announce))
            }
            Input::SignIn { user, .. } if self.opening.flow == Flow::Website => {
                self.authorize(user, at)
            }
            Input::Decline if self.opening.flow == Flow::Website => self.reject(By::User, None, at),
            Input::Deny { phone, reason } => self.deny(phone, reason, at),
            Input::Cancel => Ok((self.next(State::Cancelled, at), Effect::Announce)),
            Input::Replace => Ok((self.next(State::Cancelled, at), Effect::Quiet)),
            Input::Fail { tie: None, code } => self.fail(*code, at),
            Input::Fail { .. } | Input::Confirm { .. } | Input::Reject { .. } => {
                Err(Refused::OtherPhone)
            }
            _ => Err(Refused::NotNow),
        }
    }

    fn when_scanned(&self, input: &Input, at: At<'_>) -> Step {
        match input {
            Input::Scan { phone, .. } => self.rescan(phone),
            Input::Confirm {
                phone,
                user,
                digits,
            } => {
                if !self.is_openid(&phone.openid) || !self.is_tied_to(phone.tie.as_ref()) {
                    return Err(Refused::OtherPhone);
                }
                match digits {
                    None => self.authorize(user, at),
                    Some(digits) => self.ask_for(*digits, user, at),
                }
            }
            Input::SignIn { openid, user } if self.opening.flow == Flow::OfficialAccount => {
                if self.is_openid(openid) {
                    self.authorize(user, at)
                } else {
                    Err(Refused::OtherPhone)
                }
            }
            Input::Deny { phone, .. } if !self.is_openid(&phone.openid) => Err(Refused::OtherPhone),
            Input::Deny { phone, reason } => self.deny(phone, reason, at),
            _ => self.when_in_hand(input, at),
        }
    }

    fn when_verifying(
        &self,
        (user, digits, tries_left): (&User, &Digits, u8),
        input: &Input,
        at: At<'_>,
    ) -> Step {
        match input {
            Input::Verify { digits: sent } if sent == digits => self.authorize(user, at),
            Input::Verify { .. } if tries_left <= 1 => self.fail(Code::WrongDigits, at),
            Input::Verify { .. } => {
                let state = State::Verifying {
                    user: Box::new(user.clone()),
                    digits: *digits,
                    tries_left: tries_left - 1,
                };
                let mut next = self.next(state, at);
                next.deadline = self.deadline;
                Ok((next, Effect::Announce))
            }
            Input::Scan { phone, .. } => self.rescan(phone),
            Input::Confirm { phone, .. } if self.is_tied_to(phone.tie.as_ref()) => {
                Err(Refused::Again)
            }
            Input::Confirm { .. } => Err(Refused::OtherPhone),
            _ => self.when_in_hand(input, at),
        }
    }

    /// What can happen at any time between the scan and the login.
    fn when_in_hand(&self, input: &Input, at: At<'_>) -> Step {
        match input {
            Input::Reject { tie } | Input::Fail { tie: Some(tie), .. }
                if !self.is_tied_to(Some(tie)) =>
            {
                Err(Refused::OtherPhone)
            }
            Input::Reject { .. } => self.reject(By::User, None, at),
            Input::Cancel => Ok((self.next(State::Cancelled, at), Effect::Announce)),
            Input::Fail { code, .. } => self.fail(*code, at),
            _ => Err(Refused::NotNow),
        }
    }

    fn when_authorized(&self, input: &Input, at: At<'_>) -> Step {
        match input {
            Input::Redeem { receipt } => {
                let mut next = self.clone();
                next.deadline = after(at.now, at.lives.end);
                if let State::Authorized { redeemed, .. } = &mut next.state {
                    *redeemed = Some(Box::new(Redeemed {
                        at: at.now,
                        receipt: receipt.clone(),
                        burnt: false,
                    }));
                }
                Ok((next, Effect::Finish))
            }
            Input::Burn => self.fail(Code::BadGrant, at),
            Input::Cancel => Ok((self.next(State::Cancelled, at), Effect::Announce)),
            Input::Confirm { phone, .. } if self.is_tied_to(phone.tie.as_ref()) => {
                Err(Refused::Again)
            }
            // Whoever it is already: it is they who are in.
            Input::Scan { phone, .. } if self.is_openid(&phone.openid) => Err(Refused::Again),
            Input::Confirm { .. } | Input::Scan { .. } => Err(Refused::OtherPhone),
            _ => Err(Refused::NotNow),
        }
    }

    fn when_redeemed(&self, redeemed: &Redeemed, input: &Input, at: At<'_>) -> Step {
        let answerable = at.now < after(redeemed.at, at.lives.authorized);
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

    /// Whether this proof is the one that the flow takes for a scan: a page of ours opened in WeChat, or an event.
    fn is_scanned_by(&self, phone: &Phone) -> bool {
        match self.opening.flow {
            Flow::H5 => phone.tie.is_some(),
            Flow::OfficialAccount => phone.tie.is_none(),
            Flow::Website => false,
        }
    }

    /// The same person again moves the tie to the newer browser; anybody else is refused.
    fn rescan(&self, phone: &Phone) -> Step {
        if !self.is_openid(&phone.openid) {
            return Err(Refused::OtherPhone);
        }
        if phone.tie.is_none() || self.is_tied_to(phone.tie.as_ref()) {
            return Err(Refused::Again);
        }
        let mut next = self.clone();
        next.phone = Some(Box::new(phone.clone()));
        Ok((next, Effect::Quiet))
    }

    /// The digits have a minute, and never more than the scan left.
    fn ask_for(&self, digits: Digits, user: &User, at: At<'_>) -> Step {
        let state = State::Verifying {
            user: Box::new(user.clone()),
            digits,
            tries_left: TRIES,
        };
        let mut next = self.next(state, at);
        next.deadline = next.deadline.min(self.deadline);
        Ok((next, Effect::Announce))
    }

    fn authorize(&self, user: &User, at: At<'_>) -> Step {
        let state = State::Authorized {
            user: Box::new(user.clone()),
            redeemed: None,
        };
        Ok((self.next(state, at), Effect::Announce))
    }

    fn deny(&self, phone: &Phone, reason: &'static str, at: At<'_>) -> Step {
        let (mut next, effect) = self.reject(By::Policy, Some(reason), at)?;
        next.phone = Some(Box::new(phone.clone()));
        Ok((next, effect))
    }

    fn reject(&self, by: By, reason: Option<&'static str>, at: At<'_>) -> Step {
        let reason = reason.map(Into::into);
        let rejected = self.next(State::Rejected { by, reason }, at);
        Ok((rejected, Effect::Announce))
    }

    fn fail(&self, code: Code, at: At<'_>) -> Step {
        Ok((self.next(State::Failed { code }, at), Effect::Announce))
    }

    fn expire(&self, at: At<'_>) -> Step {
        if !self.state.is_live() {
            return Err(Refused::Ended);
        }
        if at.now < self.deadline {
            return Err(Refused::NotDue);
        }
        Ok((self.next(State::Expired, at), Effect::Announce))
    }

    fn next(&self, state: State, At { now, lives }: At<'_>) -> Self {
        let life = match &state {
            State::Pending => lives.pending,
            State::Scanned { .. } => lives.scanned,
            State::Verifying { .. } => lives.verifying,
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
