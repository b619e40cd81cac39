//! open.weixin.qq.com: asks the phone's user, and sends the phone back.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use maud::{Markup, html};
use serde::Deserialize;

use super::{
    account::Account,
    authorize::{PageError, Request},
    ledger::{Grant, Scope},
    page::{self, Document, Language},
    shared::{Consent, Shared},
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
        return redirect(StatusCode::FOUND, elsewhere);
    }
    let language = Language::of(&request);
    let now = shared.clock.now();
    let mut state = shared.lock();
    let link = match Request::read(request.query_string(), &state.accounts) {
        Ok(link) => link,
        Err(error) => return error_page(error, language),
    };
    let user = state
        .users
        .get_or_first(page::phone_user(&request).as_deref());
    let grant = Grant {
        app_id: link.account.app_id.clone(),
        user_id: user.id.clone(),
        identity: user.identity(&link.account),
        scope: link.scope,
    };
    match link.scope {
        Scope::Base => {
            let code = state.ledger.issue(grant, now);
            redirect(StatusCode::FOUND, link.back.with_code(&code))
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
        Some(consent) => redirect(StatusCode::SEE_OTHER, leads_to(shared, consent)),
        None => error_page(PageError::SHEET_GONE, Language::of(request)),
    }
}

fn redirect(status: StatusCode, location: String) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::LOCATION, location))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}

/// WeChat's green sheet: who asks for what, and two buttons.
fn consent_sheet(account: &Account, ticket: &str, user: &User, wording: &Wording) -> Markup {
    let form = |name: &str, class: &str, label: &str| {
        html! {
            form name=(name) method="post" action={ "/connect/oauth2/" (name) } {
                input type="hidden" name="ticket" value=(ticket);
                button class={ "button " (class) } type="submit" { (label) }
            }
        }
    };
    html! {
        main.phone.dimmed {
            section.sheet aria-labelledby="ask" {
                p.sheet-app {
                    img.app-icon src="/sandbox/assets/icon.svg" alt="" width="24" height="24";
                    span { (account.name) }
                    span.asks { (wording.asks) }
                }
                h1 #ask { (wording.asks_for) }
                p.sheet-user {
                    img.avatar src=(user.drawing()) alt="" width="48" height="48";
                    span {
                        strong { (user.name) }
                        small { (wording.wechat_profile) }
                    }
                    svg.tick viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" {
                        path d="M4 12.5l5.5 5.5L20 7" fill="none" stroke="currentColor" stroke-width="2.5"
                            stroke-linecap="round" stroke-linejoin="round" {}
                    }
                }
                div.sheet-buttons {
                    (form("reject", "secondary", wording.reject))
                    (form("confirm", "primary", wording.allow))
                }
            }
        }
    }
}

/// WeChat's error page: HTTP 200, in Chinese whatever the phone's language; the hint below it is ours.
pub(super) fn error_page(error: PageError, language: Language) -> HttpResponse {
    let body = html! {
        main.phone {
            section.failure {
                svg viewBox="0 0 64 64" width="72" height="72" aria-hidden="true" {
                    circle cx="32" cy="32" r="30" fill="currentColor" {}
                    path d="M32 17v20" stroke="#fff" stroke-width="5" stroke-linecap="round" {}
                    circle cx="32" cy="46" r="3.2" fill="#fff" {}
                }
                h1 lang="zh-CN" { (error.text) }
                @if let Some(code) = error.code {
                    p lang="zh-CN" { "错误码：" (code) }
                }
                p.hint lang="en" { "Sandbox: " (error.hint) }
            }
        }
    };
    Document {
        language,
        title: error.text,
        body,
        script: false,
    }
    .respond(None)
}
