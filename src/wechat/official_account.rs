//! A service account: who signs in with it, its QR codes, its followers.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ipnet::IpNet;
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::warn;
use url::Url;

use super::{
    answer::Answer,
    api::{Call, OnSent, Repeat},
    authority::{AccessToken, Authority},
    client::WeChat,
    endpoint::Endpoint,
    error::{Fault, WeChatError},
    quota::Quota,
    reaction::Reaction,
};
use crate::clock::Clock;

/// The longest life of a temporary QR code.
const MAX_QR_LIFE: u64 = 2_592_000;
/// The longest text of a QR code that is taken, in bytes; WeChat's have some fifty.
const MAX_QR_TEXT: usize = 512;
/// Calls in flight: of QR codes, and of everything else.
const AT_ONCE: usize = 64;

/// One service account, ready for everything. Cheap to clone.
#[derive(Clone)]
pub struct OfficialAccount(Arc<Inner>);

struct Inner {
    oauth: WeChat,
    authority: Authority,
    quota: Mutex<Quota>,
    rooms: Rooms,
    clock: Clock,
}

/// Places for calls in flight, with the wait for the token that they carry.
struct Rooms {
    codes: Semaphore,
    /// Apart, so that a flood of codes leaves those who have scanned theirs alone.
    others: Semaphore,
}

/// A parametric QR code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QrTicket {
    /// The text that the QR code holds, as WeChat gave it.
    pub url: String,
    /// Names the code; comes back with its events.
    pub ticket: String,
}

/// What WeChat says of a person and the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follower {
    /// Whether the person follows the account; without that nothing else is known.
    pub subscribed: bool,
    /// One person in all accounts of one company, where WeChat tells.
    pub unionid: Option<String>,
}

impl OfficialAccount {
    /// Joins the account's two halves; both must be of the same account. `clock` tells the days of the quota.
    pub fn new(oauth: WeChat, authority: Authority, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            oauth,
            authority,
            quota: Mutex::default(),
            rooms: Rooms {
                codes: Semaphore::new(AT_ONCE),
                others: Semaphore::new(AT_ONCE),
            },
            clock,
        }))
    }

    /// Its `OAuth` client.
    pub fn oauth(&self) -> &WeChat {
        &self.0.oauth
    }

    /// Its access token.
    pub fn authority(&self) -> &Authority {
        &self.0.authority
    }

    /// A QR code for `scene` (1 to 64 characters) that lives for `life`, at most 30 days. Counts against a quota of
    /// 100 000 a day; see [`OfficialAccount::qr_retry_after`].
    ///
    /// # Errors
    /// [`WeChatError`]; [`Fault::Overloaded`] when very many are asked for at once; 45009 and 45011 without a call, with [`WeChatError::retry_after`], while the quota is known to
    /// be used up.
    pub async fn create_qr(&self, scene: &str, life: Duration) -> Result<QrTicket, WeChatError> {
        let _room = self.room(Endpoint::CreateQr)?;
        self.quota().admit(self.0.clock.wall())?;
        // Without the nested object WeChat makes a code for scene 0 and reports no error.
        let life = life.as_secs().clamp(1, MAX_QR_LIFE);
        let body = json!({
            "expire_seconds": life,
            "action_name": "QR_STR_SCENE",
            "action_info": { "scene": { "scene_str": scene } },
        });
        let body = Some(body.to_string().into_bytes());
        let read = |answer: &Answer| QrTicket::from_answer(answer, life);
        let result = self.ask(Endpoint::CreateQr, &[], body, read).await;
        self.quota().answered(&result, self.0.clock.wall());
        result
    }

    /// How long QR codes are not asked for, because the quota is used up; `None` when they are.
    pub fn qr_retry_after(&self) -> Option<Duration> {
        self.quota().wait(self.0.clock.wall())
    }

    /// QR codes that this node may have used since midnight in Beijing: one for each try that WeChat may have seen.
    pub fn qr_codes_today(&self) -> u32 {
        self.quota().used(self.0.clock.wall())
    }

    /// Whether a person follows the account, and the unionid.
    ///
    /// # Errors
    /// [`WeChatError`]; 40003 when the openid is not one of this account.
    pub async fn follower(&self, openid: &str) -> Result<Follower, WeChatError> {
        let _room = self.room(Endpoint::Follower)?;
        let query = [("openid", openid), ("lang", "zh_CN")];
        let read = |answer: &Answer| Follower::from_answer(answer, openid);
        self.ask(Endpoint::Follower, &query, None, read).await
    }

    /// The networks that WeChat's messages come from.
    ///
    /// # Errors
    /// [`WeChatError`]
    pub async fn callback_addresses(&self) -> Result<Vec<IpNet>, WeChatError> {
        let _room = self.room(Endpoint::CallbackAddresses)?;
        self.ask(Endpoint::CallbackAddresses, &[], None, networks)
            .await
    }

    /// A place among the calls in flight, so that a slow WeChat does not gather waiting ones without end.
    fn room(&self, endpoint: Endpoint) -> Result<SemaphorePermit<'_>, WeChatError> {
        let rooms = &self.0.rooms;
        let room = match endpoint {
            Endpoint::CreateQr => &rooms.codes,
            _ => &rooms.others,
        };
        let kind = self.0.oauth.account().kind;
        let full = |_no_permits| self.0.oauth.api().overloaded(kind, endpoint);
        room.try_acquire().map_err(full)
    }

    /// Counts a QR code that WeChat may have made.
    fn count_code(&self) {
        let percent = self.quota().sent(self.0.clock.wall());
        if let Some(percent) = percent {
            warn!(
                percent,
                "this much of the day's quota of QR codes is used by this node alone"
            );
        }
    }

    /// Makes a call with the account's token; once more with another one when WeChat refuses it.
    async fn ask<T>(
        &self,
        endpoint: Endpoint,
        query: &[(&str, &str)],
        body: Option<Vec<u8>>,
        read: impl Fn(&Answer) -> Result<T, Fault>,
    ) -> Result<T, WeChatError> {
        let (api, authority) = (self.0.oauth.api(), &self.0.authority);
        let token = authority.token().await?;
        let call = self.call(endpoint, query, body, &token);
        let error = match api.run(&call, &read).await {
            Err(error) if error.reaction() == Reaction::RefreshRetry => error,
            result => return result,
        };
        tracing::debug!(errcode = error.errcode(), "healing the access token");
        let token = authority.heal(token.sha256()).await?;
        let call = self.call(endpoint, query, call.body, &token);
        api.run(&call, &read).await
    }

    fn call(
        &self,
        endpoint: Endpoint,
        query: &[(&str, &str)],
        body: Option<Vec<u8>>,
        token: &AccessToken,
    ) -> Call {
        let mut all = vec![("access_token", token.token.expose_secret())];
        all.extend_from_slice(query);
        // A code that is made costs one of the day's quota, so it is not asked for twice.
        let is_code = endpoint == Endpoint::CreateQr;
        let account = self.clone();
        let count: OnSent = Box::new(move || account.count_code());
        Call {
            account: self.0.oauth.account().kind,
            endpoint,
            url: self.0.oauth.api().url(endpoint, &all),
            body,
            repeat: if is_code {
                Repeat::IfUnsent
            } else {
                Repeat::Freely
            },
            on_sent: is_code.then_some(count),
        }
    }

    fn quota(&self) -> MutexGuard<'_, Quota> {
        self.0.quota.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for OfficialAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OfficialAccount")
            .field("authority", &self.0.authority)
            .field("quota", &*self.quota())
            .finish_non_exhaustive()
    }
}

