//! Whoever is alone has nobody to tell.

use async_trait::async_trait;

use crate::cluster::{Bus, StoreError};

/// Tells nobody, hears nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoBus;

#[async_trait]
impl Bus for NoBus {
    async fn tell(&self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }

    async fn hear(&self) -> String {
        std::future::pending().await
    }
}
