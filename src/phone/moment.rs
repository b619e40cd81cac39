//! When a browser opened a scene, as its person can compare it with their own watch.
//!
//! Nobody tells the gateway where the phone is. Readers of Chinese get China's one time, named as such, everybody
//! else UTC: a clock without its zone would be wrong for somebody who then rejects their own login.

use actix_web::cookie::time::OffsetDateTime;

use crate::{clock::Millis, code::Locale};

const MINUTE_MS: Millis = 60_000;
const DAY_MIN: Millis = 24 * 60;
/// China Standard Time: UTC+8, without summer time since 1991.
const CHINA_MIN: Millis = 8 * 60;

/// "2 minutes ago"
pub(super) fn ago(age: Millis, locale: Locale) -> String {
    match (age / MINUTE_MS, locale) {
        (0, Locale::ZhCn) => "刚刚".to_owned(),
        (0, Locale::En) => "just now".to_owned(),
        (minutes, Locale::ZhCn) => format!("{minutes} 分钟前"),
        (1, Locale::En) => "1 minute ago".to_owned(),
        (minutes, Locale::En) => format!("{minutes} minutes ago"),
    }
}

/// Hours and minutes with the zone they belong to.
pub(super) fn clock(at: Millis, locale: Locale) -> String {
    let minutes = at / MINUTE_MS;
    match locale {
        Locale::ZhCn => format!("北京时间 {}", hours(minutes + CHINA_MIN)),
        Locale::En => format!("{} UTC", hours(minutes)),
    }
}

/// For machines: RFC 3339, or nothing for a time that has no date.
pub(super) fn datetime(at: Millis) -> Option<String> {
    let seconds = i64::try_from(at / 1_000).ok()?;
    let time = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    let (hour, minute, second) = time.to_hms();
    let (year, month, day) = (time.year(), u8::from(time.month()), time.day());
    Some(format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
    ))
}

fn hours(minutes: Millis) -> String {
    let of_day = minutes % DAY_MIN;
    format!("{:02}:{:02}", of_day / 60, of_day % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22T01:46:40Z
    const AT: Millis = 1_795_312_000_000;

    #[test]
    fn a_scene_is_minutes_old_at_most() {
        assert_eq!(ago(59_999, Locale::En), "just now");
        assert_eq!(ago(60_000, Locale::En), "1 minute ago");
        assert_eq!(ago(299_000, Locale::En), "4 minutes ago");
        assert_eq!(ago(0, Locale::ZhCn), "刚刚");
        assert_eq!(ago(120_000, Locale::ZhCn), "2 分钟前");
    }

    #[test]
    fn a_clock_names_its_zone() {
        assert_eq!(clock(AT, Locale::En), "01:46 UTC");
        assert_eq!(clock(AT, Locale::ZhCn), "北京时间 09:46");
        let late = AT + 15 * 3_600_000;
        assert_eq!(clock(late, Locale::ZhCn), "北京时间 00:46", "the next day");
    }

    #[test]
    fn machines_read_the_whole_date() {
        assert_eq!(datetime(AT).as_deref(), Some("2026-11-22T01:46:40Z"));
        assert_eq!(datetime(0).as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(datetime(Millis::MAX), None);
    }
}
