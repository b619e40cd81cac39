//! Layers into one [`Config`].

use std::{path::PathBuf, time::Duration};

use config::{Environment, File, FileFormat};
use serde::{Deserialize, Deserializer, de};

use super::Config;

/// What the command line says; flags win over everything.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// The file of `--config`.
    pub file: Option<PathBuf>,
    /// `--set section.key=value`, in order.
    pub set: Vec<(String, String)>,
}

/// Why no configuration came of it; each sentence names the key, what was found and what is allowed.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A layer could not be read or does not fit.
    #[error("configuration: {0}")]
    Load(#[from] config::ConfigError),
    /// All layers fit, but together they cannot work.
    #[error("configuration: {0}")]
    Invalid(String),
}

/// Merges the layers and checks the whole.
///
/// # Errors
/// [`ConfigError`] with the key at fault.
pub fn load(overrides: &Overrides) -> Result<Config, ConfigError> {
    let mut builder = config::Config::builder().add_source(File::from_str(
        include_str!("../../config/default.toml"),
        FileFormat::Toml,
    ));
    if let Some(file) = &overrides.file {
        builder = builder.add_source(File::from(file.clone()).format(FileFormat::Toml));
    }
    builder = builder.add_source(
        Environment::with_prefix("SCANGATE")
            .prefix_separator("_")
            .separator("__"),
    );
    for (key, value) in &overrides.set {
        builder = builder.set_override(key, value.as_str())?;
    }
    let config: Config = builder.build()?.try_deserialize()?;
    config.validate()?;
    Ok(config)
}

/// A span written as seconds, with or without a fraction.
pub(super) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    Duration::try_from_secs_f64(seconds)
        .map_err(|error| de::Error::custom(format!("{seconds} is no span of seconds: {error}")))
}
