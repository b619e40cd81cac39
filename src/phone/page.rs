//! The pages, drawn whole on the server: what a person compares before they confirm must not hang on a script.

use maud::{DOCTYPE, Markup, html};

use super::{
    glyph::Glyph,
    moment,
    parameters::FORM_TOKEN,
    wording::{self, Sentence},
};
use crate::{
    code::{Code, Locale},
    ids::TraceId,
    login::{Confirming, Notice},
    scene::{Asker, SceneId},
};

/// Whom a page is drawn for.
#[derive(Clone, Copy)]
pub(super) struct View {
    pub(super) locale: Locale,
    pub(super) is_sandbox: bool,
    pub(super) request_id: TraceId,
}

/// The address of a scene's page.
pub(super) fn address(scene: &SceneId) -> String {
    format!("/s/{scene}")
}

/// Who asks, from where, since when, and two answers of equal weight.
pub(super) fn confirm(view: &View, confirming: &Confirming) -> Markup {
    let question = wording::sign_in_to(&confirming.app, view.locale);
    let card = html! {
        div.head {
            (monogram(&confirming.app))
            h1 { (question) }
        }
        (details(view.locale, confirming))
        p.warning {
            (wording::WARNING.of(view.locale))
            " "
            span { (wording::STRANGER.of(view.locale)) }
        }
        div.choice {
            (choice("reject", wording::REJECT.of(view.locale), &confirming.scene, &confirming.form_token))
            (choice("confirm", wording::CONFIRM.of(view.locale), &confirming.scene, &confirming.form_token))
        }
    };
    document(view, &question, "card asks", &card)
}

/// One sentence and what helps; another try where one may.
pub(super) fn notice(view: &View, notice: Notice, scene: Option<&SceneId>) -> Markup {
    let may_try = matches!(
        notice,
        Notice::NoCode
            | Notice::Trouble
            | Notice::Snapshot
            | Notice::StillWorking
            | Notice::OtherAccount
    );
    let is_reported = matches!(notice, Notice::Trouble | Notice::Failed);
    let Sentence { says, helps } = wording::sentence(notice);
    let (says, helps) = (says.of(view.locale), helps.of(view.locale));
    let card = html! {
        div.head {
            (Glyph::of(notice).draw())
            h1 { (says) }
            p.helps { (helps) }
            @if is_reported { (reference(view)) }
        }
        (again(view.locale, scene.filter(|_| may_try)))
    };
    document(view, says, "card", &card)
}

/// What went wrong here, and the name under which the log knows it.
pub(super) fn failure(view: &View, code: Code, scene: Option<&SceneId>) -> Markup {
    let says = if code.retryable() {
        wording::TRY_LATER
    } else {
        wording::REFUSED
    };
    let says = says.of(view.locale);
    let card = html! {
        div.head {
            (Glyph::Alert.draw())
            h1 { (says) }
            p.helps { (code.message(view.locale)) }
            (reference(view))
        }
        (again(view.locale, scene.filter(|_| code.retryable())))
    };
    document(view, says, "card", &card)
}

/// The shell of every page.
pub(super) fn document(view: &View, title: &str, class: &str, card: &Markup) -> Markup {
    document_until(view, title, class, None, card)
}

/// The same for a page that asks for itself anew once, after so many seconds. `format-detection` keeps phones from
/// making an address a telephone number.
pub(super) fn document_until(
    view: &View,
    title: &str,
    class: &str,
    seconds: Option<u64>,
    card: &Markup,
) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(view.locale.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover";
                meta name="color-scheme" content="light dark";
                meta name="format-detection" content="telephone=no, date=no, address=no, email=no";
                meta name="robots" content="noindex";
                @if let Some(seconds) = seconds {
                    meta http-equiv="refresh" content=(seconds);
                }
                title { (title) }
                link rel="icon" href="/assets/page/favicon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/assets/page/phone.css";
            }
            body {
                @if view.is_sandbox {
                    header.sandbox { (wording::SANDBOX) }
                }
                main class=(class) { (card) }
            }
        }
    }
}

