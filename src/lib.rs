#![doc = include_str!("ARCHITECTURE.md")]
#![warn(missing_docs)]

pub mod cli;
pub mod clock;
pub mod cluster;
pub mod code;
pub mod config;
pub mod ids;
pub mod outbound;
pub mod tasks;
pub mod telemetry;
pub mod token;
pub mod user;
pub mod wechat;
