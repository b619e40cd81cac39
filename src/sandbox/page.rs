//! What all pages of the sandbox have in common.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite},
    http::{
        StatusCode,
        header::{self, HeaderName},
    },
    web,
};
use maud::{DOCTYPE, Markup, html};

use super::{
    address::Own,
    wording::{EN, Wording, ZH},
};

/// Names the phone's user; on the sandbox's origin.
pub(super) const USER_COOKIE: &str = "sandbox_user";
/// Names the language chosen on the phone.
pub(super) const LANGUAGE_COOKIE: &str = "sandbox_lang";

/// The languages of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Chinese,
    English,
}

/// One page.
pub(super) struct Document<'a> {
    pub(super) language: Language,
    pub(super) title: &'a str,
    pub(super) body: Markup,
    /// Whether it has the phone's script.
    pub(super) script: bool,
}

impl Language {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "zh-CN" => Some(Self::Chinese),
            "en" => Some(Self::English),
            _ => None,
        }
    }

    /// By the choice made on the phone, else by the browser.
    pub(super) fn of(request: &HttpRequest) -> Self {
        let chosen = request
            .cookie(LANGUAGE_COOKIE)
            .and_then(|cookie| Self::parse(cookie.value()));
        chosen.unwrap_or_else(|| {
            let accepted = text(request, header::ACCEPT_LANGUAGE).unwrap_or_default();
            Self::accepted(accepted)
        })
    }

    /// The first language in a list that we speak; browsers send them in order of preference.
    fn accepted(list: &str) -> Self {
        let spoken = list.split(',').find_map(|item| {
            let tag = item.trim().to_ascii_lowercase();
            if tag.starts_with("zh") {
                Some(Self::Chinese)
            } else if tag.starts_with("en") {
                Some(Self::English)
            } else {
                None
            }
        });
        spoken.unwrap_or(Self::English)
    }

    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::Chinese => "zh-CN",
            Self::English => "en",
        }
    }

    pub(super) const fn other(self) -> Self {
        match self {
            Self::Chinese => Self::English,
            Self::English => Self::Chinese,
        }
    }

    pub(super) const fn wording(self) -> &'static Wording {
        match self {
            Self::Chinese => &ZH,
            Self::English => &EN,
        }
    }
}

impl Document<'_> {
    /// As HTML with strict headers. Browsers apply `form-action` to redirects too, so a page whose form leads
    /// elsewhere names that origin.
    pub(super) fn respond(self, form_leads_to: Option<&str>) -> HttpResponse {
        let markup = html! {
            (DOCTYPE)
            html lang=(self.language.tag()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) }
                    link rel="icon" href="/sandbox/assets/icon.svg" type="image/svg+xml";
                    link rel="stylesheet" href="/sandbox/assets/phone.css";
                    @if self.script {
                        script src="/sandbox/assets/phone.js" type="module" {}
                    }
                }
                body { (self.body) }
            }
        };
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
             base-uri 'none'; frame-ancestors 'none'; form-action 'self' {}",
            form_leads_to.unwrap_or_default()
        );
        html(policy.trim_end(), "same-origin", markup)
    }
}

/// A page with strict headers.
pub(super) fn html(policy: &str, referrer: &'static str, markup: Markup) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, referrer))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(markup.into_string())
}

/// Sends the browser elsewhere.
pub(super) fn moved(status: StatusCode, location: &str) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::LOCATION, location))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}

/// The same, and makes the phone that of the user.
pub(super) fn moved_as(user_id: String, status: StatusCode, location: &str) -> HttpResponse {
    let mut response = moved(status, location);
    // A user's id is always a valid cookie value.
    let _ = response.add_cookie(&user_cookie(user_id));
    response
}

/// Makes the phone that of the user.
pub(super) fn user_cookie(id: String) -> Cookie<'static> {
    Cookie::build(USER_COOKIE, id)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .finish()
}

/// Whose phone this is, by the cookie.
pub(super) fn phone_user(request: &HttpRequest) -> Option<String> {
    let cookie = request.cookie(USER_COOKIE)?;
    Some(cookie.value().to_owned())
}

/// The same page under the listener's one name, when it was asked for under another: cookies belong to one
/// name, so under a second one the phone would forget whose it is.
pub(super) fn canonical(request: &HttpRequest, own: Own) -> Option<String> {
    let canonical = own.canonical()?;
    let host = text(request, header::HOST)?;
    let path = request.uri().path_and_query()?;
    (own.is(host) && host != canonical).then(|| format!("http://{canonical}{path}"))
}

/// Whether a form was posted by a page of this listener, or by no page at all.
pub(super) fn is_own_form(request: &HttpRequest, own: Own) -> bool {
    let Some(origin) = text(request, header::ORIGIN) else {
        return !request.headers().contains_key(header::ORIGIN);
    };
    origin
        .strip_prefix("http://")
        .is_some_and(|host| own.is(host) && text(request, header::HOST) == Some(host))
}

/// A header, when it is there and readable.
pub(super) fn text(request: &HttpRequest, name: HeaderName) -> Option<&str> {
    request.headers().get(name)?.to_str().ok()
}

/// `GET /sandbox/assets/{name}`
pub(super) async fn asset(name: web::Path<String>) -> HttpResponse {
    let (kind, body) = match name.as_str() {
        "phone.css" => ("text/css; charset=utf-8", include_str!("assets/phone.css")),
        "phone.js" => (
            "text/javascript; charset=utf-8",
            include_str!("assets/phone.js"),
        ),
        "icon.svg" => ("image/svg+xml", include_str!("assets/icon.svg")),
        _ => return HttpResponse::NotFound().finish(),
    };
    asset_of(kind, body)
}

/// A part of the pages, of that media type.
pub(super) fn asset_of(kind: &'static str, body: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(kind)
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_language_we_speak_wins() {
        for (list, language) in [
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Chinese),
            ("fr, en-GB;q=0.8, zh;q=0.5", Language::English),
            ("zh-TW", Language::Chinese),
            ("fr", Language::English),
            ("", Language::English),
        ] {
            assert_eq!(Language::accepted(list), language, "{list}");
        }
    }
}
