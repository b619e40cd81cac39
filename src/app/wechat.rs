//! The accounts at WeChat, as they are configured.

use std::sync::Arc;

use crate::{
    clock::Clock,
    cluster::Shared,
    config::{Config, Credentials},
    login::Accounts,
    outbound,
    tasks::Tasks,
    telemetry::Metrics,
    wechat::{Account, AccountKind, Api, Authority, OfficialAccount, WeChat, message::Inbox},
};

/// Everything that speaks with WeChat.
pub(crate) struct Wechat {
    pub(super) api: Api,
    pub(crate) accounts: Accounts,
    pub(super) inbox: Option<Inbox>,
}

impl Wechat {
    /// # Errors
    /// When no HTTP client can be set up, or a key of the message push does not decode.
    pub(crate) fn new(
        config: &Config,
        clock: Clock,
        metrics: Arc<Metrics>,
        tasks: &Tasks,
        shared: Option<Arc<dyn Shared>>,
    ) -> anyhow::Result<Self> {
        let api = Api::new(
            outbound::client()?,
            config.wechat.api_base(&config.sandbox),
            clock.clone(),
            Arc::new(move |endpoint, outcome, took| metrics.wechat(endpoint.name(), outcome, took)),
        );
        let open_base = config.wechat.open_base(&config.sandbox);
        let client =
            |account: &Account| WeChat::new(api.clone(), open_base.clone(), account.clone());
        let official = config.official_account().map(|credentials| {
            let account = account(AccountKind::OfficialAccount, credentials);
            let endpoint = config.wechat.official_account.token_endpoint;
            let authority = Authority::new(
                api.clone(),
                account.clone(),
                endpoint,
                clock.clone(),
                tasks.clone(),
                shared,
            );
            OfficialAccount::new(client(&account), authority, clock)
        });
        let website = config
            .website()
            .map(|credentials| client(&account(AccountKind::Website, credentials)));
        let push = config.message_push();
        Ok(Self {
            accounts: Accounts { official, website },
            inbox: push.as_ref().map(Inbox::new).transpose()?,
            api,
        })
    }
}

fn account(kind: AccountKind, credentials: Credentials) -> Account {
    Account {
        kind,
        app_id: credentials.app_id,
        app_secret: credentials.app_secret,
    }
}
