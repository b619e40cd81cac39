//! The page of a link that is its own proof.

use maud::{Markup, html};

use super::{
    page::{View, address, document, monogram},
    wording,
};
use crate::{login::LINK_KEY, scene::SceneId};

/// A link that is its own proof: it counts when it is tapped here, not when something has followed it.
pub(super) fn open_link(view: &View, scene: &SceneId, app: &str, key: &str) -> Markup {
    let question = wording::sign_in_to(app, view.locale);
    let card = html! {
        div.head {
            (monogram(app))
            h1 { (question) }
            p.helps { (wording::LINK_HELP.of(view.locale)) }
        }
        div.choice {
            form method="post" name="open" action={ (address(scene)) "/open" } autocomplete="off" {
                input type="hidden" name=(LINK_KEY) value=(key);
                button class="button confirm" type="submit" { (wording::CONTINUE.of(view.locale)) }
            }
        }
    };
    document(view, &question, "card", &card)
}
