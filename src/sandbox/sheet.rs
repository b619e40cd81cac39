//! WeChat's green sheet: who asks for what, who answers, and two buttons.

use maud::{Markup, html};

use super::user::User;

/// What one sheet says.
pub(super) struct Sheet<'a> {
    /// The name of the account that asks…
    pub(super) account: &'a str,
    pub(super) asks: &'a str,
    /// …and what for.
    pub(super) title: &'a str,
    pub(super) user: &'a User,
    /// Below the user's name.
    pub(super) about: Option<&'a str>,
    /// Where the two forms go, by their names: `confirm` and `reject`.
    pub(super) action: &'a str,
    pub(super) hidden: &'a [(&'a str, &'a str)],
    pub(super) reject: &'a str,
    pub(super) confirm: &'a str,
}

impl Sheet<'_> {
    pub(super) fn draw(&self) -> Markup {
        html! {
            main.phone.dimmed {
                section.sheet aria-labelledby="ask" {
                    p.sheet-app {
                        img.app-icon src="/sandbox/assets/icon.svg" alt="" width="24" height="24";
                        span { (self.account) }
                        span.asks { (self.asks) }
                    }
                    h1 #ask { (self.title) }
                    p.sheet-user {
                        img.avatar src=(self.user.drawing()) alt="" width="48" height="48";
                        span {
                            strong { (self.user.name) }
                            @if let Some(about) = self.about { small { (about) } }
                        }
                        @if self.about.is_some() { (tick(24)) }
                    }
                    div.sheet-buttons {
                        (self.form("reject", "secondary", self.reject))
                        (self.form("confirm", "primary", self.confirm))
                    }
                }
            }
        }
    }

    fn form(&self, name: &str, class: &str, label: &str) -> Markup {
        html! {
            form name=(name) method="post" action={ (self.action) "/" (name) } {
                @for (name, value) in self.hidden {
                    input type="hidden" name=(name) value=(value);
                }
                button class={ "button " (class) } type="submit" { (label) }
            }
        }
    }
}

/// Of that many pixels.
pub(super) fn tick(side: u8) -> Markup {
    html! {
        svg.tick viewBox="0 0 24 24" width=(side) height=(side) aria-hidden="true" {
            path d="M4 12.5l5.5 5.5L20 7" fill="none" stroke="currentColor" stroke-width="2.5"
                stroke-linecap="round" stroke-linejoin="round" {}
        }
    }
}
