#![doc = include_str!("ARCHITECTURE.md")]
#![warn(missing_docs)]

mod admin;
mod api;
pub mod app;
mod avatar;
pub mod backend;
mod callback;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod code;
pub mod config;
mod docs;
pub mod event;
pub mod geo;
pub mod http;
pub mod ids;
pub mod login;
pub mod outbound;
pub mod password;
mod phone;
pub mod protocol;
pub mod push;
pub mod rfc6455;
pub mod sandbox;
pub mod scene;
pub mod tasks;
pub mod telemetry;
pub mod token;
pub mod user;
mod websocket;
pub mod wechat;
