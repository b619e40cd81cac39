//! The little XML that WeChat speaks: `<xml>` with one level of fields that count.
//!
//! What is refused is what a parser could be tricked with, and what WeChat never sends: a document type, entities other
//! than the five of XML, processing instructions, comments and loose text between the fields, a field that is there twice.

use std::collections::BTreeMap;

use quick_xml::{
    Reader,
    escape::resolve_xml_entity,
    events::{BytesRef, Event},
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
                Event::Start(tag) => document.start(tag.name().0)?,
                Event::Empty(tag) => {
                    document.start(tag.name().0)?;
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
    fn start(&mut self, name: &str) -> Option<()> {
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
