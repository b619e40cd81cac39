//! The one builder of HTTP clients.

use std::time::Duration;

use reqwest::{Client, ClientBuilder, redirect::Policy};

/// Time to connect.
const CONNECT: Duration = Duration::from_secs(2);
/// Time for the whole call: within WeChat's own 5 seconds for a callback.
const TOTAL: Duration = Duration::from_secs(5);

/// How long an idle connection is kept: less than servers do, so that a request does not meet a closing one.
const IDLE: Duration = Duration::from_secs(30);

/// A client that follows no redirect, uses no proxy of the environment and gives up in time.
///
/// # Errors
/// When the TLS back end cannot be set up.
pub fn client() -> Result<Client, reqwest::Error> {
    builder().build()
}

/// The same, to be narrowed further.
pub fn builder() -> ClientBuilder {
    #[expect(clippy::disallowed_methods, reason = "the one builder")]
    Client::builder()
        .connect_timeout(CONNECT)
        .timeout(TOTAL)
        .pool_idle_timeout(IDLE)
        .redirect(Policy::none())
        .no_proxy()
        .user_agent(concat!("scangate/", env!("CARGO_PKG_VERSION")))
}
