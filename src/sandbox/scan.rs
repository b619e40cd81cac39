//! What a QR code says to a phone, and `POST /sandbox/api/scan`.

use actix_web::{
    Error, HttpRequest, HttpResponse,
    http::header,
    web::{self, Bytes},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::{
    api::{self, Answer, Refusal},
    cgi,
    chat::{self, Person},
    page,
    push::Outcome,
    qrconnect,
    shared::{Shared, State},
    ticket::{self, Parametric},
};
use crate::clock::Millis;

/// Bytes of a scanned text at most, as many as the largest QR code holds.
pub(super) const MAX_SCAN: usize = 2953;

/// What a QR code says.
pub(super) enum Code {
    Page(Url),
    /// It leads to an account, never to a page.
    Parametric(Parametric),
    /// A parametric code that was never made, or has expired.
    Gone,
    /// That of a mini program, which the sandbox cannot open.
    MiniProgram,
    Text,
}

impl Code {
    /// Reads the text of a code. A ticket stands for its code, and the uuid of a website's page for that of the page,
    /// which leads to `base`.
    pub(super) fn read(state: &mut State, text: &str, base: &str, now: Millis) -> Self {
        let text = text.trim();
        let known = state.tickets.find_by_url(text, now);
        if let Some(code) = known.or_else(|| state.tickets.find_by_ticket(text, now)) {
            return Self::Parametric(code);
        }
        let page = state
            .logins
            .knows(text, now)
            .then(|| qrconnect::confirm_url(base, text));
        match read_link(page.as_deref().unwrap_or(text)) {
            None => Self::Text,
            Some(url) if url.host_str() == Some(ticket::HOST) && url.path().starts_with("/q/") => {
                Self::Gone
            }
            Some(url) if url.host_str() == Some(cgi::MINI_PROGRAM_HOST) => Self::MiniProgram,
            Some(url) => Self::Page(url),
        }
    }
}

/// The link that a QR code holds.
pub(super) fn read_link(text: &str) -> Option<Url> {
    let text = text.trim();
    if text.len() > MAX_SCAN {
        return None;
    }
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scan {
    user: Option<String>,
    text: String,
}

/// What a scan leads to.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Scanned {
    Page {
        url: String,
    },
    /// The chat with an account.
    Message {
        #[serde(flatten)]
        delivered: Map<String, Value>,
        /// Nothing was sent: the person has to follow first.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        follow: bool,
    },
}

/// `POST /sandbox/api/scan {user?, text}`
pub(super) async fn scan(
    shared: web::Data<Shared>,
    request: HttpRequest,
    body: Result<Bytes, Error>,
) -> Answer {
    let scan: Scan = api::read(body)?;
    let (user_id, code) = {
        let mut state = shared.lock();
        let user = api::user(&state, scan.user.as_deref(), &request)?;
        let user_id = user.id.clone();
        let base = shared.own.base(page::text(&request, header::HOST));
        let code = Code::read(&mut state, &scan.text, &base, shared.clock.now());
        (user_id, code)
    };
    let scanned = match code {
        Code::Parametric(code) => scan_parametric(&shared, &code, user_id).await,
        Code::Page(url) => Scanned::Page { url: url.into() },
        Code::Gone => return Err(refused("this code is unknown or has expired")),
        Code::MiniProgram => {
            return Err(refused(
                "a mini program's code; POST /sandbox/api/js_code plays its login",
            ));
        }
        Code::Text => {
            return Err(refused(
                "an http or https link, a ticket or a uuid is allowed",
            ));
        }
    };
    let mut response = HttpResponse::Ok();
    if let Some(id) = scan.user {
        response.cookie(page::user_cookie(id));
    }
    Ok(response.json(scanned))
}

fn refused(why: &str) -> Refusal {
    Refusal::bad_request(format!("text: {why}"))
}

async fn scan_parametric(
    shared: &web::Data<Shared>,
    code: &Parametric,
    user_id: String,
) -> Scanned {
    let person = Person {
        app_id: code.app_id.clone(),
        user_id,
    };
    let (outcome, follow) = match chat::scan(shared, &person, code.into()).await {
        chat::Scanned::Pushed(outcome) => (outcome, false),
        chat::Scanned::MustFollow => (Outcome::default(), true),
    };
    Scanned::Message {
        delivered: chat::delivered(&outcome),
        follow,
    }
}
