//! The page on the phone that scanned, and its two buttons.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use maud::{Markup, html};
use serde::Deserialize;

use super::{
    login::{Login, Refused},
    wording::{Wording, wording},
};
use crate::sandbox::{
    account::Account,
    authorize::PageError,
    ledger::{Grant, Ledger, Scope},
    oauth,
    page::{self, Document, Language},
    shared::{Shared, State},
    user::User,
};

#[derive(Deserialize)]
pub(super) struct Scan {
    #[serde(default)]
    uuid: String,
}

/// `GET /connect/confirm?uuid=`: opening it is the scan.
pub(super) async fn show(
    shared: web::Data<Shared>,
    request: HttpRequest,
    scan: web::Query<Scan>,
) -> HttpResponse {
    if let Some(elsewhere) = page::canonical(&request, shared.own) {
        return HttpResponse::Found()
            .insert_header((header::LOCATION, elsewhere))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .finish();
    }
    let language = Language::of(&request);
    let user = page::phone_user(&request);
    let mut state = shared.lock();
    match sheet(&mut state, &scan.uuid, user.as_deref(), language, &shared) {
        Ok(body) => document(language, body),
        Err(refused) => oauth::error_page(refused.into(), language),
    }
}

fn sheet(
    state: &mut State,
    uuid: &str,
    user: Option<&str>,
    language: Language,
    shared: &Shared,
) -> Result<Markup, Refused> {
    let login = state.logins.live(uuid, shared.clock.now())?;
    let account = state.accounts.get(&login.app_id).ok_or(Refused::Gone)?;
    let user = state.users.get_or_first(user);
    let ticket = login.scan(grant(account, user))?;
    let tap = Tap {
        uuid: uuid.to_owned(),
        ticket,
    };
    Ok(question(&tap, account, user, wording(language)))
}

/// Websites see people as they are: there is no snapshot page on a computer.
fn grant(account: &Account, user: &User) -> Grant {
    let person = User {
        snapshot: false,
        ..user.clone()
    };
    Grant {
        app_id: account.app_id.clone(),
        user_id: user.id.clone(),
        identity: person.identity(account),
        scope: Scope::Login,
    }
}

#[derive(Deserialize)]
pub(super) struct Tap {
    uuid: String,
    ticket: String,
}

/// `POST /connect/qrconnect/confirm`
pub(super) async fn confirm(
    shared: web::Data<Shared>,
    request: HttpRequest,
    tap: web::Form<Tap>,
) -> HttpResponse {
    let now = shared.clock.now();
    answer(&shared, &request, &tap, true, |login, ledger| {
        login.confirm(&tap.ticket, ledger, now)
    })
}

/// `POST /connect/qrconnect/reject`
pub(super) async fn reject(
    shared: web::Data<Shared>,
    request: HttpRequest,
    tap: web::Form<Tap>,
) -> HttpResponse {
    answer(&shared, &request, &tap, false, |login, _| {
        login.reject(&tap.ticket)
    })
}

fn answer(
    shared: &Shared,
    request: &HttpRequest,
    tap: &Tap,
    is_confirmation: bool,
    act: impl FnOnce(&mut Login, &mut Ledger) -> Result<(), Refused>,
) -> HttpResponse {
    if !page::is_own_form(request, shared.own) {
        return HttpResponse::Forbidden().finish();
    }
    let language = Language::of(request);
    let State { logins, ledger, .. } = &mut *shared.lock();
    let done = logins
        .live(&tap.uuid, shared.clock.now())
        .and_then(|login| act(login, ledger));
    match done {
        Ok(()) => document(language, result(is_confirmation, language)),
        Err(refused) => oauth::error_page(refused.into(), language),
    }
}

impl From<Refused> for PageError {
    fn from(refused: Refused) -> Self {
        let (text, hint) = match refused {
            Refused::Gone => (
                "二维码已过期",
                "This code or this page is too old, or unknown; scan the code that the website shows now.",
            ),
            Refused::Taken => (
                "二维码已被他人扫描",
                "Another user of the sandbox has scanned this code; it is free again when that user cancels.",
            ),
            Refused::Used => (
                "二维码已被使用",
                "Somebody has logged in by this code already; reload the website's page for a new one.",
            ),
        };
        Self {
            code: None,
            text,
            hint,
        }
    }
}

fn document(language: Language, body: Markup) -> HttpResponse {
    Document {
        language,
        title: wording(language).title,
        body,
        script: false,
    }
    .respond(None)
}

/// Who asks, who answers, and two buttons.
fn question(tap: &Tap, account: &Account, user: &User, wording: &Wording) -> Markup {
    let form = |name: &str, class: &str, label: &str| {
        html! {
            form name=(name) method="post" action={ "/connect/qrconnect/" (name) } {
                input type="hidden" name="uuid" value=(tap.uuid);
                input type="hidden" name="ticket" value=(tap.ticket);
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
                h1 #ask { (wording.confirm_title) }
                p.sheet-user {
                    img.avatar src=(user.drawing()) alt="" width="48" height="48";
                    span { strong { (user.name) } }
                }
                div.sheet-buttons {
                    (form("reject", "secondary", wording.cancel))
                    (form("confirm", "primary", wording.confirm))
                }
            }
        }
    }
}

fn result(is_confirmation: bool, language: Language) -> Markup {
    let wording = wording(language);
    let (title, about) = if is_confirmation {
        (wording.confirmed, wording.confirmed_about)
    } else {
        (wording.rejected, wording.rejected_about)
    };
    html! {
        main.phone {
            header.bar {
                a.back href="/phone" { span aria-hidden="true" { "‹" } (language.wording().back) }
                h1 { (wording.title) }
            }
            section.card {
                div.target {
                    @if is_confirmation {
                        svg.tick viewBox="0 0 24 24" width="72" height="72" aria-hidden="true" {
                            path d="M4 12.5l5.5 5.5L20 7" fill="none" stroke="currentColor" stroke-width="2.5"
                                stroke-linecap="round" stroke-linejoin="round" {}
                        }
                    }
                    h2 { (title) }
                    p { (about) }
                }
            }
        }
    }
}
