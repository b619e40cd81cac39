//! The page on the phone that scanned, and its two buttons.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use maud::{Markup, html};
use serde::Deserialize;

use super::{
    login::{Login, Refused},
    wording::{Wording, wording},
};
use crate::sandbox::{
    account::Account,
    ledger::{Grant, Ledger, Scope},
    page::{self, Document, Language},
    page_error::PageError,
    shared::{Shared, State},
    sheet::{Sheet, tick},
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
        return page::moved(StatusCode::FOUND, &elsewhere);
    }
    let language = Language::of(&request);
    let user = page::phone_user(&request);
    let mut state = shared.lock();
    match sheet(&mut state, &scan.uuid, user.as_deref(), language, &shared) {
        Ok(body) => document(language, body),
        Err(refused) => PageError::from(refused).respond(language),
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
        Err(refused) => PageError::from(refused).respond(language),
    }
}

impl From<Refused> for PageError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Gone => Self::CODE_GONE,
            Refused::Taken => Self::CODE_TAKEN,
            Refused::Used => Self::CODE_USED,
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
    let sheet = Sheet {
        account: &account.name,
        asks: wording.asks,
        title: wording.confirm_title,
        user,
        about: None,
        action: "/connect/qrconnect",
        hidden: &[("uuid", &tap.uuid), ("ticket", &tap.ticket)],
        reject: wording.cancel,
        confirm: wording.confirm,
    };
    sheet.draw()
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
                        (tick(72))
                    }
                    h2 { (title) }
                    p { (about) }
                }
            }
        }
    }
}
