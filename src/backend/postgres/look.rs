//! What can be said of a database without changing anything, for `scangate check`.

use std::net::IpAddr;

use futures_util::TryFutureExt;
use sqlx::{
    PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};

use super::{OpenError, connect, failed, judged, migrations, options, within};
use crate::config;

/// A database that can be reached.
#[derive(Debug)]
pub struct Look {
    /// "15.14"
    pub server: String,
    /// The version of its tables; 0 where there are none.
    pub version: i64,
    /// The version that this program brings them to.
    pub known: i64,
    /// Whether the role may make tables.
    pub may_create: bool,
    /// Whether nobody in between can read along or play the server.
    pub is_private: bool,
}

/// Looks, at most twice `store.acquire_timeout_s`.
///
/// # Errors
/// As [`super::Postgres::open`].
pub(in crate::backend) async fn look(
    url: &str,
    settings: &config::Store,
) -> Result<Look, OpenError> {
    let options = options(url).map_err(|error| failed(error.to_string()))?;
    let wait = settings.acquire_timeout;
    let mut connection = connect(&options, wait).await?;
    let asked = within(wait, ask(&mut connection).map_err(judged)).await?;
    let (server, may_create, version) = asked;
    Ok(Look {
        server,
        version,
        known: migrations::known(),
        may_create,
        is_private: is_private(&options),
    })
}

async fn ask(connection: &mut PgConnection) -> Result<(String, bool, i64), sqlx::Error> {
    let sql = "SELECT current_setting('server_version'),
            coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)";
    let (server, may_create) = sqlx::query_as(sql).fetch_one(&mut *connection).await?;
    Ok((server, may_create, migrations::version(connection).await?))
}

fn is_private(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let is_here = options.get_socket().is_some()
        || host == "localhost"
        || host
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback());
    is_here || matches!(options.get_ssl_mode(), PgSslMode::VerifyFull)
}
