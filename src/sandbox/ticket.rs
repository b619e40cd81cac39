//! Parametric codes: what `/cgi-bin/qrcode/create` made, found again by the text in the picture or by its ticket.

use base64::{Engine, engine::general_purpose::URL_SAFE};

use super::{expiring::Expiring, ledger::alphanumeric};
use crate::{clock::Millis, ids};

/// Where the links of all codes lead.
pub(super) const HOST: &str = "weixin.qq.com";
/// In front of every code's own characters.
const URL: &str = "http://weixin.qq.com/q/";
/// The longest that a temporary code can live, in seconds.
pub(super) const MAX_EXPIRE_S: u64 = 2_592_000;
/// Temporary codes and permanent ones at most, each; the oldest makes room.
const CAPACITY: usize = 100_000;
/// Characters of a code behind [`URL`], all but its version.
const KEY: usize = 20;

/// What scanning a code tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parametric {
    pub(super) app_id: String,
    pub(super) scene: Scene,
    pub(super) ticket: String,
    /// What the picture holds.
    pub(super) url: String,
    expires_at: Millis,
}

/// What whoever made the code gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scene {
    /// `scene_id`
    Number(u32),
    /// `scene_str`
    Text(String),
}

impl Scene {
    /// The `EventKey` of a follower's scan; who follows by it sends the same behind `qrscene_`.
    pub(super) fn event_key(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

/// All codes.
#[derive(Debug)]
pub(super) struct Tickets {
    /// By the characters behind [`URL`].
    temporary: Expiring<Parametric>,
    permanent: Expiring<Parametric>,
}

impl Tickets {
    pub(super) fn new() -> Self {
        Self {
            temporary: Expiring::new(CAPACITY, MAX_EXPIRE_S * 1000),
            permanent: Expiring::new(CAPACITY, Millis::MAX),
        }
    }

    /// A new code that lives `expire_s`, or for ever.
    pub(super) fn create(
        &mut self,
        app_id: &str,
        scene: Scene,
        expire_s: Option<u64>,
        now: Millis,
    ) -> Parametric {
        let key = format!("02{}", alphanumeric(KEY));
        let url = format!("{URL}{key}");
        let code = Parametric {
            app_id: app_id.to_owned(),
            scene,
            ticket: ticket(&url, now, expire_s.unwrap_or_default()),
            url,
            expires_at: expire_s.map_or(Millis::MAX, |seconds| now + seconds * 1000),
        };
        let codes = match expire_s {
            Some(_) => &mut self.temporary,
            None => &mut self.permanent,
        };
        codes.insert(key, code.clone(), now);
        code
    }

    /// The code whose picture holds `text`, while it lives.
    pub(super) fn find_by_url(&mut self, text: &str, now: Millis) -> Option<Parametric> {
        let text = text.trim();
        let key = text
            .strip_prefix(URL)
            .or_else(|| text.strip_prefix("https://weixin.qq.com/q/"))?;
        let code = match self.temporary.get(key, now) {
            Some(code) => code,
            None => self.permanent.get(key, now)?,
        };
        (now < code.expires_at).then(|| code.clone())
    }

    /// The code of that ticket, while it lives.
    pub(super) fn find_by_ticket(&mut self, ticket: &str, now: Millis) -> Option<Parametric> {
        let bytes = URL_SAFE.decode(ticket).ok()?;
        let length = usize::from(*bytes.get(HEADER + 1)?);
        let url = bytes.get(HEADER + 2..HEADER + 1 + length)?;
        let code = self.find_by_url(std::str::from_utf8(url).ok()?, now)?;
        (code.ticket == ticket).then_some(code)
    }
}

/// Bytes in front of the fields of a ticket.
const HEADER: usize = 12;

/// 96 characters laid out as WeChat's: a version, the length of the fields, then tag, length and value of the
/// URL, the time it was made and the seconds it lives; numbers are little-endian.
fn ticket(url: &str, now: Millis, expire_s: u64) -> String {
    let number = |value: u64| u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes();
    let mut fields = vec![1, u8::try_from(url.len() + 1).unwrap_or(u8::MAX)];
    fields.extend(url.as_bytes());
    fields.push(0);
    fields.extend([2, 4]);
    fields.extend(number(now / 1000));
    fields.extend([3, 4]);
    fields.extend(number(expire_s));
    let mut bytes = vec![0x81, 0x01];
    bytes.extend(ids::random::<2>());
    bytes.extend(number(fields.len() as u64));
    bytes.extend([0; 4]);
    bytes.extend(fields);
    URL_SAFE.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_by_text_and_ticket_while_it_lives() {
        let mut tickets = Tickets::new();
        let made = tickets.create("wx1", Scene::Text("s".to_owned()), Some(60), 1000);
        assert_eq!(made.ticket.len(), 96);
        assert!(made.ticket.starts_with("gQ"), "{}", made.ticket);
        let https = made.url.replace("http:", "https:");
        for text in [made.url.as_str(), &https, &format!(" {}\n", made.url)] {
            assert_eq!(tickets.find_by_url(text, 60_999).as_ref(), Some(&made));
        }
        assert_eq!(
            tickets.find_by_ticket(&made.ticket, 60_999).as_ref(),
            Some(&made)
        );
        assert_eq!(tickets.find_by_url(&made.url, 61_000), None);
        assert_eq!(tickets.find_by_ticket(&made.ticket, 61_000), None);
        let forever = tickets.create("wx1", Scene::Number(7), None, 1000);
        let late = 1000 * 366 * 86_400_000;
        assert_eq!(
            tickets.find_by_ticket(&forever.ticket, late).as_ref(),
            Some(&forever)
        );
        assert_eq!(forever.scene.event_key(), "7");
    }

    #[test]
    fn another_text_or_ticket_is_no_code() {
        let mut tickets = Tickets::new();
        let made = tickets.create("wx1", Scene::Number(1), Some(60), 0);
        let of_same_url = ticket(&made.url, 5000, 60);
        for ticket in [
            "",
            "gQ",
            "gQE",
            "%",
            &made.url,
            &of_same_url,
            &made.ticket[..40],
        ] {
            assert_eq!(tickets.find_by_ticket(ticket, 0), None, "{ticket}");
        }
        for text in ["", URL, "http://weixin.qq.com/q/02unknown", "02"] {
            assert_eq!(tickets.find_by_url(text, 0), None, "{text}");
        }
    }
}
