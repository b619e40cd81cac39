//! Who holds the phone: `OAuth` with one account.

use secrecy::ExposeSecret;
use url::Url;

use super::{
    account::Account,
    api::{Api, Call, Repeat},
    authorize::{self, Frame, Scope},
    endpoint::Endpoint,
    error::WeChatError,
    user_info::{Exchanged, UserInfo},
};

/// The `OAuth` client of one account. Clones share their connections.
#[derive(Clone, Debug)]
pub struct WeChat {
    api: Api,
    open_base: Url,
    account: Account,
}

impl WeChat {
    /// The client of `account`. `open_base` is where phones and browsers meet WeChat.
    pub const fn new(api: Api, open_base: Url, account: Account) -> Self {
        Self {
            api,
            open_base,
            account,
        }
    }

    /// The account (`wx…`) that openids belong to.
    pub fn app_id(&self) -> &str {
        &self.account.app_id
    }

    /// Where a phone inside WeChat is sent; it comes back to `redirect_uri` with `code` and `state`.
    ///
    /// For a service account. `state` is 1 to 128 of `[a-zA-Z0-9]`, WeChat returns it unchanged.
    pub fn authorize_url(&self, scope: Scope, redirect_uri: &Url, state: &str) -> String {
        authorize::authorize_url(
            &self.open_base,
            &self.account.app_id,
            redirect_uri.as_str(),
            scope,
            state,
        )
    }

    /// WeChat's own login page, for a website application; the browser comes back to `redirect_uri` with
    /// `code` and `state`. Scope `snsapi_login`.
    pub fn qrconnect_url(&self, redirect_uri: &Url, state: &str) -> String {
        authorize::qrconnect_url(
            &self.open_base,
            &self.account.app_id,
            redirect_uri.as_str(),
            state,
        )
    }

    /// As [`WeChat::qrconnect_url`], for a frame in our page: the frame alone comes back to `redirect_uri`.
    pub fn qrconnect_frame_url(
        &self,
        redirect_uri: &Url,
        state: &str,
        frame: &Frame<'_>,
    ) -> String {
        authorize::qrconnect_frame_url(
            &self.open_base,
            &self.account.app_id,
            redirect_uri.as_str(),
            state,
            frame,
        )
    }

    /// Gives `code` to WeChat and learns who the person is, within 5 s.
    ///
    /// A code is good for one exchange, so nothing is repeated once WeChat may have seen it: only a failure
    /// to connect, or WeChat's own "busy" (-1), is tried again, twice at most. Dropping the future leaves it
    /// open whether the code was used.
    ///
    /// # Errors
    /// [`WeChatError`]; the code must then be taken as used, unless [`WeChatError::is_unsent`].
    pub async fn exchange(&self, code: &str) -> Result<Exchanged, WeChatError> {
        let query = [
            ("appid", self.account.app_id.as_str()),
            ("secret", self.account.app_secret.expose_secret()),
            ("code", code),
            ("grant_type", "authorization_code"),
        ];
        let call = self.call(Endpoint::Exchange, &query, Repeat::IfUnsent);
        self.api.run(&call, Exchanged::from_answer).await
    }

    /// Name and picture of the person of `exchanged`, within 5 s; repeated twice at most.
    ///
    /// # Errors
    /// [`WeChatError`]; errcode 48001 when the person allowed `snsapi_base` only.
    pub async fn userinfo(&self, exchanged: &Exchanged) -> Result<UserInfo, WeChatError> {
        let query = [
            ("access_token", exchanged.access_token.expose_secret()),
            ("openid", &exchanged.openid),
            ("lang", "zh_CN"),
        ];
        let call = self.call(Endpoint::UserInfo, &query, Repeat::Freely);
        let bases = [&self.open_base, self.api.base()];
        self.api
            .run(&call, |answer| {
                UserInfo::from_answer(answer, exchanged, bases)
            })
            .await
    }

    pub(super) const fn api(&self) -> &Api {
        &self.api
    }

    pub(super) const fn account(&self) -> &Account {
        &self.account
    }

    fn call(&self, endpoint: Endpoint, query: &[(&str, &str)], repeat: Repeat) -> Call {
        Call {
            account: self.account.kind,
            endpoint,
            url: self.api.url(endpoint, query),
            body: None,
            repeat,
            on_sent: None,
        }
    }
}

#[cfg(test)]
mod tests;
