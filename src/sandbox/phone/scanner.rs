//! The phone's camera, and what it shows of a scanned code.

use maud::{Markup, html};
use url::Url;

use super::{Screen, View, open_url};
use crate::sandbox::{
    scan::{Code, MAX_SCAN},
    wording::Wording,
};

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
                textarea #text name="scan" rows="3" required maxlength=(MAX_SCAN) autocomplete="off"
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
            @match scanned(view) {
                Code::Page(url) => {
                    div.target {
                        (icon())
                        h2 { (wording.card_title) }
                        p.host { (authority(&url)) }
                        p.url { (url) }
                    }
                    (whose(view))
                    a.button.primary #open href=(open_url(&view.current, &url)) { (wording.card_open) }
                }
                Code::Parametric(code) => {
                    div.target {
                        img.account-icon src="/sandbox/assets/icon.svg" alt="" width="64" height="64";
                        h2 { (account_name(view, &code.app_id)) }
                        p.url { (wording.card_account) }
                    }
                    (whose(view))
                    form method="post" action="/phone/scan" {
                        input type="hidden" name="user" value=(view.current.id);
                        input type="hidden" name="text" value=(code.url);
                        button.button.primary.wide #open type="submit" { (wording.card_chat) }
                    }
                }
                Code::Gone => {
                    (nothing(wording.code_gone, "", wording.code_gone_about))
                    (again(wording))
                }
                Code::MiniProgram => {
                    (nothing(wording.mini_program, &view.screen.scan, wording.mini_program_about))
                    (again(wording))
                }
                Code::Text => {
                    (nothing(wording.not_a_link, &view.screen.scan, wording.not_a_link_about))
                    (again(wording))
                }
            }
        }
    }
}

fn scanned(view: &View<'_>) -> Code {
    let now = view.shared.clock.now();
    let base = view.shared.own.base(None);
    Code::read(&mut view.shared.lock(), &view.screen.scan, &base, now)
}

fn account_name(view: &View<'_>, app_id: &str) -> String {
    let state = view.shared.lock();
    let account = state.accounts.get(app_id);
    account.map_or_else(|| app_id.to_owned(), |account| account.name.clone())
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
