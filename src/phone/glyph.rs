//! The few signs above a sentence, drawn here: nothing is loaded, and they take the page's colours.

use maud::{Markup, html};

use crate::login::Notice;

/// What a page feels like at a glance; always beside words that say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Glyph {
    Tick,
    Cross,
    Clock,
    Alert,
    Dots,
    Scan,
}

impl Glyph {
    pub(super) const fn of(notice: Notice) -> Self {
        match notice {
            Notice::SignedIn => Self::Tick,
            Notice::Rejected | Notice::Cancelled => Self::Cross,
            Notice::Expired => Self::Clock,
            Notice::OpenInWechat | Notice::ScanFirst | Notice::OpenFromChat => Self::Scan,
            Notice::StillWorking => Self::Dots,
            Notice::InUse
            | Notice::Failed
            | Notice::BadLink
            | Notice::NotYours
            | Notice::OtherAccount
            | Notice::Snapshot
            | Notice::NoCode
            | Notice::Trouble => Self::Alert,
        }
    }

    /// The class that colours it.
    const fn class(self) -> &'static str {
        match self {
            Self::Tick | Self::Scan => "glyph good",
            Self::Cross | Self::Clock | Self::Dots => "glyph quiet",
            Self::Alert => "glyph alert",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Tick => "M18 29l7 7 13-15",
            Self::Cross => "M20 20l16 16M36 20L20 36",
            Self::Clock => "M28 17v11l7 5",
            Self::Alert => "M28 16v14M28 38v.5",
            Self::Dots => "M18 28h.1M28 28h.1M38 28h.1",
            Self::Scan => "M17 23v-6h6M33 17h6v6M39 33v6h-6M23 39h-6v-6M18 28h20",
        }
    }

    pub(super) fn draw(self) -> Markup {
        html! {
            svg class=(self.class()) viewBox="0 0 56 56" width="56" height="56" aria-hidden="true" focusable="false" {
                circle cx="28" cy="28" r="28" {}
                path d=(self.path()) {}
            }
        }
    }
}
