//! `scangate check`: the configuration doctor. Tells item by item what is right, wrong, weak or cannot be known from
//! here, and changes nothing.
//!
//! The exit code is 0 when nothing is wrong, 1 when something is (a configuration that cannot be used included), 2 for
//! a bad command line.

mod accounts;
mod choices;
mod cluster;
mod database;
mod files;
mod gateway;
mod page;
mod reach;
mod report;
mod wechat;

use std::process::ExitCode;

use clap::Args;

use self::report::{Report, Verdict};
use super::say;
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
    let said = if options.json {
        report.json() + "\n"
    } else {
        report.text()
    };
    say(&said);
    if report.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What lies here first, then what others say; those are asked at once, so that the whole takes 15 s at most.
async fn examine(report: &mut Report, config: &Config, offline: bool) {
    accounts::check(report, config);
    choices::check(report, config);
    let found = files::check(report, config).await;
    if offline {
        report.add(
            "network",
            Verdict::Unknown,
            "按 --offline 的要求，未询问微信和网关",
            "neither WeChat nor the gateway was asked (--offline)",
        );
        return;
    }
    let (mut database, mut wechat, mut gateway) = (report.part(), report.part(), report.part());
    let mut redis = report.part();
    tokio::join!(
        database::check(&mut database, config),
        cluster::check(&mut redis, config),
        wechat::check(&mut wechat, config),
        gateway::check(&mut gateway, config, &found),
    );
    report.append(database);
    report.append(redis);
    report.append(wechat);
    report.append(gateway);
}

/// Each problem is an item. They come in English only, as `serve` says them.
fn unusable(report: &mut Report, error: &ConfigError) {
    let problems = match error {
        ConfigError::Invalid(problems) => problems.iter().map(ToString::to_string).collect(),
        other => vec![other.to_string()],
    };
    for problem in problems {
        let problem = problem.trim_start_matches("configuration: ");
        report.add("configuration", Verdict::Wrong, problem, problem);
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