/// The app's first character stands in for a logo; its name is read out beside it.
pub(super) fn monogram(app: &str) -> Markup {
    let first = app.chars().find(|c| c.is_alphanumeric());
    html! {
        @if let Some(first) = first {
            div.monogram aria-hidden="true" { (first.to_uppercase()) }
        }
    }
}

fn details(locale: Locale, confirming: &Confirming) -> Markup {
    let at = confirming.opened_at;
    html! {
        table.details {
            caption { (wording::ASKER.of(locale)) }
            tbody {
                tr {
                    th scope="row" { (wording::DEVICE.of(locale)) }
                    td { (device(&confirming.asker, locale)) }
                }
                @if let Some(place) = &confirming.place {
                    tr {
                        th scope="row" { (wording::PLACE.of(locale)) }
                        td { (place) }
                    }
                }
                tr {
                    th scope="row" { (wording::ADDRESS.of(locale)) }
                    td.address { (network(&confirming.asker.ip)) }
                }
                tr {
                    th scope="row" { (wording::TIME.of(locale)) }
                    td {
                        time datetime=[moment::datetime(at)] {
                            (moment::ago(confirming.age, locale))
                            " "
                            span.clock { (moment::clock(at, locale)) }
                        }
                    }
                }
            }
        }
    }
}

fn device(asker: &Asker, locale: Locale) -> String {
    asker.device(
        wording::UNKNOWN_BROWSER.of(locale),
        wording::UNKNOWN_DEVICE.of(locale),
    )
}

/// An address to compare with another: a long one breaks between its groups, and nowhere else.
fn network(address: &str) -> Markup {
    let is_long = address.len() > 24;
    html! {
        bdi {
            @for (at, group) in address.split(':').enumerate() {
                @if at > 0 {
                    ":"
                    @if is_long { wbr; }
                }
                (group)
            }
        }
    }
}

/// One of the two forms. Browsers that restore forms must not restore an old token.
pub(super) fn choice(name: &str, label: &str, scene: &SceneId, form_token: &str) -> Markup {
    let action = format!("{}/{name}", address(scene));
    html! {
        form method="post" name=(name) action=(action) autocomplete="off" {
            input type="hidden" name=(FORM_TOKEN) value=(form_token);
            button class={ "button " (name) } type="submit" { (label) }
        }
    }
}

fn again(locale: Locale, scene: Option<&SceneId>) -> Markup {
    html! {
        @if let Some(scene) = scene {
            div.choice {
                a.button href=(address(scene)) { (wording::TRY_AGAIN.of(locale)) }
            }
        }
    }
}

