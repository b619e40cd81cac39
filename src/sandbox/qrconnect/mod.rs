//! A website's login, as open.weixin.qq.com does it: a page with a QR code, and what the phone does with it.
//!
//! | path | |
//! |---|---|
//! | `GET /connect/qrconnect` | the page, also inside a frame of the website |
//! | `GET /connect/qrcode/{uuid}` | its QR code |
//! | `GET /connect/l/qrconnect` | what has become of the code; held until there is news (lp.open.weixin.qq.com) |
//! | `GET /connect/confirm` | what the code leads the phone to |
//! | `POST /connect/qrconnect/confirm`, `/reject` | the two buttons there |
//! | `GET /connect/zh_CN/htmledition/js/wxLogin.js` | builds the frame (res.wx.qq.com) |
//!
//! WeChat publishes little of this: page, poll and script behave as they were observed from outside.

mod confirm;
mod link;
mod login;
mod page;
mod poll;
mod wording;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, Data},
};

use self::{
    link::{Link, Look},
    page::View,
};
pub(super) use self::{login::Logins, poll::MAX_HELD};
use super::{
    page::{self as pages, text},
    page_error::PageError,
    qr_image,
    shared::Shared,
};

/// The page.
const PAGE: &str = "/connect/qrconnect";
/// The long poll.
const POLL: &str = "/connect/l/qrconnect";
/// What the QR code leads to.
const CONFIRM: &str = "/connect/confirm";
/// Before the uuid of a code.
const IMAGE: &str = "/connect/qrcode";
/// Where WeChat keeps the parts of its pages.
const PARTS: &str = "/connect/zh_CN/htmledition";

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(web::resource(PAGE).get(show))
        .service(web::resource(format!("{IMAGE}/{{uuid}}")).get(image))
        .service(web::resource(POLL).get(poll::poll))
        .service(web::resource(CONFIRM).get(confirm::show))
        .service(web::resource("/connect/qrconnect/confirm").post(confirm::confirm))
        .service(web::resource("/connect/qrconnect/reject").post(confirm::reject))
        .service(web::resource(format!("{PARTS}/{{part:.*}}")).get(part));
}

/// How the page and its poll say an error that somebody asked for; the page is in a frame perhaps.
pub(super) fn injected(errcode: i32, request: &HttpRequest) -> Option<HttpResponse> {
    match request.path() {
        PAGE => {
            let look = Look::read(request.query_string());
            Some(page::error(&PageError::injected(errcode), look))
        }
        POLL => Some(poll::answer(errcode, "")),
        _ => None,
    }
}

/// `GET /connect/qrconnect`: a new code each time.
async fn show(shared: Data<Shared>, request: HttpRequest) -> HttpResponse {
    let query = request.query_string();
    let now = shared.clock.now();
    let mut state = shared.lock();
    let link = match Link::read(query, &state.accounts) {
        Ok(link) => link,
        Err(error) => return page::error(&error, Look::read(query)),
    };
    let life = state.settings.qr_page_life();
    let uuid = state.logins.open(&link.account.app_id, now + life, now);
    let view = View {
        target: &confirm_url(&base(&shared, &request), &uuid),
        uuid: &uuid,
        link: &link,
        deny_redirect: state.settings.deny_redirect,
    };
    page::show(&view)
}

/// What the code of a page says.
pub(super) fn confirm_url(base: &str, uuid: &str) -> String {
    format!("{base}{CONFIRM}?uuid={uuid}")
}

fn base(shared: &Shared, request: &HttpRequest) -> String {
    shared.own.base(text(request, header::HOST))
}

/// `GET /connect/qrcode/{uuid}`
async fn image(
    shared: Data<Shared>,
    request: HttpRequest,
    uuid: web::Path<String>,
) -> HttpResponse {
    let now = shared.clock.now();
    let is_known = shared.lock().logins.knows(&uuid, now);
    let picture = is_known
        .then(|| confirm_url(&base(&shared, &request), &uuid))
        .and_then(|text| qr_image::draw(&text, qr_image::WIDTH));
    match picture {
        Some(picture) => HttpResponse::Ok()
            .content_type(qr_image::MEDIA_TYPE)
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .body(picture),
        None => HttpResponse::NotFound().finish(),
    }
}

/// Scripts and styles.
async fn part(name: web::Path<String>) -> HttpResponse {
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    let (kind, body) = match name.as_str() {
        "js/wxLogin.js" => (SCRIPT, include_str!("assets/wxLogin.js")),
        "js/qrconnect.js" => (SCRIPT, include_str!("assets/qrconnect.js")),
        "style/qrconnect.css" => (
            "text/css; charset=utf-8",
            include_str!("assets/qrconnect.css"),
        ),
        _ => return HttpResponse::NotFound().finish(),
    };
    pages::asset_of(kind, body)
}