impl QrTicket {
    /// `life` is what was asked for, in seconds: only a permanent code comes without its own.
    pub(super) fn from_answer(answer: &Answer, life: u64) -> Result<Self, Fault> {
        let url = answer.text("url").ok_or(Fault::Protocol("url"))?;
        let is_web = Url::parse(url)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !is_web || url.len() > MAX_QR_TEXT {
            return Err(Fault::Protocol("an address as url"));
        }
        if let Some(given) = answer
            .number("expire_seconds")
            .filter(|given| *given < life)
        {
            warn!(
                life,
                given, "WeChat made a QR code that ends sooner than its scene"
            );
        }
        Ok(Self {
            url: url.to_owned(),
            ticket: answer.token("ticket")?.ok_or(Fault::Protocol("ticket"))?,
        })
    }
}

impl Follower {
    pub(super) fn from_answer(answer: &Answer, openid: &str) -> Result<Self, Fault> {
        if answer.id("openid")?.as_deref() != Some(openid) {
            return Err(Fault::Protocol("the openid that was asked for"));
        }
        Ok(Self {
            subscribed: answer.flag("subscribe"),
            unionid: answer.id("unionid")?,
        })
    }
}

fn networks(answer: &Answer) -> Result<Vec<IpNet>, Fault> {
    let list = answer.texts("ip_list").ok_or(Fault::Protocol("ip_list"))?;
    let network = |text: &str| match text.parse::<IpNet>() {
        Ok(network) => Ok(network),
        Err(_not_a_network) => text
            .parse::<std::net::IpAddr>()
            .map(IpNet::from)
            .map_err(|_nor_an_address| Fault::Protocol("addresses in ip_list")),
    };
    list.map(str::trim).map(network).collect()
}

#[cfg(test)]
mod tests;
