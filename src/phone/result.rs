//! The pages at the end of a way through a browser: in the frame of WeChat's login page, or where the login page itself
//! went on the way and waits to be found again.

use maud::{Markup, html};

use super::{
    glyph::Glyph,
    page::{self, View},
    wording::{self, Sentence},
};
use crate::login::Notice;

/// What came of WeChat's login page. With `to`, the way on for who sees this as a whole page.
pub(super) fn landed(view: &View, notice: Notice, to: Option<&str>) -> Markup {
    let Sentence { says, helps } = wording::at_the_computer(notice);
    let (says, helps) = (says.of(view.locale), helps.of(view.locale));
    let is_fine = matches!(notice, Notice::SignedIn | Notice::Rejected);
    let card = html! {
        div.head {
            (Glyph::of(notice).draw())
            h1 { (says) }
            p.helps { (helps) }
            @if !is_fine { (page::reference(view)) }
        }
        (on(view, to))
    };
    page::document(view, says, "card", &card)
}

/// What came of the login in this very browser, on the way back to the page that began it.
pub(super) fn returning(view: &View, notice: Notice, to: &str) -> Markup {
    let says = wording::sentence(notice).says.of(view.locale);
    let card = html! {
        div.head {
            (Glyph::of(notice).draw())
            h1 { (says) }
            p.helps { (wording::RETURNING.of(view.locale)) }
        }
        (on(view, Some(to)))
    };
    page::document(view, says, "card", &card)
}

fn on(view: &View, to: Option<&str>) -> Markup {
    html! {
        @if let Some(to) = to {
            div.choice {
                a.button href=(to) { (wording::GO_ON.of(view.locale)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{code::Locale, ids::TraceId};

    const TO: &str = "https://shop.example/login?a=1&b=2";

    fn view(locale: Locale) -> View {
        View {
            locale,
            is_sandbox: false,
            request_id: TraceId::parse("4bf92f3577b34da6a3ce929d0e0e4736").unwrap(),
        }
    }

    #[test]
    fn a_frame_says_what_happened_and_leads_nowhere() {
        let page = landed(&view(Locale::En), Notice::SignedIn, None).into_string();
        assert!(page.contains("<h1>Signed in</h1>") && !page.contains("<a "));
        assert!(!page.contains("4bf92f"), "nothing went wrong");
        let page = landed(&view(Locale::ZhCn), Notice::Failed, None).into_string();
        assert!(page.contains("登录没有完成") && page.contains("4bf92f"));
        assert!(!page.contains("<script") && !page.contains("style="));
    }

    #[test]
    fn a_whole_page_has_the_way_on() {
        let link = "href=\"https://shop.example/login?a=1&amp;b=2\"";
        let page = landed(&view(Locale::En), Notice::Snapshot, Some(TO)).into_string();
        assert!(page.contains(link), "{page}");
        let page = returning(&view(Locale::En), Notice::SignedIn, TO).into_string();
        assert!(page.contains(link), "{page}");
    }
}