pub(super) fn reference(view: &View) -> Markup {
    html! {
        p.reference {
            (wording::REQUEST_ID.of(view.locale))
            " "
            span.id { (view.request_id) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENE: SceneId = SceneId([7; 16]);

    fn view(locale: Locale) -> View {
        View {
            locale,
            is_sandbox: false,
            request_id: TraceId::parse("4bf92f3577b34da6a3ce929d0e0e4736").unwrap(),
        }
    }

    fn confirming(app: &str) -> Confirming {
        Confirming {
            scene: SCENE,
            app: app.to_owned(),
            asker: Asker {
                browser: "Chrome".into(),
                system: "Windows".into(),
                ip: "203.0.113.7".into(),
                host: None,
            },
            place: Some("上海 · 中国".to_owned()),
            age: 65_000,
            opened_at: 1_795_312_000_000,
            form_token: "0123456789abcdef0123456789abcdef".to_owned(),
        }
    }

    #[test]
    fn the_confirm_page_says_who_asks_from_where_and_when() {
        let page = confirm(&view(Locale::ZhCn), &confirming("示例商店")).into_string();
        for part in [
            "<html lang=\"zh-CN\">",
            "<title>登录 示例商店？</title>",
            "<h1>登录 示例商店？</h1>",
            "Chrome · Windows",
            "上海 · 中国",
            "203.0.113.7",
            "1 分钟前",
            "datetime=\"2026-11-22T01:46:40Z\"",
            wording::WARNING.of(Locale::ZhCn),
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
        let english = confirm(&view(Locale::En), &confirming("Shop")).into_string();
        assert!(english.contains("<html lang=\"en\">"));
        assert!(english.contains("<h1>Sign in to Shop?</h1>"));
    }

    #[test]
    fn both_answers_are_forms_with_the_token() {
        let page = confirm(&view(Locale::En), &confirming("Shop")).into_string();
        for name in ["confirm", "reject"] {
            let form = format!(
                "<form method=\"post\" name=\"{name}\" action=\"/s/{SCENE}/{name}\" autocomplete=\"off\">\
                 <input type=\"hidden\" name=\"form_token\" value=\"0123456789abcdef0123456789abcdef\">"
            );
            assert!(page.contains(&form), "{form} in {page}");
        }
    }

    #[test]
    fn no_name_becomes_markup_and_no_page_has_a_script() {
        let mut asked = confirming("<img src=x onerror=alert(1)>\"'");
        asked.asker.browser = "<b>".into();
        asked.asker.ip = "<i>".into();
        let page = confirm(&view(Locale::En), &asked).into_string();
        for part in ["<img", "<b>", "<i>", "<script", "style=", "javascript:"] {
            assert!(!page.contains(part), "{part} in {page}");
        }
        assert!(page.contains("Sign in to &lt;img"));
    }

    #[test]
    fn a_long_address_breaks_between_its_groups() {
        let drawn = |address: &str| network(address).into_string();
        assert_eq!(drawn("203.0.113.7"), "<bdi>203.0.113.7</bdi>");
        assert_eq!(drawn("2001:db8::1"), "<bdi>2001:db8::1</bdi>");
        let long = drawn("2001:db8:85a3:1234:5678:8a2e:370:7334");
        assert!(long.starts_with("<bdi>2001:<wbr>db8:<wbr>85a3:"), "{long}");
    }

    #[test]
    fn an_unknown_device_is_called_one() {
        let asker = |browser: &str, system: &str| Asker {
            browser: browser.to_owned().into(),
            system: system.to_owned().into(),
            ..Asker::default()
        };
        let called = |browser: &str, system: &str| device(&asker(browser, system), Locale::En);
        assert_eq!(called("Edge", "Windows"), "Edge · Windows");
        assert_eq!(called("Edge", "Unknown"), "Edge");
        assert_eq!(called("Browser", "macOS"), "Unknown browser · macOS");
        assert_eq!(called("Browser", "Unknown"), "Unknown device");
    }

    #[test]
    fn another_try_is_offered_only_where_it_helps() {
        let link = format!("href=\"/s/{SCENE}\"");
        let page = |told| notice(&view(Locale::En), told, Some(&SCENE)).into_string();
        for told in [Notice::NoCode, Notice::Trouble, Notice::OtherAccount] {
            assert!(page(told).contains(&link), "{told:?}");
        }
        for told in [Notice::SignedIn, Notice::InUse, Notice::NotYours] {
            assert!(!page(told).contains(&link), "{told:?}");
        }
        let lost = notice(&view(Locale::En), Notice::Trouble, None).into_string();
        assert!(!lost.contains("Try again</a>"));
    }

    #[test]
    fn a_failure_has_its_message_and_its_id() {
        let page = failure(&view(Locale::ZhCn), Code::Overloaded, Some(&SCENE)).into_string();
        assert!(page.contains(Code::Overloaded.message(Locale::ZhCn)));
        assert!(page.contains("4bf92f3577b34da6a3ce929d0e0e4736"));
        assert!(page.contains(&format!("href=\"/s/{SCENE}\"")));
        let refused = failure(&view(Locale::En), Code::OriginRefused, Some(&SCENE)).into_string();
        assert!(!refused.contains("Try again</a>"));
    }

    #[test]
    fn the_sandbox_says_so_on_every_page() {
        let view = View {
            is_sandbox: true,
            ..view(Locale::En)
        };
        for page in [
            confirm(&view, &confirming("Shop")),
            notice(&view, Notice::SignedIn, Some(&SCENE)),
            failure(&view, Code::Internal, None),
        ] {
            assert!(page.into_string().contains("沙箱模式 · Sandbox"));
        }
    }
}
