//! `/cgi-bin/clear_quota`: an account's counts start again, ten times a month.

use super::{object, text};
use crate::sandbox::{
    call::{self, Answer, Call},
    errcode::Errcode,
};

pub(super) fn clear_quota(call: &mut Call<'_>) -> Answer {
    let account = call.account_by_token()?;
    let body = object(call.body)?;
    match text(&body, "appid") {
        None => Err(Errcode::APPID_MISSING),
        Some(app_id) if app_id == account.app_id => {
            call.state.quotas.clear(app_id);
            Ok(call::ok())
        }
        Some(_) => Err(Errcode::INVALID_APPID),
    }
}
