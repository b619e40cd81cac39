//! The rules of `GET /connect/oauth2/authorize`: what a link must look like, and where it leads.

use url::Url;

use crate::sandbox::{
    account::{Account, Accounts, Kind},
    ledger::Scope,
    page_error::PageError,
    query::Query,
};

/// The parameters in the order that WeChat's regular expression demands.
const ORDER: [&str; 5] = ["appid", "redirect_uri", "response_type", "scope", "state"];
/// Bytes of `state` at most.
pub(in crate::sandbox) const MAX_STATE: usize = 128;
/// Bytes of `redirect_uri` at most; a consent sheet keeps it.
const MAX_REDIRECT_URI: usize = 2048;

/// A link that passed.
#[derive(Clone, Debug)]
pub(in crate::sandbox) struct Request {
    pub(in crate::sandbox) account: Account,
    pub(in crate::sandbox) scope: Scope,
    pub(in crate::sandbox) back: Back,
}

/// Where the person goes afterwards.
#[derive(Clone, Debug)]
pub(in crate::sandbox) struct Back {
    redirect_uri: Url,
    state: String,
}

impl Request {
    /// Reads the raw query of a link.
    pub(in crate::sandbox) fn read(query: &str, accounts: &Accounts) -> Result<Self, PageError> {
        let query = Query::read(query);
        let app_id = query.get("appid").ok_or(PageError::APPID_EMPTY)?;
        let redirect_uri = query.get("redirect_uri").ok_or(PageError::REDIRECT_EMPTY)?;
        let response_type = query.get("response_type").ok_or(PageError::RESPONSE_TYPE)?;
        let scope = query.get("scope").ok_or(PageError::SCOPE_EMPTY)?;
        let state = query.get("state").ok_or(PageError::STATE_EMPTY)?;
        if !in_order(&query) {
            return Err(PageError::ORDER);
        }
        let account = official_account(app_id, accounts)?;
        if response_type != "code" {
            return Err(PageError::RESPONSE_TYPE);
        }
        let scope = Scope::parse(scope)
            .filter(|scope| account.may_ask_for(scope.as_str()))
            .ok_or(PageError::SCOPE_BAD)?;
        if !account.is_verified {
            return Err(PageError::UNVERIFIED);
        }
        if state.len() > MAX_STATE || !state.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(PageError::STATE_BAD);
        }
        let redirect_uri = Some(redirect_uri)
            .filter(|text| text.len() <= MAX_REDIRECT_URI)
            .and_then(|text| Url::parse(text).ok())
            .filter(|url| accounts.may_send_to(account, url))
            .ok_or(PageError::REDIRECT_HOST)?;
        let back = Back {
            redirect_uri,
            state: state.to_owned(),
        };
        Ok(Self {
            account: account.clone(),
            scope,
            back,
        })
    }
}

impl Back {
    /// Back with a code.
    pub(in crate::sandbox) fn with_code(&self, code: &str) -> String {
        self.merge(&[("code", code), ("state", &self.state)])
    }

    /// Back after a refusal: the state alone.
    pub(in crate::sandbox) fn refused(&self) -> String {
        self.merge(&[("state", &self.state)])
    }

    /// The origin, for the page's `form-action`.
    pub(in crate::sandbox) fn origin(&self) -> String {
        self.redirect_uri.origin().ascii_serialization()
    }

    fn merge(&self, pairs: &[(&str, &str)]) -> String {
        let mut url = self.redirect_uri.clone();
        url.set_fragment(None);
        url.query_pairs_mut().extend_pairs(pairs);
        url.into()
    }
}

fn in_order(query: &Query) -> bool {
    let mut names = query.names();
    ORDER.iter().all(|wanted| names.next() == Some(wanted))
        && names.all(|extra| !ORDER.contains(&extra))
}

