//! Who is tested, from where, and whether that is allowed.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    str::FromStr,
};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use url::{Host, Url};

use crate::args::Common;

/// The last part of 127.0.0.x.
const MAX_SOURCES: u8 = 250;

/// A gateway and how its pages and phones speak to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Target {
    /// What people type: it names the gateway in every request.
    pub(crate) url: Url,
    pub(crate) origin: String,
    pub(crate) svg: bool,
    /// A peer: it knows nothing of the contract (`bare.rs`).
    pub(crate) is_bare: bool,
    /// Where the connections of pages go, in turn.
    nodes: Vec<SocketAddr>,
    /// Where those of phones go.
    phone_nodes: Vec<SocketAddr>,
    /// Where they come from, in turn; empty for whatever the kernel chooses.
    sources: Vec<IpAddr>,
    allow_remote: bool,
}

impl Target {
    pub(crate) async fn new(url: &Url, common: &Common) -> anyhow::Result<Self> {
        permit(url, common.allow_remote)?;
        let own = resolve(url).await.with_context(|| format!("--url {url}"))?;
        let or_own = |nodes: &[SocketAddr]| match nodes {
            [] => vec![own],
            nodes => nodes.to_vec(),
        };
        let target = Self {
            origin: common
                .origin
                .clone()
                .unwrap_or_else(|| url.origin().ascii_serialization()),
            url: url.clone(),
            svg: !common.no_svg,
            is_bare: false,
            nodes: or_own(&common.node),
            phone_nodes: or_own(&common.phone_node),
            sources: sources(common.sources)?,
            allow_remote: common.allow_remote,
        };
        for node in target.nodes.iter().chain(&target.phone_nodes) {
            target.permit_address(*node)?;
        }
        ensure!(
            target.sources.is_empty() || target.nodes.iter().all(|node| node.ip().is_loopback()),
            "--sources are addresses of this machine: they reach no other"
        );
        Ok(target)
    }

    /// `path` on the gateway.
    pub(crate) fn at(&self, path: &str) -> anyhow::Result<Url> {
        self.url
            .join(path)
            .with_context(|| format!("{path} on {}", self.url))
    }

    /// How often each port of this machine can be used: once for each node, or once for each address that connections
    /// are made to come from (`bind` does not know yet where they go).
    pub(crate) fn routes(&self) -> usize {
        match self.sources.len() {
            0 => self.nodes.len(),
            some => some,
        }
    }

    pub(crate) fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// A connection of page number `turn`. Another `try_no` is another node, where there are several.
    pub(crate) async fn connect(&self, turn: usize, try_no: usize) -> std::io::Result<TcpStream> {
        let node = self.nodes[(turn + try_no) % self.nodes.len()];
        connect(node, self.source(turn)).await
    }

    /// The address behind a link that a phone follows.
    pub(crate) async fn phone_node(&self, url: &Url, turn: usize) -> anyhow::Result<SocketAddr> {
        permit(url, self.allow_remote)?;
        if url.origin() == self.url.origin() {
            return Ok(self.phone_nodes[turn % self.phone_nodes.len()]);
        }
        let address = resolve(url).await?;
        self.permit_address(address)?;
        Ok(address)
    }

    fn source(&self, turn: usize) -> Option<IpAddr> {
        // Not in step with the nodes: every route is used.
        let source = (turn / self.nodes.len()) % self.sources.len().max(1);
        self.sources.get(source).copied()
    }

    fn permit_address(&self, address: SocketAddr) -> anyhow::Result<()> {
        ensure!(
            self.allow_remote || address.ip().is_loopback(),
            "{address} is not loopback; --allow-remote lifts this, with the owner's leave"
        );
        Ok(())
    }
}

