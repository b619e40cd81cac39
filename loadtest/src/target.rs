//! Who is tested, and whether that is allowed.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, bail, ensure};
use url::{Host, Url};

use crate::args::Common;

/// A gateway and how its pages speak to it.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) url: Url,
    pub(crate) address: SocketAddr,
    pub(crate) origin: String,
    pub(crate) svg: bool,
}

impl Target {
    pub(crate) async fn new(common: &Common) -> anyhow::Result<Self> {
        permit(&common.url, common.allow_remote)?;
        let (Some(host), Some(port)) = (common.url.host_str(), common.url.port_or_known_default())
        else {
            bail!("--url {} names no host", common.url);
        };
        let mut found = tokio::net::lookup_host((host.trim_matches(['[', ']']), port))
            .await
            .with_context(|| format!("--url {}", common.url))?;
        let address = found
            .next()
            .with_context(|| format!("--url {}: no address", common.url))?;
        ensure!(
            common.allow_remote || address.ip().is_loopback(),
            "{} is {address}, which is not loopback; --allow-remote lifts this, with the owner's leave",
            common.url
        );
        Ok(Self {
            origin: common
                .origin
                .clone()
                .unwrap_or_else(|| common.url.origin().ascii_serialization()),
            url: common.url.clone(),
            address,
            svg: !common.no_svg,
        })
    }

    /// `path` on the gateway.
    pub(crate) fn at(&self, path: &str) -> anyhow::Result<Url> {
        self.url
            .join(path)
            .with_context(|| format!("{path} on {}", self.url))
    }
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

/// The HTTP client of all phones and pages. Redirects are followed by [`crate::phone`], which notes the time of
/// each request; cookies are kept there too, one jar for each phone.
#[expect(
    clippy::disallowed_methods,
    reason = "this crate does not link the gateway's builder; the one place here"
)]
pub(crate) fn http_client(timeout: Duration) -> anyhow::Result<reqwest::Client> {
    Ok(reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(timeout)
        .tcp_nodelay(true)
        .build()?)
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
}
