//! Black-box tests: a real gateway on real sockets, a browser, and a phone that speaks to the sandbox.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and speaks to the gateway as a stranger does"
)]

mod support;

mod access_token;
mod access_tokens;
mod accounts;
mod accounts_join;
mod callbacks;
mod calls;
mod check;
mod check_gateway;
mod check_wechat;
mod endings;
mod error_table;
mod fallback;
mod first_login;
mod forms;
mod frames;
mod golden;
mod h5;
mod heartbeat;
mod lifecycle;
mod limits;
mod lockout;
mod messages;
mod number_match;
mod numbers;
mod official_account;
mod pages;
mod postgres;
mod postgres_away;
mod process;
mod races;
mod races_in_chat;
mod refresh;
mod refusals;
mod risk;
mod same_device;
mod sandbox_push;
mod secrets;
mod secrets_of_accounts;
mod sessions;
mod sockets;
mod streams;
mod tables;
mod tidy;
mod verify;
mod website;
mod website_strangers;
mod wechat_away;
mod wechat_broken;
mod wechat_endless;
mod wechat_faults;
