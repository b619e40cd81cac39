//! The little XML that WeChat speaks: `<xml>` with one level of fields that count.
//!
//! What is refused is what a parser could be tricked with, and what WeChat never sends: a document type, entities other
//! than the five of XML, processing instructions, attributes, comments and loose text between the
//! fields, a field that is there twice.

use std::collections::BTreeMap;

use quick_xml::{
    Reader,
    escape::resolve_xml_entity,
    events::{BytesRef, BytesStart, Event},
};

use super::MAX_BODY;

/// How deep elements may lie. Pictures sent by a menu lie deepest: `xml/SendPicsInfo/PicList/item/PicMd5Sum`.
const MAX_DEPTH: usize = 5;

/// How many elements there may be. The result of a mass message has some 120 for eight articles.
const MAX_ELEMENTS: usize = 256;

/// The fields of one message.
pub(super) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// Reads UTF-8 of at most [`MAX_BODY`] bytes.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let text = str::from_utf8(body).ok()?;
        if text.len() > MAX_BODY || !text.chars().all(is_legal) {
            return None;
        }
        let mut reader = Reader::from_str(text);
        let mut document = Document::default();
        loop {
            match reader.read_event().ok()? {
                Event::Start(tag) => document.start(&tag)?,
                Event::Empty(tag) => {
                    document.start(&tag)?;
                    document.end()?;
                }
                // The reader has checked its name.
                Event::End(_) => document.end()?,
                Event::Text(text) => document.text(&text.xml10_content())?,
                Event::CData(text) if document.depth > 0 => {
                    document.text(&text.xml10_content())?;
                }
                Event::GeneralRef(reference) if document.depth > 0 => {
                    document.text(&resolve(&reference)?)?;
                }
                Event::Decl(_) if document.elements == 0 => {}
                Event::Comment(_) if document.depth == 0 => {}
                Event::Eof => return document.finish(),
                _ => return None,
            }
        }
    }

    /// The text of a field without the white space around it; `None` when there is none left.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let text = self.0.get(name)?.trim_matches(is_white);
        (!text.is_empty()).then_some(text)
    }
}

/// What has been read so far.
#[derive(Default)]
struct Document {
    depth: usize,
    elements: usize,
    /// The field that is open: its name, its text, and whether it holds elements. Such a field has no text.
    field: (String, String, bool),
    fields: BTreeMap<String, String>,
}

impl Document {
    fn start(&mut self, tag: &BytesStart<'_>) -> Option<()> {
        // The reader takes anything for a name and does not look at attributes; WeChat has plain names and none.
        let name = tag.trim_end_matches(is_white);
        if !name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            return None;
        }
        self.elements += 1;
        self.depth += 1;
        let allowed = match self.depth {
            1 => self.elements == 1 && name == "xml",
            2 => {
                self.field = (name.to_owned(), String::new(), false);
                !self.fields.contains_key(name)
            }
            _ => {
                self.field.2 = true;
                self.depth <= MAX_DEPTH
            }
        };
        (allowed && self.elements <= MAX_ELEMENTS).then_some(())
    }

    fn end(&mut self) -> Option<()> {
        self.depth = self.depth.checked_sub(1)?;
        if self.depth == 1 {
            let (name, mut text, structured) = std::mem::take(&mut self.field);
            if structured {
                text.clear();
            }
            self.fields.insert(name, text);
        }
        Some(())
    }

    fn text(&mut self, text: &str) -> Option<()> {
        match self.depth {
            0 | 1 => text.chars().all(is_white).then_some(()),
            2 => {
                self.field.1.push_str(text);
                Some(())
            }
            _ => Some(()),
        }
    }

    fn finish(self) -> Option<Fields> {
        (self.depth == 0 && self.elements > 0).then_some(Fields(self.fields))
    }
}

