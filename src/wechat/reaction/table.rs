//! The table itself.

use super::Reaction;
use crate::{
    code::Locale,
    wechat::endpoint::{Endpoint, Group},
};

/// One line of the table.
pub(super) struct Row {
    pub(super) errcodes: &'static [i64],
    pub(super) at: At,
    pub(super) whose: Whose,
    pub(super) reaction: Reaction,
    pub(super) advice: Advice,
}

/// A sentence for the operator; `{section}` stands for the account's part of the configuration.
pub(super) struct Advice {
    pub(super) en: &'static str,
    pub(super) zh: &'static str,
}

impl Advice {
    pub(super) const fn in_locale(&self, locale: Locale) -> &'static str {
        match locale {
            Locale::ZhCn => self.zh,
            Locale::En => self.en,
        }
    }
}

/// Whose fault it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The account's or its settings': no phone can cause it.
    Ours,
    /// WeChat's, the person's or the moment's, or nobody can tell.
    Other,
}

/// Where a line holds.
#[derive(Clone, Copy)]
pub(super) enum At {
    Anywhere,
    /// `sns/*` with a person's token.
    Person,
    UserInfo,
    /// Where the account's token is fetched.
    Token,
    /// Calls that carry the account's token.
    Account,
}

impl At {
    pub(super) const fn covers(self, endpoint: Endpoint) -> bool {
        match self {
            Self::Anywhere => true,
            Self::Person => matches!(
                endpoint,
                Endpoint::Refresh | Endpoint::Auth | Endpoint::UserInfo
            ),
            Self::UserInfo => matches!(endpoint, Endpoint::UserInfo),
            Self::Token => matches!(endpoint.group(), Group::Token),
            Self::Account => matches!(endpoint.group(), Group::Account),
        }
    }
}

macro_rules! table {
    ($($reaction:ident $whose:ident $at:ident [$($errcode:literal)+] $en:literal $zh:literal;)+) => {
        &[$(Row {
            errcodes: &[$($errcode),+],
            at: At::$at,
            whose: Whose::$whose,
            reaction: Reaction::$reaction,
            advice: Advice { en: $en, zh: $zh },
        }),+]
    };
}

/// The first line that fits holds.
#[rustfmt::skip]
pub(super) static TABLE: &[Row] = table! {
    Ok           Other Anywhere [0]
        "All is well."
        "一切正常。";
    Retry        Other Anywhere [-1]
        "WeChat is busy; it passes by itself."
        "微信系统繁忙，稍后会自行恢复。";
    Retry        Other Anywhere [45011]
        "The quota of this minute is used up; it passes with the minute."
        "本分钟的调用额度已用完，下一分钟恢复。";

    RefreshRetry Ours  Account  [40001 40014 42001]
        "The account's access token is stale. Does another service fetch it too?"
        "公众号的 access_token 已失效。是否有其他服务也在获取它？";
    FailLogin    Other Person   [40001 40014 42001]
        "WeChat no longer accepts the person's token."
        "微信不再接受该用户的令牌。";
    Alert        Ours  Token    [40001]
        "The AppSecret is wrong: compare {section}.app_secret with WeChat's console."
        "AppSecret 错误：请核对 {section}.app_secret 与微信后台。";
    Alert        Ours  Anywhere [40001 40014 42001]
        "WeChat refuses the credentials: compare {section}.app_id and app_secret with WeChat's console."
        "微信拒绝了凭证：请核对 {section}.app_id 和 app_secret 与微信后台。";

    FailLogin    Other Anywhere [40003]
        "The openid belongs to another account, or its person has left."
        "该 openid 属于其他账号，或用户已离开。";
    FailLogin    Other Anywhere [40029]
        "The code is unknown, too old, or of another account."
        "授权码无效、已过期，或属于其他账号。";
    FailLogin    Other Anywhere [40163]
        "The code was used before."
        "授权码已被使用过。";
    FailLogin    Other Anywhere [42003]
        "The code is too old."
        "授权码已过期。";
    FailLogin    Other Anywhere [41008]
        "The phone came back without a code."
        "手机返回时没有带上授权码。";
    FailLogin    Other Anywhere [40030 42002]
        "The person has to sign in again: the refresh token is over."
        "用户需要重新登录：refresh_token 无效或已过期。";
    FailLogin    Other Anywhere [42007]
        "The person changed the password of WeChat, which ended every token."
        "用户修改了微信密码，所有令牌都已失效。";
    FailLogin    Other Anywhere [40226]
        "WeChat holds this person to be a risk."
        "微信认为该用户存在风险，已拦截。";
    FailLogin    Other Anywhere [43004 50005]
        "The person does not follow the account."
        "用户没有关注该公众号。";
    FailLogin    Other Anywhere [46004]
        "There is no such person."
        "用户不存在。";
    FailLogin    Other Anywhere [49003]
        "The openid does not belong to this account."
        "该 openid 不属于此账号。";
    FailLogin    Other Anywhere [50001]
        "The person did not allow this."
        "用户没有授权此操作。";
    FailLogin    Other Anywhere [50002]
        "WeChat has restricted this person or account."
        "微信限制了该用户或账号。";
    FailLogin    Other UserInfo [48001]
        "The person gave the openid only (snsapi_base), or WeChat showed a snapshot page."
        "用户只授权了 openid（snsapi_base），或微信打开了快照页。";

    Alert        Ours  Anywhere [40013 41002]
        "The AppID is wrong or missing: compare {section}.app_id with WeChat's console."
        "AppID 错误或缺失：请核对 {section}.app_id 与微信后台。";
    Alert        Ours  Anywhere [40125 41004]
        "The AppSecret is wrong or missing: compare {section}.app_secret with WeChat's console; it changes when somebody resets it there."
        "AppSecret 错误或缺失：请核对 {section}.app_secret 与微信后台；有人在后台重置后它会改变。";
    Alert        Ours  Anywhere [40243]
        "The AppSecret is frozen: thaw it in WeChat's console; that takes about ten minutes."
        "AppSecret 已被冻结：请在微信后台解冻，约十分钟生效。";
    Alert        Ours  Anywhere [40164 61004]
        "This server's address is not on the account's IP allow-list: add it in WeChat's console."
        "本服务器的 IP 不在账号的 IP 白名单中：请在微信后台添加。";
    Alert        Ours  Anywhere [89503]
        "An administrator of the account has to confirm this server's address on their phone."
        "需要账号管理员在手机上确认本服务器的 IP。";
    Alert        Ours  Anywhere [89506 89507]
        "An administrator of the account refused this server's address; WeChat takes no new try for an hour (89507) or a day (89506)."
        "账号管理员拒绝了本服务器的 IP；一小时（89507）或一天（89506）内微信不接受新的尝试。";
    Alert        Other Anywhere [45009]
        "The quota of the day is used up: it comes back at midnight (Beijing), or clear it in WeChat's console (ten times a month)."
        "当天的调用额度已用完：北京时间零点恢复，也可在微信后台清零（每月十次）。";
    Alert        Ours  Anywhere [48001]
        "The account may not use this interface: it has to be a verified service account with that permission."
        "账号没有此接口的权限：需要已认证并具有该权限的服务号。";
    Alert        Ours  Anywhere [48004 50004 50007]
        "WeChat has blocked this interface or the account: look for its notice in the console."
        "微信封禁了此接口或该账号：请查看微信后台的通知。";
    Alert        Ours  Anywhere [61007]
        "The account has not granted this to the third-party platform."
        "账号没有将此权限授予第三方平台。";
    Alert        Other Anywhere [41030]
        "The page of the mini program does not exist or is not published."
        "小程序页面不存在或未发布。";
    Alert        Other Anywhere [40169 40129]
        "The scene of the mini-program code is too long or has forbidden characters; this is a bug of scangate."
        "小程序码的 scene 过长或含有不允许的字符；这是 scangate 的缺陷。";
    Alert        Other Anywhere [40002 40033 40035 40052 40053 40066 40097 41001 41003 41009 43001 43002 43003 44002 47001]
        "WeChat does not understand the request; this is a bug of scangate, please report it with the errcode."
        "微信无法理解此请求；这是 scangate 的缺陷，请附上错误码反馈。";
};

