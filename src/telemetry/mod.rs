//! What operators see: log lines and numbers.

mod log;
mod metrics;

pub use self::{
    log::{BadFilter, init},
    metrics::{
        CloseLabel, Metrics, NameLabel, OutcomeLabel, ReasonLabel, SinkLabel, SinkOutcomeLabel,
        StateLabel, WechatLabel,
    },
};
