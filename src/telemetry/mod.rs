//! What operators see: log lines and numbers.

mod metrics;

pub use self::metrics::{CloseLabel, Metrics, NameLabel, StateLabel, WechatLabel};
