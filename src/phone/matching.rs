//! The page with the two digits that the browser must send.
//!
//! Nothing on it moves by itself while the digits are good (WCAG 2.2.2); the person goes on by a link when they have
//! typed them. Once they are good no more the page asks for itself anew, one time: then it says what has become of
//! the login, and dead digits do not stay in sight. The limit itself is what the digits are worth (WCAG 2.2.1,
//! essential).

use maud::{Markup, html};

use super::{
    page::{self, View},
    wording,
};
use crate::login::Matching;

/// What to type, where, and how long.
pub(super) fn page(view: &View, matching: &Matching) -> Markup {
    let locale = view.locale;
    let title = wording::TYPE_DIGITS.of(locale);
    let digits = matching.digits.to_string();
    let seconds = matching.left.div_ceil(1_000);
    let (before, after) = wording::only_at(locale);
    let card = html! {
        div.head {
            h1 { (title) }
            // Apart, so that they are read out one by one.
            data.digits value=(digits) {
                @for digit in digits.chars() {
                    span { (digit) }
                    " "
                }
            }
            p.host { (before) bdi { (matching.host) } (after) }
            p.helps { (wording::within(seconds, locale)) }
        }
        p.warning {
            (wording::KEEP_DIGITS.of(locale))
            " "
            span { (wording::ASKED_FOR.of(locale)) }
        }
        div.choice {
            (page::choice("reject", wording::REJECT.of(locale), &matching.scene, &matching.form_token))
            a.button href=(page::address(&matching.scene)) { (wording::TYPED.of(locale)) }
        }
    };
    page::document_until(view, title, "card asks", Some(seconds + 1), &card)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        code::Locale,
        ids::TraceId,
        scene::{Digits, SceneId},
    };

    const SCENE: SceneId = SceneId([7; 16]);

    fn drawn(host: &str, left: u64, locale: Locale) -> String {
        let view = View {
            locale,
            is_sandbox: false,
            request_id: TraceId::parse("4bf92f3577b34da6a3ce929d0e0e4736").unwrap(),
        };
        let matching = Matching {
            scene: SCENE,
            digits: Digits::parse("07").unwrap(),
            host: host.to_owned(),
            left,
            form_token: "0123456789abcdef0123456789abcdef".to_owned(),
        };
        page(&view, &matching).into_string()
    }

    #[test]
    fn the_page_says_what_where_and_how_long() {
        let zh = drawn("login.example.com", 47_001, Locale::ZhCn);
        for part in [
            "<title>在登录页输入这两位数字</title>",
            "<data class=\"digits\" value=\"07\"><span>0</span> <span>7</span> </data>",
            "只在 <bdi>login.example.com</bdi> 上输入",
            "请在 48 秒内输入",
            "<meta http-equiv=\"refresh\" content=\"49\">",
        ] {
            assert!(zh.contains(part), "{part} in {zh}");
        }
        let en = drawn("login.example.com:8443", 1_000, Locale::En);
        assert!(en.contains("Type this only at <bdi>login.example.com:8443</bdi>"));
        assert!(en.contains("Within 1 second<"), "{en}");
    }

    #[test]
    fn its_person_may_reject_or_go_on() {
        let page = drawn("login.example.com", 60_000, Locale::En);
        assert!(page.contains(&format!("name=\"reject\" action=\"/s/{SCENE}/reject\"")));
        assert!(page.contains("value=\"0123456789abcdef0123456789abcdef\""));
        assert!(page.contains(&format!("<a class=\"button\" href=\"/s/{SCENE}\">")));
        assert!(!page.contains("name=\"confirm\"") && !page.contains("<script"));
    }

    #[test]
    fn no_host_becomes_markup() {
        let page = drawn("<img src=x>", 1, Locale::En);
        assert!(!page.contains("<img"), "{page}");
    }
}
