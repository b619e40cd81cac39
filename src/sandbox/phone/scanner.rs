//! The phone's camera, and what it shows of a scanned code.

use maud::{Markup, html};
use url::Url;

use super::{Screen, View, open_url};
use crate::sandbox::{api, wording::Wording};

/// What a code holds.
enum Scanned {
    Page(Url),
    /// A parametric code of the account of that name.
    Account(String),
    /// A parametric code that was never made, or has expired.
    Gone,
    Text,
}

impl Scanned {
    fn read(view: &View<'_>) -> Self {
        let text = &view.screen.scan;
        let now = view.shared.clock.now();
        let mut state = view.shared.lock();
        if let Some(code) = state.tickets.find_by_url(text, now) {
            return match state.accounts.get(&code.app_id) {
                Some(account) => Self::Account(account.name.clone()),
                None => Self::Gone,
            };
        }
        match api::read_link(text) {
            Some(url) if api::is_parametric(&url) => Self::Gone,
            Some(url) => Self::Page(url),
            None => Self::Text,
        }
    }
}

pub(super) fn camera(wording: &Wording) -> Markup {
    html! {
        section.camera {
            div.viewfinder #drop {
                (icon())
                label.button.secondary #picture hidden {
                    (wording.picture)
                    input.sr-only type="file" accept="image/*" data-none=(wording.no_code_found);
                }
                p #picture-hint hidden { (wording.picture_hint) }
                p #no-reader hidden { (wording.no_picture_reader) }
                p.says #picture-says role="status" {}
            }
            form.paste method="get" action="/phone" {
                label for="text" { (wording.paste) }
                textarea #text name="scan" rows="3" required maxlength=(api::MAX_SCAN) autocomplete="off"
                    autocapitalize="off" spellcheck="false" placeholder=(wording.paste_placeholder) {}
                button.button.primary type="submit" { (wording.next) }
            }
        }
    }
}

/// What was scanned. One tap opens a link, as a page of its own and as the current user, or leads to the chat
/// with the account whose code it is.
pub(super) fn card(view: &View<'_>) -> Markup {
    let wording = view.wording();
    html! {
        section.card {
            @match Scanned::read(view) {
                Scanned::Page(url) => {
                    div.target {
                        (icon())
                        h2 { (wording.card_title) }
                        p.host { (authority(&url)) }
                        p.url { (url) }
                    }
                    (whose(view))
                    a.button.primary #open href=(open_url(&view.current, &url)) { (wording.card_open) }
                }
                Scanned::Account(name) => {
                    div.target {
                        img.account-icon src="/sandbox/assets/icon.svg" alt="" width="64" height="64";
                        h2 { (name) }
                        p.url { (wording.card_account) }
                    }
                    (whose(view))
                    form method="post" action="/phone/scan" {
                        input type="hidden" name="user" value=(view.current.id);
                        input type="hidden" name="text" value=(view.screen.scan);
                        button.button.primary.wide #open type="submit" { (wording.card_chat) }
                    }
                }
                Scanned::Gone => {
                    (nothing(wording.code_gone, "", wording.code_gone_about))
                    (again(wording))
                }
                Scanned::Text => {
                    (nothing(wording.not_a_link, &view.screen.scan, wording.not_a_link_about))
                    (again(wording))
                }
            }
        }
    }
}

fn whose(view: &View<'_>) -> Markup {
    html! { p.as { (view.wording().card_as) " " strong { (view.current.name) } } }
}

fn nothing(title: &str, text: &str, about: &str) -> Markup {
    html! {
        div.target {
            h2 { (title) }
            p.url { (text) }
            p { (about) }
        }
    }
}

fn again(wording: &Wording) -> Markup {
    html! { a.button.secondary href=(Screen::camera().url(None)) { (wording.back) } }
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

pub(super) fn icon() -> Markup {
    html! {
        svg.scan-icon viewBox="0 0 48 48" width="48" height="48" aria-hidden="true" fill="none"
            stroke="currentColor" stroke-width="3.5" stroke-linecap="round" stroke-linejoin="round" {
            path d="M6 16v-6a4 4 0 0 1 4-4h6M32 6h6a4 4 0 0 1 4 4v6M42 32v6a4 4 0 0 1-4 4h-6M16 42h-6a4 4 0 0 1-4-4v-6M12 24h24" {}
        }
    }
}
