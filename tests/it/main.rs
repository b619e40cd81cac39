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
mod attach;
mod avatars;
mod callbacks;
mod calls;
mod check;
mod check_gateway;
mod check_wechat;
mod cluster;
mod cluster_tls;
mod cluster_trouble;
mod described;
mod drain;
mod endings;
mod error_table;
mod events;
mod events_stream;
mod fallback;
mod first_login;
mod forged_tokens;
mod forms;
mod frames;
mod golden;
mod golden_events;
mod h5;
mod heartbeat;
mod hostile;
mod identity;
mod keys;
mod keys_command;
mod lifecycle;
mod limits;
mod lockout;
mod messages;
mod number_match;
mod numbers;
mod official_account;
mod origins;
mod pages;
mod postgres;
mod postgres_away;
mod process;
mod races;
mod races_in_chat;
mod refresh;
mod refusals;
mod replaced;
mod risk;
mod same_device;
mod sandbox_push;
mod secrets;
mod secrets_of_accounts;
mod session_list;
mod sessions;
mod shared_keys;
mod sockets;
mod streams;
mod systemd;
mod tables;
mod tidy;
mod upgrades;
mod users_command;
mod verify;
mod website;
mod website_strangers;
mod wechat_away;
mod wechat_broken;
mod wechat_endless;
mod wechat_faults;
