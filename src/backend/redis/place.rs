//! Where a Redis is: what `cluster.url` says.

use redis::{ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo};

/// Sentinels and cluster nodes that a URL may name.
const MAX_HOSTS: usize = 32;

/// The ways to reach the one server that takes writes.
#[derive(Clone)]
pub(super) enum Place {
    /// Always the same.
    Server(ConnectionInfo),
    /// Sentinels know which one it is now.
    Sentinel {
        sentinels: Vec<ConnectionInfo>,
        master: String,
        /// What the master is spoken to with; its address is asked for.
        template: ConnectionInfo,
    },
    /// Each key has its own.
    Cluster(Vec<ConnectionInfo>),
}

/// The parts of `scheme://userinfo@host1,host2/path`.
struct Parts<'a> {
    tls: &'a str,
    kind: &'a str,
    userinfo: &'a str,
    hosts: Vec<&'a str>,
    path: &'a str,
}

impl Place {
    /// Reads a URL. What is wrong with it is said without what is in it: it may hold a password.
    pub(super) fn parse(url: &str) -> Result<Self, &'static str> {
        let parts = Parts::of(url)?;
        let infos = |port| {
            let all = parts.hosts.iter();
            all.map(|host| parts.info(host, port))
                .collect::<Result<Vec<_>, _>>()
        };
        match parts.kind {
            "" => {
                let info = url.into_connection_info().ok();
                Ok(Self::Server(resp3(info.ok_or(UNREADABLE)?)))
            }
            "sentinel" => {
                let (master, database) = match parts.path.split_once('/') {
                    Some((master, database)) => (master, database.parse().ok()),
                    None => (parts.path, Some(0)),
                };
                let template = infos(26379)?.into_iter().next().ok_or(UNREADABLE)?;
                let settings = template.redis_settings().clone();
                let settings = settings.set_db(database.ok_or("a database is a number")?);
                if master.is_empty() {
                    return Err("the name of the master is missing behind the sentinels");
                }
                Ok(Self::Sentinel {
                    // Sentinels have no users of their own here, and no databases.
                    sentinels: infos(26379)?.into_iter().map(anonymous).collect(),
                    master: master.to_owned(),
                    template: template.set_redis_settings(settings),
                })
            }
            "cluster" if parts.path.is_empty() => Ok(Self::Cluster(infos(6379)?)),
            "cluster" => Err("a cluster has no databases"),
            _ => Err(UNREADABLE),
        }
    }
}

const UNREADABLE: &str = "it cannot be read";

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Result<Self, &'static str> {
        let (scheme, rest) = url.split_once("://").ok_or(UNREADABLE)?;
        let (tls, kind) = scheme.split_once('+').unwrap_or((scheme, ""));
        if !matches!(tls, "redis" | "rediss") {
            return Err(UNREADABLE);
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (userinfo, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let hosts: Vec<_> = hosts.split(',').collect();
        if hosts.len() > MAX_HOSTS || hosts.iter().any(|host| host.is_empty()) {
            return Err("1 to 32 hosts are expected");
        }
        Ok(Self {
            tls,
            kind,
            userinfo,
            hosts,
            path,
        })
    }

    fn info(&self, host: &str, port: u16) -> Result<ConnectionInfo, &'static str> {
        let at = if self.userinfo.is_empty() { "" } else { "@" };
        // "[::1]" has colons of its own.
        let port = if host
            .rsplit(']')
            .next()
            .is_some_and(|rest| rest.contains(':'))
        {
            String::new()
        } else {
            format!(":{port}")
        };
        let url = format!("{}://{}{at}{host}{port}", self.tls, self.userinfo);
        let info = url.into_connection_info().ok();
        info.map(resp3).ok_or(UNREADABLE)
    }
}

/// Subscriptions need it.
fn resp3(info: ConnectionInfo) -> ConnectionInfo {
    let settings = info.redis_settings().clone();
    info.set_redis_settings(settings.set_protocol(ProtocolVersion::RESP3))
}

fn anonymous(info: ConnectionInfo) -> ConnectionInfo {
    let settings = RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3);
    info.set_redis_settings(settings)
}

#[cfg(test)]
mod tests {
    use redis::ConnectionAddr;

    use super::*;

    fn address(info: &ConnectionInfo) -> String {
        match info.addr() {
            ConnectionAddr::Tcp(host, port) => format!("{host}:{port}"),
            ConnectionAddr::TcpTls { host, port, .. } => format!("tls {host}:{port}"),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn one_server_is_spoken_to_as_its_url_says() {
        let Ok(Place::Server(info)) = Place::parse("rediss://app:s%40cret@cache.internal:6380/3")
        else {
            panic!("a server");
        };
        assert_eq!(address(&info), "tls cache.internal:6380");
        let settings = info.redis_settings();
        assert_eq!(settings.db(), 3);
        assert_eq!(settings.username(), Some("app"));
        assert_eq!(settings.password(), Some("s@cret"));
        assert!(matches!(settings.protocol(), ProtocolVersion::RESP3));
    }

    #[test]
    fn sentinels_are_asked_for_their_master() {
        let url = "redis+sentinel://:secret@one:26379,two,[::1]/mymaster/2";
        let Ok(Place::Sentinel {
            sentinels,
            master,
            template,
        }) = Place::parse(url)
        else {
            panic!("sentinels");
        };
        let found: Vec<_> = sentinels.iter().map(address).collect();
        assert_eq!(found, ["one:26379", "two:26379", "::1:26379"]);
        assert_eq!(master, "mymaster");
        assert_eq!(template.redis_settings().db(), 2);
        assert_eq!(template.redis_settings().password(), Some("secret"));
        assert_eq!(sentinels[0].redis_settings().password(), None);
    }

    #[test]
    fn a_cluster_is_found_by_some_of_its_nodes() {
        let Ok(Place::Cluster(nodes)) = Place::parse("rediss+cluster://user:secret@one,two:7000")
        else {
            panic!("a cluster");
        };
        let found: Vec<_> = nodes.iter().map(address).collect();
        assert_eq!(found, ["tls one:6379", "tls two:7000"]);
        assert_eq!(nodes[1].redis_settings().username(), Some("user"));
    }

    #[test]
    fn what_cannot_be_read_is_said_without_what_is_in_it() {
        for url in [
            "redis",
            "http://secret@host",
            "redis+sentinel://secret@host",
            "redis+sentinel://secret@host/m/x",
            "redis+cluster://secret@one,,two",
            "redis+cluster://secret@one/3",
            "redis+secret://host",
        ] {
            let error = Place::parse(url).err().unwrap_or_else(|| panic!("{url}"));
            assert!(!error.contains("secret"), "{url}: {error}");
        }
    }
}