/// Anything that looks like an appid gets the error of an Open Platform one.
fn official_account<'a>(app_id: &str, accounts: &'a Accounts) -> Result<&'a Account, PageError> {
    if let Some(account) = accounts.get(app_id) {
        return match account.kind {
            Kind::OfficialAccount => Ok(account),
            Kind::Website | Kind::MiniProgram => Err(PageError::APPID_KIND),
        };
    }
    let shaped = app_id.strip_prefix("wx").is_some_and(|digits| {
        digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    Err(if shaped {
        PageError::APPID_KIND
    } else {
        PageError::APPID_BAD
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, SANDBOX_APP_ID, SANDBOX_WEBSITE_APP_ID};

    const REDIRECT: &str = "http%3A%2F%2F127.0.0.1%3A8080%2Fcb";

    const OTHER: &str = "wx0000000000000009";

    /// The sandbox's own accounts, and an unverified one with a domain.
    fn accounts() -> Accounts {
        let other = Account {
            is_verified: false,
            domains: vec!["shop.example.com".to_owned()],
            ..Account::new(Kind::OfficialAccount, OTHER, &"0".repeat(32))
        };
        Accounts::new(&config::Sandbox {
            bind: "127.0.0.1:0".parse().unwrap(),
            allow_private: false,
            accounts: [("other".to_owned(), other)].into(),
        })
        .unwrap()
    }

    fn read(query: &str) -> Result<Request, PageError> {
        Request::read(query, &accounts())
    }

    fn link(redirect: &str, scope: &str, state: &str) -> String {
        format!(
            "appid={SANDBOX_APP_ID}&redirect_uri={redirect}&response_type=code&scope={scope}&state={state}"
        )
    }

    #[test]
    fn a_good_link_leads_back_with_code_and_state() {
        let request = read(&link(REDIRECT, "snsapi_base", "a1Z")).unwrap();
        assert_eq!(request.scope, Scope::Base);
        assert_eq!(
            request.back.with_code("C0"),
            "http://127.0.0.1:8080/cb?code=C0&state=a1Z"
        );
        assert_eq!(request.back.refused(), "http://127.0.0.1:8080/cb?state=a1Z");
        let extras = link(REDIRECT, "snsapi_userinfo", "s") + "&forcePopup=true&connect_redirect=1";
        assert_eq!(read(&extras).unwrap().scope, Scope::Userinfo);
        let merged = read(&link(
            "http%3A%2F%2Flocalhost%2Fcb%3Fa%3D1%23top",
            "snsapi_base",
            "s",
        ));
        assert_eq!(
            merged.unwrap().back.with_code("C"),
            "http://localhost/cb?a=1&code=C&state=s"
        );
    }

    #[test]
    fn a_domain_is_that_of_one_account() {
        let mut accounts = accounts();
        let verified = Account {
            is_verified: true,
            ..accounts.get(OTHER).unwrap().clone()
        };
        accounts.put(verified).unwrap();
        let own = link("https%3A%2F%2Fshop.example.com%2F", "snsapi_base", "s");
        let theirs = own.replace(SANDBOX_APP_ID, OTHER);
        assert_eq!(
            Request::read(&own, &accounts).unwrap_err(),
            PageError::REDIRECT_HOST
        );
        assert_eq!(
            Request::read(&theirs, &accounts).unwrap().account.app_id,
            OTHER
        );
    }

    #[test]
    fn a_bad_link_gets_wechats_page() {
        let good = link(REDIRECT, "snsapi_base", "s");
        let without = |name: &str| {
            good.split('&')
                .filter(|pair| !pair.starts_with(name))
                .collect::<Vec<_>>()
                .join("&")
        };
        let mut swapped: Vec<_> = good.split('&').collect();
        swapped.swap(3, 4);
        let other_app = good.replace(SANDBOX_APP_ID, "wx0123456789abcdef");
        for (query, error) in [
            (String::new(), PageError::APPID_EMPTY),
            (without("appid"), PageError::APPID_EMPTY),
            (without("redirect_uri"), PageError::REDIRECT_EMPTY),
            (without("response_type"), PageError::RESPONSE_TYPE),
            (without("scope"), PageError::SCOPE_EMPTY),
            (without("state"), PageError::STATE_EMPTY),
            (link(REDIRECT, "", "s"), PageError::SCOPE_EMPTY),
            (link("", "snsapi_base", "s"), PageError::REDIRECT_EMPTY),
            (swapped.join("&"), PageError::ORDER),
            (format!("lang=en&{good}"), PageError::ORDER),
            (format!("{good}&state=t"), PageError::ORDER),
            (good.replace("=code", "=token"), PageError::RESPONSE_TYPE),
            (link(REDIRECT, "snsapi_login", "s"), PageError::SCOPE_BAD),
            (link(REDIRECT, "snsapi_base", "a-b"), PageError::STATE_BAD),
            (
                link(REDIRECT, "snsapi_base", &"a".repeat(129)),
                PageError::STATE_BAD,
            ),
            (
                link("https%3A%2F%2Fevil.example%2F", "snsapi_base", "s"),
                PageError::REDIRECT_HOST,
            ),
            (link("%2Fcb", "snsapi_base", "s"), PageError::REDIRECT_HOST),
            (
                link(
                    &format!("{REDIRECT}{}", "a".repeat(MAX_REDIRECT_URI)),
                    "snsapi_base",
                    "s",
                ),
                PageError::REDIRECT_HOST,
            ),
            (other_app, PageError::APPID_KIND),
            (
                good.replace(SANDBOX_APP_ID, SANDBOX_WEBSITE_APP_ID),
                PageError::APPID_KIND,
            ),
            (good.replace(SANDBOX_APP_ID, OTHER), PageError::UNVERIFIED),
            (good.replace(SANDBOX_APP_ID, "wx1"), PageError::APPID_BAD),
        ] {
            assert_eq!(read(&query).unwrap_err(), error, "{query}");
        }
        assert!(read(&link(REDIRECT, "snsapi_base", &"a".repeat(128))).is_ok());
    }
}
