//! The page on the computer. Every website may frame it, as it may WeChat's; it needs no cookie.

use actix_web::HttpResponse;
use maud::{DOCTYPE, Markup, html};
use url::form_urlencoded;

use super::{
    IMAGE, PARTS,
    link::{Link, Look},
    wording::{Wording, wording},
};
use crate::sandbox::{page, page_error::PageError, settings::DenyRedirect};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors http: https:";

/// What one page shows.
pub(super) struct View<'a> {
    pub(super) uuid: &'a str,
    /// What its code says.
    pub(super) target: &'a str,
    pub(super) link: &'a Link,
    pub(super) deny_redirect: DenyRedirect,
}

/// A page with a code. Its script goes by the `data-` attributes.
pub(super) fn show(view: &View<'_>) -> HttpResponse {
    let link = view.link;
    let wording = wording(link.look.language);
    let deny_redirect = match view.deny_redirect {
        DenyRedirect::None => "none",
        DenyRedirect::StateOnly => "state_only",
    };
    let body = html! {
        main #login data-uuid=(view.uuid) data-redirect-uri=(link.redirect_uri) data-state=(link.state)
            data-self-redirect=(link.self_redirect.as_str()) data-deny-redirect=(deny_redirect) {
            h1 { (wording.title) }
            (code(view, wording))
            (status(&link.account.name, wording))
            noscript { p { (wording.no_script) } }
            @if !link.look.lite {
                p.sandbox { (phone_link(view.target, &html! { (wording.open_phone) })) }
            }
        }
    };
    respond(link.look, wording.title, &body, true)
}

/// In the lite page, which has no room for words, the code itself leads to the simulated phone.
fn code(view: &View<'_>, wording: &Wording) -> Markup {
    let image = html! {
        img.qrcode.lightBorder src={ (IMAGE) "/" (view.uuid) } alt=(wording.code) width="360" height="360";
    };
    html! {
        div.code {
            @if view.link.look.lite { (phone_link(view.target, &image)) } @else { (image) }
        }
    }
}

fn phone_link(target: &str, content: &Markup) -> Markup {
    let query: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("scan", target)
        .finish();
    html! {
        a href={ "/phone?" (query) } target="_blank" rel="noopener" { (content) }
    }
}

/// One of three, by `wx_errcode`.
fn status(account: &str, wording: &Wording) -> Markup {
    html! {
        div.status role="status" {
            p data-when="408" { (wording.waiting) small { "“" (account) "”" } }
            p data-when="404" hidden {
                strong { (tick()) (wording.scanned) }
                small { (wording.scanned_about) }
            }
            p data-when="403" hidden {
                strong { (cross()) (wording.cancelled) }
                small { (wording.cancelled_about) }
            }
        }
    }
}

fn tick() -> Markup {
    mark("good", "M14 24.5l7 7 13-14")
}

fn cross() -> Markup {
    mark("bad", "M24 13v14M24 34v1")
}

fn mark(class: &str, path: &str) -> Markup {
    html! {
        svg class={ "mark " (class) } viewBox="0 0 48 48" width="32" height="32" aria-hidden="true" {
            circle cx="24" cy="24" r="22" fill="currentColor" {}
            path d=(path) fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round"
                stroke-linejoin="round" {}
        }
    }
}

/// WeChat's error page, in Chinese whatever the language.
pub(super) fn error(error: &PageError, look: Look) -> HttpResponse {
    let body = html! {
        main {
            div.failure {
                (cross())
                (error.says())
            }
        }
    };
    respond(look, error.title(), &body, false)
}

fn respond(look: Look, title: &str, body: &Markup, script: bool) -> HttpResponse {
    let html = html! {
        (DOCTYPE)
        html lang=(look.language.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                link rel="icon" href="/sandbox/assets/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href={ (PARTS) "/style/qrconnect.css" };
                @if script {
                    script src={ (PARTS) "/js/qrconnect.js" } defer {}
                }
            }
            body.framed[look.framed].lite[look.lite].white[look.white_text] { (body) }
        }
    };
    page::html(POLICY, "no-referrer", html)
}
