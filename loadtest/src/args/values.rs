//! What single options look like.

use std::time::Duration;

/// The most events a second.
const FASTEST: f64 = 1e6;

/// How often a page may ask; the gateway closes a connection that rests for 30 s.
const SOONEST: Duration = Duration::from_millis(10);
const LATEST: Duration = Duration::from_secs(25);

/// `90s`, `500ms`, `2m`, or seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(
        text.find(|c: char| c.is_ascii_alphabetic())
            .unwrap_or(text.len()),
    );
    let factor = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("`{unit}` is no unit; use ms, s, m or h")),
    };
    let number: f64 = number
        .parse()
        .map_err(|error| format!("`{number}`: {error}"))?;
    Duration::try_from_secs_f64(number * factor).map_err(|error| error.to_string())
}

/// `NAME=TEXT`.
pub(super) fn named(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, rest)) if !name.is_empty() => Ok((name.to_owned(), rest.to_owned())),
        _ => Err(format!("`{text}` is not NAME=COMMAND")),
    }
}

/// How often a page asks.
pub(super) fn every(text: &str) -> Result<Duration, String> {
    match duration(text) {
        Ok(every) if (SOONEST..=LATEST).contains(&every) => Ok(every),
        Ok(_) => Err(format!(
            "{SOONEST:?} to {LATEST:?}: longer, and the gateway closes the connection"
        )),
        error => error,
    }
}

pub(super) fn rate(text: &str) -> Result<f64, String> {
    match rate_or_none(text) {
        Ok(rate) if rate > 0.0 => Ok(rate),
        _ => Err("a rate is a number of events a second above 0".to_owned()),
    }
}

pub(super) fn rate_or_none(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.0..=FASTEST).contains(&rate) => Ok(rate),
        _ => Err(format!(
            "a rate is a number of events a second up to {FASTEST}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_take_units() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert!(duration("5 parsecs").is_err());
        assert!(duration("-1s").is_err());
    }

    #[test]
    fn a_name_comes_before_its_command() {
        let pair = ("a".to_owned(), "b --c=d".to_owned());
        assert_eq!(named("a=b --c=d"), Ok(pair));
        assert!(named("b --c").is_err() && named("=b").is_err());
    }

    #[test]
    fn rates_are_positive() {
        assert!(rate("0").is_err());
        assert!(rate("NaN").is_err());
        assert!(rate_or_none("-1").is_err());
        assert_eq!(rate("0.5"), Ok(0.5));
        assert_eq!(rate_or_none("0"), Ok(0.0));
    }

    #[test]
    fn pages_ask_while_their_connection_is_kept() {
        assert_eq!(every("1.5s"), Ok(Duration::from_millis(1500)));
        assert!(every("0").is_err());
        assert!(every("30s").is_err());
        assert!(every("often").is_err());
    }
}
