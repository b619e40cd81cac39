//! Where a scene can stand, and what can happen to it.

use serde::{Deserialize, Serialize};

use super::{digits::Digits, record::Phone};
use crate::{
    clock::Millis,
    code::Code,
    user::{Known, User},
};

/// Where a scene stands. What only one state knows is inside that state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The QR waits for a phone.
    Pending,
    /// A phone scanned; its person decides.
    Scanned {
        /// The person, when they logged in here before; as they were when they scanned.
        known: Option<Box<Known>>,
    },
    /// Confirmed; the phone shows two digits, and the browser must send them.
    Verifying {
        /// Who logs in then.
        user: Box<User>,
        /// What the phone shows.
        digits: Digits,
        /// Wrong codes that are still forgiven, and the one that is not.
        tries_left: u8,
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
        reason: Option<Box<str>>,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redeemed {
    /// When.
    pub at: Millis,
    /// What the token module needs to give the same answer again; opaque here.
    pub receipt: String,
    /// Another verifier was shown afterwards: no answer any more.
    pub burnt: bool,
}

/// Who rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "RejectedBy"))]
#[serde(rename_all = "snake_case")]
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
            Self::Verifying { .. } => "verifying",
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
            Self::Pending | Self::Scanned { .. } | Self::Verifying { .. } => true,
            Self::Authorized { redeemed, .. } => redeemed.is_none(),
            Self::Rejected { .. } | Self::Expired | Self::Cancelled | Self::Failed { .. } => false,
        }
    }
}

/// What can happen to a scene.
#[derive(Clone, Debug)]
pub enum Input {
    /// WeChat proved who holds the phone: by its web authorisation (the phone has a tie), or in the
    /// `official_account` flow first by an event (it has none yet).
    Scan {
        /// The phone.
        phone: Phone,
        /// The person, when they are known here.
        known: Option<Known>,
    },
    /// The phone that scanned said yes, and WeChat proved it is the same person.
    Confirm {
        /// The phone.
        phone: Phone,
        /// Who logs in.
        user: User,
        /// What the browser must send first, where that is asked for.
        digits: Option<Digits>,
    },
    /// What the browser sent.
    Verify {
        /// Right or wrong.
        digits: Digits,
    },
    /// WeChat's own page asked the person (`website`), or the scan itself is the login (`official_account` with
    /// `confirm = none`, once scanned): there is no page of ours to confirm on.
    SignIn {
        /// Whom WeChat named, in the account of this flow.
        openid: String,
        /// Who logs in.
        user: User,
    },
    /// WeChat's own page came back without a code (`website`): the person said no there.
    Decline,
    /// A rule of the gateway refuses this person.
    Deny {
        /// Whom.
        phone: Phone,
        /// Why, for the page.
        reason: &'static str,
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
