//! Finds a named form in a page and fills it as a tap on its button would.

use url::Url;

/// A form ready to send.
#[derive(Debug, PartialEq)]
pub(crate) struct Form {
    pub(crate) action: Url,
    pub(crate) post: bool,
    pub(crate) fields: Vec<(String, String)>,
}

impl Form {
    /// The form called `name` on the page at `base`.
    pub(crate) fn find(html: &str, name: &str, base: &Url) -> Option<Self> {
        let mut form: Option<Self> = None;
        let mut pressed = false;
        for tag in Tags(html) {
            match (&mut form, tag.name.as_str()) {
                (None, "form") if tag.get("name") == Some(name) => {
                    form = Some(Self {
                        action: base.join(tag.get("action").unwrap_or_default()).ok()?,
                        post: tag
                            .get("method")
                            .is_some_and(|method| method.eq_ignore_ascii_case("post")),
                        fields: Vec::new(),
                    });
                }
                (Some(_), "/form") => break,
                (Some(form), "input" | "button") => {
                    let default = if tag.name == "button" {
                        "submit"
                    } else {
                        "text"
                    };
                    let kind = tag.get("type").unwrap_or(default);
                    let counts = match kind {
                        "submit" => !std::mem::replace(&mut pressed, true),
                        "checkbox" | "radio" => tag.get("checked").is_some(),
                        "button" | "reset" | "image" | "file" => false,
                        _ => true,
                    };
                    if let Some(field) = tag.get("name").filter(|name| counts && !name.is_empty()) {
                        form.fields.push((
                            field.to_owned(),
                            tag.get("value").unwrap_or_default().to_owned(),
                        ));
                    }
                }
                _ => {}
            }
        }
        form
    }
}

/// The elements of a page that say how it is built, one a line: what a golden file holds.
#[cfg(test)]
pub(crate) fn outline(html: &str) -> String {
    let tags = Tags(html).filter(|tag| !tag.name.starts_with('/'));
    let lines = tags.map(|tag| {
        let named = ["id", "class"].map(|key| tag.get(key).map(|value| format!(" {key}={value}")));
        tag.name + &named.map(Option::unwrap_or_default).concat()
    });
    let mut lines: Vec<_> = lines.collect();
    // So many of one kind, as of ticks and dots, count once.
    lines.dedup();
    lines.join("\n") + "\n"
}

struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn get(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// The tags of a page, in order; comments, text and the inside of scripts and styles are skipped.
struct Tags<'a>(&'a str);

impl Iterator for Tags<'_> {
    type Item = Tag;

    fn next(&mut self) -> Option<Tag> {
        loop {
            self.0 = &self.0[self.0.find('<')? + 1..];
            if let Some(comment) = self.0.strip_prefix("!--") {
                self.0 = &comment[comment.find("-->")? + 3..];
                continue;
            }
            if !self
                .0
                .starts_with(|c: char| c == '/' || c.is_ascii_alphabetic())
            {
                continue;
            }
            let end = self.0.find(|c: char| c.is_ascii_whitespace() || c == '>')?;
            let name = self.0[..end].trim_end_matches(['/']).to_ascii_lowercase();
            self.0 = &self.0[end..];
            let attributes = self.attributes();
            if name == "script" || name == "style" {
                self.0 = &self.0[self.0.find(&format!("</{name}"))?..];
            }
            return Some(Tag { name, attributes });
        }
    }
}