/// A connection, from this address if one is given.
pub(crate) async fn connect(to: SocketAddr, from: Option<IpAddr>) -> std::io::Result<TcpStream> {
    let stream = match from {
        None => TcpStream::connect(to).await?,
        Some(from) => {
            let socket = TcpSocket::new_v4()?;
            // Ports of connections that are long closed may be taken again.
            socket.set_reuseaddr(true)?;
            socket.bind(SocketAddr::new(from, 0))?;
            socket.connect(to).await?
        }
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// 127.0.0.1, 127.0.0.2 …; nothing for one, which needs no choice.
fn sources(count: u8) -> anyhow::Result<Vec<IpAddr>> {
    ensure!(
        (1..=MAX_SOURCES).contains(&count),
        "--sources is between 1 and {MAX_SOURCES}"
    );
    let all = (1..=count).map(|last| Ipv4Addr::new(127, 0, 0, last).into());
    Ok(if count == 1 {
        Vec::new()
    } else {
        all.collect()
    })
}

async fn resolve(url: &Url) -> anyhow::Result<SocketAddr> {
    let host = url.host_str().with_context(|| format!("{url}: no host"))?;
    let port = url.port_or_known_default().unwrap_or(80);
    if let Ok(ip) = IpAddr::from_str(host.trim_matches(['[', ']'])) {
        return Ok(SocketAddr::new(ip, port));
    }
    let mut found = lookup_host((host, port)).await?;
    found.next().with_context(|| format!("{url}: no address"))
}

/// Load on somebody else's machine is an attack: everything this program calls passes here first, redirects and
/// the text of the QR code too.
pub(crate) fn permit(url: &Url, allow_remote: bool) -> anyhow::Result<()> {
    ensure!(
        url.scheme() == "http",
        "{url}: only http; measure a TLS gateway behind its proxy, from the proxy's plain side"
    );
    let loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    };
    ensure!(
        loopback || allow_remote,
        "{url} is not on this machine; --allow-remote lifts this, with the owner's leave"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_without_leave() {
        let allowed = |url: &str, remote| permit(&Url::parse(url).unwrap(), remote).is_ok();
        assert!(allowed("http://127.0.0.1:8080", false));
        assert!(allowed("http://127.8.8.8/", false));
        assert!(allowed("http://[::1]:8080/s/x", false));
        assert!(allowed("http://localhost/", false));
        assert!(!allowed("http://localhost.example.com/", false));
        assert!(!allowed("http://10.0.0.1/", false));
        assert!(!allowed("http://open.weixin.qq.com/", false));
        assert!(allowed("http://10.0.0.1/", true));
        assert!(!allowed("https://127.0.0.1/", false));
        assert!(!allowed("file:///etc/passwd", true));
    }

    fn target(nodes: &[&str], source_count: u8) -> Target {
        Target {
            url: Url::parse("http://127.0.0.1:8080").unwrap(),
            origin: String::new(),
            svg: true,
            is_bare: false,
            nodes: nodes.iter().map(|node| node.parse().unwrap()).collect(),
            phone_nodes: vec!["127.0.0.1:9".parse().unwrap()],
            sources: sources(source_count).unwrap(),
            allow_remote: false,
        }
    }

    #[tokio::test]
    async fn a_phone_follows_no_link_away_from_this_machine() {
        let target = target(&["127.0.0.1:8"], 1);
        let follow = async |url: &str| target.phone_node(&Url::parse(url).unwrap(), 0).await;
        let own = follow("http://127.0.0.1:8080/s/x").await.unwrap();
        assert_eq!(own.port(), 9, "the gateway's name leads to its node");
        let other = follow("http://127.0.0.1:8090/phone").await.unwrap();
        assert_eq!(other.port(), 8090);
        assert!(follow("http://192.0.2.1/s/x").await.is_err());
    }

    #[test]
    fn every_node_hears_from_every_source() {
        let target = target(&["127.0.0.1:1", "127.0.0.1:2"], 3);
        let pairs: std::collections::HashSet<_> = (0..60)
            .map(|turn| (target.nodes[turn % 2], target.source(turn)))
            .collect();
        assert_eq!(pairs.len(), 6);
        assert_eq!(target.routes(), 3);
    }

    #[test]
    fn one_source_is_no_choice() {
        assert_eq!(sources(1).unwrap(), Vec::<IpAddr>::new());
        assert!(sources(0).is_err());
    }
}
