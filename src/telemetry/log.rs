//! Where log lines go.

use std::io::{self, IsTerminal};

use tracing_subscriber::{
    EnvFilter, Layer, Registry, filter::ParseError, fmt, layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::config::{LogFormat, Telemetry};

/// `telemetry.log` is no filter.
#[derive(Debug, thiserror::Error)]
#[error(
    "configuration: telemetry.log = {filter:?}: a filter is expected, as in \"info\" or \"scangate=debug,info\": {source}"
)]
pub struct BadFilter {
    filter: String,
    source: ParseError,
}

/// Sends log lines to standard error, for the whole process. The first call counts; a subscriber that is there
/// already stays.
///
/// # Errors
/// [`BadFilter`] when the filter cannot be read.
pub fn init(config: &Telemetry) -> Result<(), BadFilter> {
    let filter = filter(&config.log)?;
    let lines = fmt::layer().with_writer(io::stderr);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match config.format {
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let subscriber = tracing_subscriber::registry().with(lines.with_filter(filter));
    // An error says that a subscriber is there already.
    let _ = subscriber.try_init();
    Ok(())
}

fn filter(text: &str) -> Result<EnvFilter, BadFilter> {
    EnvFilter::builder()
        .parse(text)
        .map_err(|source| BadFilter {
            filter: text.to_owned(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_filter_is_named_and_a_good_one_counts_once() {
        let mut config = Telemetry {
            log: "scangate=louder".to_owned(),
            format: LogFormat::Json,
        };
        let error = init(&config).unwrap_err().to_string();
        assert!(
            error.contains("telemetry.log = \"scangate=louder\""),
            "{error}"
        );
        config.log = "scangate=debug,warn".to_owned();
        init(&config).unwrap();
        init(&config).unwrap();
    }
}