impl Tags<'_> {
    fn attributes(&mut self) -> Vec<(String, String)> {
        let mut attributes = Vec::new();
        loop {
            self.0 = self
                .0
                .trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
            if let Some(rest) = self.0.strip_prefix('>') {
                self.0 = rest;
                return attributes;
            }
            let end = self
                .0
                .find(|c: char| c.is_ascii_whitespace() || "=>/".contains(c))
                .unwrap_or(self.0.len());
            if end == 0 {
                return attributes;
            }
            let name = self.0[..end].to_ascii_lowercase();
            self.0 = self.0[end..].trim_start();
            let value = match self.0.strip_prefix('=') {
                Some(rest) => {
                    self.0 = rest.trim_start();
                    self.value()
                }
                None => String::new(),
            };
            attributes.push((name, value));
        }
    }

    fn value(&mut self) -> String {
        let (value, rest) = match self.0.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let inner = &self.0[1..];
                inner.split_once(quote).unwrap_or((inner, ""))
            }
            _ => {
                let end = self
                    .0
                    .find(|c: char| c.is_ascii_whitespace() || c == '>')
                    .unwrap_or(self.0.len());
                self.0.split_at(end)
            }
        };
        self.0 = rest;
        unescape(value)
    }
}

/// The character references that template engines write.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let reference = rest
            .split_once(';')
            .map(|(name, after)| (&name[1..], after));
        let decoded = reference.and_then(|(name, after)| {
            let decoded = match name {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "apos" => '\'',
                _ => {
                    let digits = name.strip_prefix('#')?;
                    let code = match digits.strip_prefix(['x', 'X']) {
                        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                        None => digits.parse().ok()?,
                    };
                    char::from_u32(code)?
                }
            };
            Some((decoded, after))
        });
        match decoded {
            Some((character, after)) => {
                out.push(character);
                rest = after;
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<!DOCTYPE html><html><head><script>let a = "<form name='confirm'>";</script></head>
        <body><!-- <form name="confirm" action="/trap"> -->
        <p>2 < 3 &amp; so on</p>
        <form name="reject" method="post" action="/s/abc/reject"><input type="hidden" name="csrf" value="no"></form>
        <form class="a b" NAME='confirm' method=POST action="/s/abc/confirm?x=1&amp;y=2">
          <input type="hidden" name="csrf" value="a&quot;b&#x27;&#62;">
          <input type=checkbox name=later><input type="checkbox" name="agree" checked />
          <input name="empty" disabled-not value>
          <button type="button" name="help" value="1">?</button>
          <button name="choice" value="yes">Confirm</button><button name="choice" value="no">No</button>
        </form></body></html>"#;

    fn base() -> Url {
        Url::parse("http://127.0.0.1:8080/s/abc").unwrap()
    }

    #[test]
    fn named_form_is_found_with_its_fields() {
        let form = Form::find(PAGE, "confirm", &base()).unwrap();
        assert_eq!(
            form.action.as_str(),
            "http://127.0.0.1:8080/s/abc/confirm?x=1&y=2"
        );
        assert!(form.post);
        let fields: Vec<_> = form
            .fields
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        assert_eq!(
            fields,
            [
                ("csrf", "a\"b'>"),
                ("agree", ""),
                ("empty", ""),
                ("choice", "yes")
            ]
        );
    }

    #[test]
    fn other_forms_are_told_apart() {
        let form = Form::find(PAGE, "reject", &base()).unwrap();
        assert_eq!(form.fields, [("csrf".to_owned(), "no".to_owned())]);
        assert_eq!(Form::find(PAGE, "refuse", &base()), None);
    }

    #[test]
    fn action_may_be_absent() {
        let form = Form::find("<form name=confirm>", "confirm", &base()).unwrap();
        assert_eq!(form.action, base());
        assert!(!form.post);
    }

    #[test]
    fn broken_pages_end() {
        for html in [
            "<",
            "<form",
            "<form name=",
            "<form name=\"confirm",
            "<!-- x",
            "<script>",
            "< a <b =",
            "<a =",
        ] {
            let _ = Form::find(html, "confirm", &base());
        }
    }

    #[test]
    fn character_references() {
        assert_eq!(
            unescape("a&amp;b&lt;&gt;&#39;&nbsp;&&#xZZ;"),
            "a&b<>'&nbsp;&&#xZZ;"
        );
    }
}
