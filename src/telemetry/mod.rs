//! What operators see: numbers here, log lines through `tracing`.

mod metrics;

pub use self::metrics::{CloseLabel, Metrics, NameLabel, StateLabel, WechatLabel};
