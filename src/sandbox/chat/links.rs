//! Which parts of a chat line are links: `<a href="…">` with its text, as WeChat lets accounts write, and bare
//! URLs. Everything else is text, other markup too.

use url::Url;

/// A part of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    Text(&'a str),
    Link { url: Url, label: &'a str },
}

/// The parts, in order; together their texts are the whole line but for the markup of the links.
pub(super) fn parts(mut text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut plain = text;
    while !text.is_empty() {
        match link(text) {
            Some((part, rest)) => {
                let (before, _) = plain.split_at(plain.len() - text.len());
                if !before.is_empty() {
                    parts.push(Part::Text(before));
                }
                parts.push(part);
                (text, plain) = (rest, rest);
            }
            None => {
                let mut letters = text.chars();
                letters.next();
                text = letters.as_str();
            }
        }
    }
    if !plain.is_empty() {
        parts.push(Part::Text(plain));
    }
    parts
}

/// The link that `text` begins with, and what follows it.
fn link(text: &str) -> Option<(Part<'_>, &str)> {
    if let Some(found) = anchor(text) {
        return Some(found);
    }
    if !text.starts_with("http://") && !text.starts_with("https://") {
        return None;
    }
    let end = text
        .find(|letter: char| !letter.is_ascii_graphic() || "<>\"'".contains(letter))
        .unwrap_or(text.len());
    // What ends a sentence does not belong to the link.
    let label = text
        .get(..end)?
        .trim_end_matches(['.', ',', ';', '!', '?', ')']);
    let part = Part::Link {
        url: web(label)?,
        label,
    };
    Some((part, text.get(label.len()..)?))
}

fn anchor(text: &str) -> Option<(Part<'_>, &str)> {
    let rest = text.strip_prefix("<a href=")?;
    let quote = rest
        .chars()
        .next()
        .filter(|letter| "\"'".contains(*letter))?;
    let (href, rest) = rest.get(1..)?.split_once(quote)?;
    let (_, rest) = rest.split_once('>')?;
    let (label, rest) = rest.split_once("</a>")?;
    let part = Part::Link {
        url: web(href)?,
        label: if label.is_empty() { href } else { label },
    };
    Some((part, rest))
}

fn web(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    matches!(url.scheme(), "http" | "https").then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<(&str, Option<String>)> {
        let part = |part| match part {
            Part::Text(text) => (text, None),
            Part::Link { url, label } => (label, Some(url.to_string())),
        };
        parts(text).into_iter().map(part).collect()
    }

    #[test]
    fn links_are_found_and_nothing_else_is() {
        let to = |url: &str| Some(url.to_owned());
        assert_eq!(
            shown("确认登录：http://127.0.0.1/s/7Qm。别告诉别人"),
            [
                ("确认登录：", None),
                ("http://127.0.0.1/s/7Qm", to("http://127.0.0.1/s/7Qm")),
                ("。别告诉别人", None)
            ]
        );
        assert_eq!(
            shown("<a href=\"https://a.example/s/1?a=b&c\">Tap <b></a> or (https://b.example/x)."),
            [
                ("Tap <b>", to("https://a.example/s/1?a=b&c")),
                (" or (", None),
                ("https://b.example/x", to("https://b.example/x")),
                (").", None)
            ]
        );
        assert_eq!(
            shown("<a href='http://a/'></a>"),
            [("http://a/", to("http://a/"))]
        );
        for text in [
            "<a href=\"javascript:alert(1)\">x</a>",
            "<script>alert(1)</script>",
            "ftp://a/ http:// <a href=\"nowhere",
        ] {
            assert_eq!(shown(text), [(text, None)]);
        }
        assert!(shown("").is_empty());
    }
}
