//! The rules of `GET /connect/qrconnect`: what a link must look like, and how its page looks.

use url::Url;

use crate::sandbox::{
    account::{Account, Accounts, Kind},
    ledger::Scope,
    oauth::MAX_STATE,
    page::Language,
    page_error::PageError,
    query::Query,
};

/// A link that passed.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) account: Account,
    /// Where the person goes afterwards; without fragment.
    pub(super) redirect_uri: Url,
    /// Empty when there was none.
    pub(super) state: String,
    pub(super) self_redirect: SelfRedirect,
    pub(super) look: Look,
}

/// Which window goes on when the page is in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SelfRedirect {
    /// The frame.
    Frame,
    /// The whole tab.
    Top,
    /// The whole tab, unless the website is WeChat's own.
    Default,
}

/// How the page looks. Its address says so, because it is made for frames of other sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) language: Language,
    /// In the frame of wxLogin.js: `login_type=jssdk`.
    pub(super) framed: bool,
    /// Only the code: `stylelite=1`.
    pub(super) lite: bool,
    /// For dark backgrounds: `style=white`.
    pub(super) white_text: bool,
}

impl Link {
    /// Reads the raw query of a link. The order does not matter here; of doubled parameters the first counts.
    pub(super) fn read(query: &str, accounts: &Accounts) -> Result<Self, PageError> {
        let query = Query::read(query);
        let account = query
            .get("appid")
            .and_then(|app_id| accounts.get(app_id))
            .ok_or(PageError::WEBSITE_APPID)?;
        match account.kind {
            Kind::Website => {}
            Kind::OfficialAccount => return Err(PageError::WEBSITE_APPID_KIND),
            Kind::MiniProgram => return Err(PageError::WEBSITE_APPID),
        }
        let login = Scope::Login.as_str();
        if query.get("scope") != Some(login) || !account.may_ask_for(login) {
            return Err(PageError::WEBSITE_SCOPE);
        }
        let mut redirect_uri = query
            .get("redirect_uri")
            .and_then(|url| Url::parse(url).ok())
            .filter(|url| accounts.may_send_to(account, url))
            .ok_or(PageError::WEBSITE_REDIRECT)?;
        redirect_uri.set_fragment(None);
        // wxLogin.js leaves it out.
        if query
            .get("response_type")
            .is_some_and(|kind| kind != "code")
        {
            return Err(PageError::WEBSITE_RESPONSE_TYPE);
        }
        let state = query.get("state").unwrap_or_default();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if state.len() > MAX_STATE || !state.bytes().all(allowed) {
            return Err(PageError::WEBSITE_STATE);
        }
        Ok(Self {
            account: account.clone(),
            redirect_uri,
            state: state.to_owned(),
            self_redirect: SelfRedirect::parse(query.get("self_redirect")),
            look: Look::of(&query),
        })
    }
}

impl SelfRedirect {
    fn parse(text: Option<&str>) -> Self {
        match text {
            Some("true") => Self::Frame,
            Some("false") => Self::Top,
            _ => Self::Default,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Frame => "true",
            Self::Top => "false",
            Self::Default => "default",
        }
    }
}

impl Look {
    /// Every query has one. What wxLogin.js sends besides (`styletype`, `sizetype`, `bgcolor`, `rst`,
    /// `fast_login`) changes nothing, and `href`, a style sheet of the website, is not fetched.
    pub(super) fn read(query: &str) -> Self {
        Self::of(&Query::read(query))
    }