/// What is done about codes that no line knows: they are never repeated.
pub(super) static UNKNOWN: &Row = &Row {
    errcodes: &[],
    at: At::Anywhere,
    whose: Whose::Other,
    reaction: Reaction::Alert,
    advice: Advice {
        en: "scangate does not know this errcode: look it up in WeChat's documentation, or ask WeChat with the rid (it is kept for seven days).",
        zh: "scangate 不认识此错误码：请查阅微信文档，或凭 rid 向微信查询（保留七天）。",
    },
};

macro_rules! page_errors {
    ($($code:literal $en:literal $zh:literal;)+) => {
        &[$(($code, Advice { en: $en, zh: $zh })),+]
    };
}

/// What WeChat shows on the phone instead of our page.
#[rustfmt::skip]
pub(super) static PAGE_ERRORS: &[(i64, Advice)] = page_errors! {
    10003 "The domain of redirect_uri is not the one in the account's settings: enter the host of server.public_url there, without scheme, port and path."
          "redirect_uri 的域名与账号后台设置的不一致：请在后台填写 server.public_url 的域名，不带协议、端口和路径。";
    10004 "WeChat has banned the account."
          "该账号已被微信封禁。";
    10005 "The account may not use this scope: it has to be a verified service account with web authorization."
          "账号没有此 scope 的权限：需要已认证并具有网页授权权限的服务号。";
    10006 "A test account: the person has to follow it first."
          "这是测试号：用户需要先关注它。";
    10009 "The person tried too often; it passes after a while."
          "用户操作过于频繁，请稍后再试。";
    10010 "The address lacks scope; this is a bug of scangate, or something on the way changes addresses."
          "地址缺少 scope；这是 scangate 的缺陷，或途中有程序改写了地址。";
    10011 "The address lacks redirect_uri; this is a bug of scangate, or something on the way changes addresses."
          "地址缺少 redirect_uri；这是 scangate 的缺陷，或途中有程序改写了地址。";
    10012 "The address lacks appid: set the app_id of the account."
          "地址缺少 appid：请设置账号的 app_id。";
    10013 "The address lacks state; this is a bug of scangate, or something on the way changes addresses."
          "地址缺少 state；这是 scangate 的缺陷，或途中有程序改写了地址。";
    10015 "The account has not granted web authorization to the third-party platform."
          "账号没有将网页授权授予第三方平台。";
    10016 "The app_id is one of the Open Platform: pages inside WeChat need that of a service account (wechat.official_account.app_id)."
          "该 app_id 属于开放平台：微信内网页需要服务号的 AppID（wechat.official_account.app_id）。";
    10038 "WeChat does not open this page for the account; its documentation is silent about the code: check domain, scope and the state of the account in the console."
          "微信不允许该账号打开此页面；文档没有说明此错误码：请在后台检查域名、scope 和账号状态。";
};
