//! open.weixin.qq.com: asks the phone's user, and sends the phone back.

mod link;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use maud::Markup;
use serde::Deserialize;

use self::link::Request;
pub(super) use self::link::{Back, MAX_STATE};
use super::{
    account::Account,
    ledger::{Grant, Scope},
    page::{self, Document, Language},
    page_error::PageError,
    shared::{Consent, Shared},
    sheet::Sheet,
    user::User,
    wording::Wording,
};
use crate::ids;

/// The path of the links.
pub(super) const AUTHORIZE: &str = "/connect/oauth2/authorize";

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(web::resource(AUTHORIZE).get(authorize))
        .service(web::resource("/connect/oauth2/confirm").post(confirm))
        .service(web::resource("/connect/oauth2/reject").post(reject));
}

async fn authorize(shared: web::Data<Shared>, request: HttpRequest) -> HttpResponse {
    if let Some(elsewhere) = page::canonical(&request, shared.own) {
        return page::moved(StatusCode::FOUND, &elsewhere);
    }
    let language = Language::of(&request);
    let now = shared.clock.now();
    let mut state = shared.lock();
    let link = match Request::read(request.query_string(), &state.accounts) {
        Ok(link) => link,
        Err(error) => return error.respond(language),
    };
    let user = state
        .users
        .get_or_first(page::phone_user(&request).as_deref());
    if link.account.is_test && !state.users.follows(&user.id, &link.account.app_id) {
        return PageError::MUST_FOLLOW.respond(language);
    }
    let grant = Grant {
        app_id: link.account.app_id.clone(),
        user_id: user.id.clone(),
        identity: user.identity(&link.account),
        scope: link.scope,
    };
    match link.scope {
        Scope::Base => {
            let code = state.ledger.issue(grant, now);
            page::moved(StatusCode::FOUND, &link.back.with_code(&code))
        }
        Scope::Userinfo | Scope::Login => {
            let ticket = ids::base64url(&ids::random::<16>());
            let sheet = consent_sheet(&link.account, &ticket, user, language.wording());
            let origin = link.back.origin();
            let consent = Consent {
                grant,
                back: link.back,
            };
            state.consents.insert(ticket, consent, now);
            Document {
                language,
                title: language.wording().consent_title,
                body: sheet,
                script: false,
            }
            .respond(Some(&origin))
        }
    }
}

#[derive(Deserialize)]
struct Tap {
    ticket: String,
}

async fn confirm(
    shared: web::Data<Shared>,
    request: HttpRequest,
    tap: web::Form<Tap>,
) -> HttpResponse {
    answer(&shared, &request, &tap, |shared, consent| {
        let now = shared.clock.now();
        let code = shared.lock().ledger.issue(consent.grant, now);
        consent.back.with_code(&code)
    })
}

async fn reject(
    shared: web::Data<Shared>,
    request: HttpRequest,
    tap: web::Form<Tap>,
) -> HttpResponse {
    answer(&shared, &request, &tap, |_, consent| consent.back.refused())
}

/// A sheet may be answered again while it lives, by the back button or a double tap: each confirmation makes
/// a code of its own, as a second visit to WeChat would.
fn answer(
    shared: &Shared,
    request: &HttpRequest,
    tap: &Tap,
    leads_to: impl FnOnce(&Shared, Consent) -> String,
) -> HttpResponse {
    if !page::is_own_form(request, shared.own) {
        return HttpResponse::Forbidden().finish();
    }
    let consent = {
        let mut state = shared.lock();
        state.consents.get(&tap.ticket, shared.clock.now()).cloned()
    };
    match consent {
        Some(consent) => page::moved(StatusCode::SEE_OTHER, &leads_to(shared, consent)),
        None => PageError::SHEET_GONE.respond(Language::of(request)),
    }
}

/// WeChat's green sheet: who asks for what, and two buttons.
fn consent_sheet(account: &Account, ticket: &str, user: &User, wording: &Wording) -> Markup {
    let sheet = Sheet {
        account: &account.name,
        asks: wording.asks,
        title: wording.asks_for,
        user,
        about: Some(wording.wechat_profile),
        action: "/connect/oauth2",
        hidden: &[("ticket", ticket)],
        reject: wording.reject,
        confirm: wording.allow,
    };
    sheet.draw()
}
