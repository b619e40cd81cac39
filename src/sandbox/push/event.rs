//! What is pushed: an event or a message, and the XML that WeChat writes for it.

use std::fmt::Write;

use crate::sandbox::ticket::{Parametric, Scene};

/// One thing that a person did to an account.
#[derive(Clone, Debug)]
pub(in crate::sandbox) struct Event {
    /// The account's original id, `gh_…`: not its appid.
    pub(in crate::sandbox) to: String,
    /// The person's openid.
    pub(in crate::sandbox) from: String,
    /// Epoch seconds; the same however often it is delivered.
    pub(in crate::sandbox) create_time: u64,
    pub(in crate::sandbox) kind: Kind,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sandbox) enum Kind {
    /// A follower scanned a parametric code.
    Scan(Code),
    /// Somebody followed, by a parametric code or without one.
    Subscribe(Option<Code>),
    Unsubscribe,
    Text {
        content: String,
        msg_id: u64,
    },
}

/// A parametric code, as an event tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sandbox) struct Code {
    pub(in crate::sandbox) scene: Scene,
    pub(in crate::sandbox) ticket: String,
}

impl From<&Parametric> for Code {
    fn from(code: &Parametric) -> Self {
        Self {
            scene: code.scene.clone(),
            ticket: code.ticket.clone(),
        }
    }
}

impl Kind {
    /// The value of `Event`, or of `MsgType` where there is no event.
    pub(in crate::sandbox) const fn name(&self) -> &'static str {
        match self {
            Self::Scan(_) => "SCAN",
            Self::Subscribe(_) => "subscribe",
            Self::Unsubscribe => "unsubscribe",
            Self::Text { .. } => "text",
        }
    }

    /// The value of `EventKey`: a scene verbatim, behind `qrscene_` when somebody followed by it.
    pub(in crate::sandbox) fn key(&self) -> String {
        match self {
            Self::Scan(code) => code.scene.event_key(),
            Self::Subscribe(Some(code)) => format!("qrscene_{}", code.scene.event_key()),
            Self::Subscribe(None) | Self::Unsubscribe | Self::Text { .. } => String::new(),
        }
    }

    const fn ticket(&self) -> Option<&String> {
        match self {
            Self::Scan(code) | Self::Subscribe(Some(code)) => Some(&code.ticket),
            _ => None,
        }
    }
}

impl Event {
    /// In the clear, in WeChat's order; `encrypt` follows in compatible mode.
    pub(super) fn xml(&self, encrypt: Option<&str>) -> String {
        let mut xml = Xml::new();
        xml.text("ToUserName", &self.to);
        xml.text("FromUserName", &self.from);
        xml.number("CreateTime", self.create_time);
        if let Kind::Text { content, msg_id } = &self.kind {
            xml.text("MsgType", "text");
            xml.text("Content", content);
            xml.number("MsgId", *msg_id);
        } else {
            xml.text("MsgType", "event");
            xml.text("Event", self.kind.name());
            xml.text("EventKey", &self.kind.key());
            if let Some(ticket) = self.kind.ticket() {
                xml.text("Ticket", ticket);
            }
        }
        if let Some(encrypt) = encrypt {
            xml.text("Encrypt", encrypt);
        }
        xml.end()
    }

    /// In safe mode: whom it is for, and the sealed rest.
    pub(super) fn sealed_xml(&self, encrypt: &str) -> String {
        let mut xml = Xml::new();
        xml.text("ToUserName", &self.to);
        xml.text("Encrypt", encrypt);
        xml.end()
    }
}

/// One level of elements in `<xml>`.
struct Xml(String);

impl Xml {
    fn new() -> Self {
        Self("<xml>".to_owned())
    }

    /// In CDATA, which may hold anything but its own end and what XML has no way to write.
    fn text(&mut self, name: &str, value: &str) {
        let value: String = value.chars().filter(|letter| is_xml(*letter)).collect();
        let value = value.replace("]]>", "]]]]><![CDATA[>");
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "<{name}><![CDATA[{value}]]></{name}>");
    }

    fn number(&mut self, name: &str, value: u64) {
        let _ = writeln!(self.0, "<{name}>{value}</{name}>");
    }

    fn end(self) -> String {
        self.0 + "</xml>"
    }
}

/// XML 1.0 section 2.2.
const fn is_xml(letter: char) -> bool {
    !matches!(letter, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: Kind) -> Event {
        Event {
            to: "gh_7f083739789a".to_owned(),
            from: "oFrom".to_owned(),
            create_time: 1_731_000_000,
            kind,
        }
    }

    fn code() -> Code {
        Code {
            scene: Scene::Text("7Qm".to_owned()),
            ticket: "gQ==".to_owned(),
        }
    }

    #[test]
    fn an_event_reads_as_wechat_writes_it() {
        assert_eq!(
            event(Kind::Scan(code())).xml(None),
            "<xml><ToUserName><![CDATA[gh_7f083739789a]]></ToUserName>\n\
             <FromUserName><![CDATA[oFrom]]></FromUserName>\n\
             <CreateTime>1731000000</CreateTime>\n\
             <MsgType><![CDATA[event]]></MsgType>\n\
             <Event><![CDATA[SCAN]]></Event>\n\
             <EventKey><![CDATA[7Qm]]></EventKey>\n\
             <Ticket><![CDATA[gQ==]]></Ticket>\n\
             </xml>"
        );
        let followed = event(Kind::Subscribe(Some(code()))).xml(None);
        assert!(followed.contains("<Event><![CDATA[subscribe]]>"));
        assert!(followed.contains("<EventKey><![CDATA[qrscene_7Qm]]>"));
        let plain = event(Kind::Subscribe(None)).xml(None);
        assert!(plain.contains("<EventKey><![CDATA[]]></EventKey>") && !plain.contains("Ticket"));
        let sealed = event(Kind::Unsubscribe).sealed_xml("c2Vh");
        assert!(sealed.contains("<Encrypt><![CDATA[c2Vh]]>") && !sealed.contains("FromUserName"));
        let both = event(Kind::Unsubscribe).xml(Some("c2Vh"));
        assert!(both.contains("unsubscribe") && both.ends_with("]]></Encrypt>\n</xml>"));
    }

    #[test]
    fn no_text_breaks_out_of_its_element() {
        let text = event(Kind::Text {
            content: "a]]></Content><b>\0&".to_owned(),
            msg_id: u64::MAX,
        });
        let xml = text.xml(None);
        assert!(
            xml.contains("<Content><![CDATA[a]]]]><![CDATA[></Content><b>&]]></Content>"),
            "{xml}"
        );
        assert!(xml.contains("<MsgId>18446744073709551615</MsgId>"));
    }
}