/// The character that `&name;` or `&#number;` stands for.
fn resolve(reference: &BytesRef<'_>) -> Option<String> {
    match reference.resolve_char_ref().ok()? {
        Some(letter) => is_legal(letter).then(|| letter.to_string()),
        None => resolve_xml_entity(&reference.xml10_content()).map(str::to_owned),
    }
}

/// `Char` of XML 1.0, section 2.2.
fn is_legal(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// `S` of XML 1.0, section 2.3.
const fn is_white(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\r' | '\n')
}

/// `text` as character data: what would end it is cut in two, what XML cannot hold is left out.
pub(super) fn cdata(text: &str) -> String {
    let legal: String = text.chars().filter(|letter| is_legal(*letter)).collect();
    format!("<![CDATA[{}]]>", legal.replace("]]>", "]]]]><![CDATA[>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(inside: &str) -> Option<String> {
        let fields = Fields::read(format!("<xml><A>{inside}</A></xml>").as_bytes())?;
        Some(fields.get("A").unwrap_or_default().to_owned())
    }

    #[test]
    fn texts_are_read_as_xml_means_them() {
        for (inside, expected) in [
            (" \n<![CDATA[ a]]>\t<![CDATA[b ]]>\n", "a\tb".to_owned()),
            (
                "&lt;&gt;&amp;&apos;&quot;&#65;&#x4e2d;",
                "<>&'\"A中".to_owned(),
            ),
            ("a\r\nb\rc", "a\nb\nc".to_owned()),
            ("<![CDATA[&lt;<b>]]>", "&lt;<b>".to_owned()),
            ("a<B>b</B>c", String::new()),
            ("", String::new()),
        ] {
            assert_eq!(field(inside), Some(expected), "{inside}");
        }
        let empty = Fields::read(b"<xml ><A /><B>b</B ></xml>\n<!-- end -->").unwrap();
        assert_eq!((empty.get("A"), empty.get("B")), (None, Some("b")));
    }

    #[test]
    fn what_wechat_never_sends_is_refused() {
        for inside in [
            "&nbsp;",
            "&a;",
            "&#0;",
            "&#1;",
            "&#xd800;",
            "&#xffff;",
            "&",
            "&;",
            "\u{1}",
            "\u{fffe}",
            "<!-- c -->",
            "<?php ?>",
            "<b c='d'/>",
            "<b c/>",
            "<b:c/>",
            "<<b/>",
            "<b>",
            "</b>",
            "<!DOCTYPE a>",
            "<![CDATA[",
            "<?xml version='1.0'?>",
        ] {
            assert_eq!(field(inside), None, "{inside}");
        }
        for body in [
            "",
            " ",
            "<xml>",
            "</xml>",
            "<xml/><xml/>",
            "<xml></xml>x",
            "x<xml></xml>",
            "<a></a>",
            "<XML></XML>",
            "<xml>x<A/></xml>",
            "<xml>&#65;</xml>",
            "<xml/>&#32;",
            "<xml/><![CDATA[ ]]>",
            "<xml><A/><A/></xml>",
            "<xml><!-- c --></xml>",
            "<xml a='b'/>",
            "<xml/><?xml version='1.0'?>",
        ] {
            assert!(Fields::read(body.as_bytes()).is_none(), "{body}");
        }
    }

    #[test]
    fn depth_number_and_size_have_an_end() {
        let deep = |depth: usize| field(&("<a>".repeat(depth) + &"</a>".repeat(depth)));
        assert!(deep(MAX_DEPTH - 2).is_some());
        assert_eq!(deep(MAX_DEPTH - 1), None);
        assert!(field(&"<a/>".repeat(MAX_ELEMENTS - 2)).is_some());
        assert_eq!(field(&"<a/>".repeat(MAX_ELEMENTS - 1)), None);
        let around = "<xml><A></A></xml>".len();
        assert!(field(&"x".repeat(MAX_BODY - around)).is_some());
        assert_eq!(field(&"x".repeat(MAX_BODY - around + 1)), None);
    }
}