    fn of(query: &Query) -> Self {
        let is = |name, wanted| query.get(name) == Some(wanted);
        Self {
            language: if is("lang", "en") {
                Language::English
            } else {
                Language::Chinese
            },
            framed: is("login_type", "jssdk"),
            lite: is("stylelite", "1"),
            white_text: is("style", "white"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, SANDBOX_APP_ID, SANDBOX_WEBSITE_APP_ID};

    const REDIRECT_URI: &str = "http%3A%2F%2F127.0.0.1%3A8080%2Fcb";

    fn read(query: &str) -> Result<Link, PageError> {
        let shop = Account {
            domains: vec!["shop.example.com".to_owned()],
            ..Account::new(Kind::Website, "wx0000000000000009", &"0".repeat(32))
        };
        let program = Account::new(Kind::MiniProgram, "wx0000000000000008", &"0".repeat(32));
        let accounts = Accounts::new(&config::Sandbox {
            bind: "127.0.0.1:0".parse().unwrap(),
            allow_private: false,
            accounts: [("shop".to_owned(), shop), ("program".to_owned(), program)].into(),
        });
        Link::read(query, &accounts.unwrap())
    }

    fn link(redirect: &str, state: &str) -> String {
        format!(
            "appid={SANDBOX_WEBSITE_APP_ID}&redirect_uri={redirect}&response_type=code&scope=snsapi_login&state={state}"
        )
    }

    #[test]
    fn the_link_of_a_library_is_good_and_so_is_that_of_wxlogin() {
        let plain = read(&link(REDIRECT_URI, "a1_Z-")).unwrap();
        assert_eq!(plain.account.app_id, SANDBOX_WEBSITE_APP_ID);
        assert_eq!(plain.redirect_uri.as_str(), "http://127.0.0.1:8080/cb");
        assert_eq!(
            (plain.state.as_str(), plain.self_redirect),
            ("a1_Z-", SelfRedirect::Default)
        );
        assert_eq!(
            plain.look,
            Look {
                language: Language::Chinese,
                framed: false,
                lite: false,
                white_text: false
            }
        );
        let embedded = format!(
            "appid={SANDBOX_WEBSITE_APP_ID}&scope=snsapi_login&redirect_uri={REDIRECT_URI}&state=s&login_type=jssdk\
             &self_redirect=true&styletype=&sizetype=&bgcolor=&rst=&style=white\
             &href=https%3A%2F%2Fevil.example%2Fa.css&lang=en&stylelite=1&fast_login=0"
        );
        let embedded = read(&embedded).unwrap();
        assert_eq!(embedded.self_redirect, SelfRedirect::Frame);
        assert_eq!(
            embedded.look,
            Look {
                language: Language::English,
                framed: true,
                lite: true,
                white_text: true
            }
        );
        let top = read(&(link(REDIRECT_URI, "") + "&self_redirect=false")).unwrap();
        assert_eq!(
            (top.state.as_str(), top.self_redirect),
            ("", SelfRedirect::Top)
        );
    }

    #[test]
    fn a_fragment_does_not_come_between() {
        let link = read(&link("http%3A%2F%2Flocalhost%2Fcb%3Fa%3D1%23top", "s")).unwrap();
        assert_eq!(link.redirect_uri.as_str(), "http://localhost/cb?a=1");
    }

    #[test]
    fn a_bad_link_gets_wechats_page() {
        let good = link(REDIRECT_URI, "s");
        let shop = link("https%3A%2F%2Fshop.example.com%2Fcb", "s")
            .replace(SANDBOX_WEBSITE_APP_ID, "wx0000000000000009");
        assert!(read(&shop).is_ok());
        for (query, error) in [
            (String::new(), PageError::WEBSITE_APPID),
            (
                good.replace(SANDBOX_WEBSITE_APP_ID, "wx1"),
                PageError::WEBSITE_APPID,
            ),
            (
                good.replace(SANDBOX_WEBSITE_APP_ID, "wx0000000000000008"),
                PageError::WEBSITE_APPID,
            ),
            (
                good.replace(SANDBOX_WEBSITE_APP_ID, SANDBOX_APP_ID),
                PageError::WEBSITE_APPID_KIND,
            ),
            (
                good.replace("snsapi_login", "snsapi_userinfo"),
                PageError::WEBSITE_SCOPE,
            ),
            (good.replace("snsapi_login", ""), PageError::WEBSITE_SCOPE),
            (
                good.replace("=code", "=token"),
                PageError::WEBSITE_RESPONSE_TYPE,
            ),
            (link("", "s"), PageError::WEBSITE_REDIRECT),
            (link("%2Fcb", "s"), PageError::WEBSITE_REDIRECT),
            (
                link("https%3A%2F%2Fshop.example.com%2Fcb", "s"),
                PageError::WEBSITE_REDIRECT,
            ),
            (
                shop.replace("shop.", "sub.shop."),
                PageError::WEBSITE_REDIRECT,
            ),
            (
                shop.replace(".com", ".com%3A8443"),
                PageError::WEBSITE_REDIRECT,
            ),
            (
                link("javascript%3Aalert(1)", "s"),
                PageError::WEBSITE_REDIRECT,
            ),
            (link(REDIRECT_URI, "a%27b"), PageError::WEBSITE_STATE),
            (
                link(REDIRECT_URI, &"a".repeat(129)),
                PageError::WEBSITE_STATE,
            ),
        ] {
            assert_eq!(read(&query).unwrap_err(), error, "{query}");
        }
        assert!(read(&link(REDIRECT_URI, &"a".repeat(128))).is_ok());
    }
}
