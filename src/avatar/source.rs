//! Which addresses of pictures are asked at all.

use url::{Host, Origin, Url};

/// Where pictures may come from.
pub(super) struct Sources {
    /// Lower-case names; each stands for itself and every name below it.
    hosts: Vec<String>,
    /// In sandbox mode, where WeChat is played; the only place that may be inside, have a port or lack TLS.
    sandbox: Option<Url>,
}

impl Sources {
    pub(super) const fn new(hosts: Vec<String>, sandbox: Option<Url>) -> Self {
        Self { hosts, sandbox }
    }

    /// The name of the sandbox, where it has one.
    pub(super) fn sandbox_name(&self) -> Option<&str> {
        self.sandbox.as_ref().and_then(Url::domain)
    }

    /// Whether plain HTTP may be spoken with anybody.
    pub(super) fn are_https(&self) -> bool {
        self.sandbox.is_none()
    }

    /// The address, when it may be asked: https, the default port, a listed host, no credentials.
    ///
    /// [`Url`] reads it as the client will, so both mean the same host.
    pub(super) fn allowed(&self, text: &str) -> Option<Url> {
        let url = Url::parse(text).ok()?;
        if !url.username().is_empty() || url.password().is_some() {
            return None;
        }
        let fits = url.scheme() == "https" && url.port().is_none() && self.lists(&url);
        (fits || self.is_sandbox(&url.origin())).then_some(url)
    }

    fn lists(&self, url: &Url) -> bool {
        let Some(Host::Domain(name)) = url.host() else {
            return false;
        };
        self.hosts.iter().any(|host| {
            name.strip_suffix(host.as_str())
                .is_some_and(|below| below.is_empty() || below.ends_with('.'))
        })
    }

    fn is_sandbox(&self, origin: &Origin) -> bool {
        self.sandbox
            .as_ref()
            .is_some_and(|sandbox| sandbox.origin() == *origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(sandbox: Option<&str>) -> Sources {
        let sandbox = sandbox.map(|url| Url::parse(url).unwrap());
        Sources::new(vec!["qlogo.cn".to_owned()], sandbox)
    }

    #[test]
    fn only_wechats_hosts_are_asked() {
        let live = sources(None);
        for good in [
            "https://thirdwx.qlogo.cn/mmopen/vi_32/abc/132",
            "https://wx.qlogo.cn/mmhead/x/0",
            "https://qlogo.cn/x",
            "https://wx.qlogo.cn:443/x",
            "https://WX.QLOGO.CN/x",
            // Another way to write a full stop (UTS 46): the client connects to wx.qlogo.cn.
            "https://wx。qlogo.cn/x",
            // Browsers and the client read the backslash as the end of the host.
            r"https://wx.qlogo.cn\@127.0.0.1/x",
        ] {
            let url = live.allowed(good).unwrap_or_else(|| panic!("{good}"));
            assert!(url.domain().unwrap().ends_with("qlogo.cn"), "{good}");
        }
        for bad in [
            "http://thirdwx.qlogo.cn/x",
            "https://thirdwx.qlogo.cn:8443/x",
            "https://wx.qlogo.cn:80/x",
            "https://qlogo.cn.evil.com/x",
            "https://evilqlogo.cn/x",
            "https://wx.qlogo.cn.",
            "https://wx.qlogo.cn./x",
            "https://.qlogo.cn.evil.com/x",
            "https://wx.qlogo.cn@127.0.0.1/x",
            "https://user:secret@wx.qlogo.cn/x",
            "https://evil.com/wx.qlogo.cn",
            "https://evil.com?wx.qlogo.cn",
            "https://evil.com#.qlogo.cn",
            // A Cyrillic o: another name in punycode.
            "https://wx.qlogо.cn/x",
            "https://xn--wx-0ga.evil/x",
            "https://127.0.0.1/x",
            "https://2130706433/x",
            "https://0x7f.1/x",
            "https://[::1]/x",
            "https://[::ffff:127.0.0.1]/x",
            "https://localhost/x",
            "ftp://wx.qlogo.cn/x",
            "file:///etc/passwd",
            "data:image/png;base64,AAAA",
            "//wx.qlogo.cn/x",
            "",
        ] {
            assert_eq!(live.allowed(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_sandbox_is_asked_at_its_own_address_only() {
        let played = sources(Some("http://127.0.0.1:8090"));
        let allowed = |url| played.allowed(url).is_some();
        assert!(allowed("http://127.0.0.1:8090/sandbox/avatars/zoe.jpg"));
        assert!(allowed("https://wx.qlogo.cn/x"), "the list holds as well");
        for bad in [
            "http://127.0.0.1:8081/metrics",
            "http://127.0.0.1/x",
            "https://127.0.0.1:8090/x",
            "http://127.0.0.2:8090/x",
            "http://localhost:8090/x",
            "http://a@127.0.0.1:8090/x",
            "http://wx.qlogo.cn/x",
        ] {
            assert!(!allowed(bad), "{bad}");
        }
    }
}
