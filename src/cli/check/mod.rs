//! `scangate check`: the configuration doctor. Tells item by item what is right, wrong, weak or cannot be known from
//! here, and changes nothing.
//!
//! The exit code is 0 when nothing is wrong, 1 when something is, 2 for bad usage.

mod gateway;
mod local;
mod report;
mod wechat;

use std::process::ExitCode;

use clap::Args;

use self::report::{Report, Verdict};
use crate::{
    code::Locale,
    config::{self, Config, ConfigError, Overrides},
};

/// How the doctor speaks.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    /// One JSON object instead of lines: {"ok", "version", "items": [{"item", "verdict", "message"}]}.
    #[arg(long)]
    pub(super) json: bool,
    /// The language: zh-CN or en; without it, that of the terminal.
    #[arg(long, value_name = "TAG", value_parser = language)]
    pub(super) lang: Option<Locale>,
    /// Asks nobody: neither WeChat nor the gateway.
    #[arg(long)]
    pub(super) offline: bool,
}

fn language(tag: &str) -> Result<Locale, &'static str> {
    Locale::from_accept_language(tag).ok_or("zh-CN and en are spoken")
}

/// Looks at everything and says what was found.
#[expect(clippy::print_stdout, reason = "this is what was asked for")]
pub(super) async fn check(overrides: &Overrides, options: &Options) -> ExitCode {
    let locale = options.lang.unwrap_or_else(language_of_the_terminal);
    let mut report = Report::new(locale);
    match config::load(overrides) {
        Ok(config) => {
            report.add(
                "configuration",
                Verdict::Right,
                "配置可用",
                "the configuration can be used",
            );
            examine(&mut report, &config, options.offline).await;
        }
        Err(error) => unusable(&mut report, &error),
    }
    if options.json {
        println!("{}", report.json());
    } else {
        print!("{}", report.text());
    }
    if report.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn examine(report: &mut Report, config: &Config, offline: bool) {
    local::check(report, config);
    if offline {
        report.add(
            "network",
            Verdict::Unknown,
            "按 --offline 要求，未联系微信和网关",
            "neither WeChat nor the gateway was asked (--offline)",
        );
        return;
    }
    wechat::check(report, config).await;
    gateway::check(report, config).await;
}

/// Each problem is an item: they come in the operator's own words and layers.
fn unusable(report: &mut Report, error: &ConfigError) {
    for line in error.to_string().lines() {
        report.add("configuration", Verdict::Wrong, line, line);
    }
}

/// Of `LC_ALL`, `LC_MESSAGES` and `LANG` the first that is set (POSIX.1 section 8.2).
fn language_of_the_terminal() -> Locale {
    let set = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty());
    match set {
        Some(value) if value.starts_with("zh") => Locale::ZhCn,
        _ => Locale::En,
    }
}
