//! `/sandbox/api/settings`: where WeChat's behaviour is unknown, differs by source, or takes too long for a test.

use actix_web::{
    Error, HttpResponse,
    web::{self, Bytes},
};
use serde::{Deserialize, Serialize};

use super::{
    api::{self, Answer, Refusal},
    errcode::Errcode,
    shared::Shared,
};
use crate::clock::Millis;

/// An hour: logins are known for a little longer.
pub(super) const MAX_QR_PAGE_LIFE_S: u64 = 3600;

/// All of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Settings {
    /// What a website's page does when the phone's user cancels. Holds for pages opened from now on.
    pub(super) deny_redirect: DenyRedirect,
    /// Seconds after which the QR code of a website's page is replaced. Holds for pages opened from now on.
    qr_page_life_s: u64,
    /// What is said of a code that is too old: 40029 or 42003.
    expired_code_errcode: i32,
}

/// Where a cancelled website login leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DenyRedirect {
    /// Nowhere, as WeChat's page was seen to do.
    None,
    /// Back with the state alone, as WeChat documents.
    StateOnly,
}

/// The settings to change; the others stay.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    deny_redirect: Option<DenyRedirect>,
    qr_page_life_s: Option<u64>,
    expired_code_errcode: Option<i32>,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum SettingRefused {
    #[error("qr_page_life_s: 1 to {MAX_QR_PAGE_LIFE_S} is allowed")]
    QrPageLife,
    #[error("expired_code_errcode: 40029 or 42003 is allowed")]
    ExpiredCode,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            deny_redirect: DenyRedirect::None,
            qr_page_life_s: 300,
            expired_code_errcode: Errcode::INVALID_CODE.0,
        }
    }
}

impl Settings {
    pub(super) const fn qr_page_life(&self) -> Millis {
        self.qr_page_life_s * 1000
    }

    /// `refusal` as it goes out.
    pub(super) fn as_said(&self, refusal: Errcode) -> Errcode {
        if refusal == Errcode::CODE_EXPIRED {
            Errcode(self.expired_code_errcode)
        } else {
            refusal
        }
    }

    fn changed(&self, change: &Change) -> Result<Self, SettingRefused> {
        let new = Self {
            deny_redirect: change.deny_redirect.unwrap_or(self.deny_redirect),
            qr_page_life_s: change.qr_page_life_s.unwrap_or(self.qr_page_life_s),
            expired_code_errcode: change
                .expired_code_errcode
                .unwrap_or(self.expired_code_errcode),
        };
        if !(1..=MAX_QR_PAGE_LIFE_S).contains(&new.qr_page_life_s) {
            return Err(SettingRefused::QrPageLife);
        }
        let known = [Errcode::INVALID_CODE, Errcode::CODE_EXPIRED];
        if !known.contains(&Errcode(new.expired_code_errcode)) {
            return Err(SettingRefused::ExpiredCode);
        }
        Ok(new)
    }
}

/// `GET`
pub(super) async fn show(shared: web::Data<Shared>) -> HttpResponse {
    HttpResponse::Ok().json(&shared.lock().settings)
}

/// `PUT`: changes those that are given, and shows all.
pub(super) async fn change(shared: web::Data<Shared>, body: Result<Bytes, Error>) -> Answer {
    let change: Change = api::read(body)?;
    let mut state = shared.lock();
    state.settings = state
        .settings
        .changed(&change)
        .map_err(Refusal::bad_request)?;
    Ok(HttpResponse::Ok().json(&state.settings))
}
