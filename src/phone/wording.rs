//! Everything the phone reads, in both languages side by side.

use crate::{code::Locale, login::Notice};

/// One text in every language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Text {
    zh: &'static str,
    en: &'static str,
}

impl Text {
    const fn new(zh: &'static str, en: &'static str) -> Self {
        Self { zh, en }
    }

    pub(super) const fn of(self, locale: Locale) -> &'static str {
        match locale {
            Locale::ZhCn => self.zh,
            Locale::En => self.en,
        }
    }
}

/// What has happened, and what helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sentence {
    pub(super) says: Text,
    pub(super) helps: Text,
}

impl Sentence {
    const fn new(says: Text, helps: Text) -> Self {
        Self { says, helps }
    }
}

/// In both languages at once, like the login page's.
pub(super) const SANDBOX: &str = "沙箱模式 · Sandbox";

pub(super) const ASKER: Text = Text::new("请求登录的设备", "The device that is asking");
pub(super) const DEVICE: Text = Text::new("设备", "Device");
pub(super) const PLACE: Text = Text::new("地点", "Place");
pub(super) const ADDRESS: Text = Text::new("IP 地址", "IP address");
pub(super) const TIME: Text = Text::new("时间", "Time");
pub(super) const UNKNOWN_DEVICE: Text = Text::new("未知设备", "Unknown device");
pub(super) const UNKNOWN_BROWSER: Text = Text::new("未知浏览器", "Unknown browser");
pub(super) const WARNING: Text = Text::new(
    "仅当这个登录页此刻正打开在你自己的电脑上时才确认。",
    "Confirm only if this sign-in page is open on your own computer right now.",
);
pub(super) const STRANGER: Text = Text::new(
    "二维码是别人发来的？请拒绝。",
    "Sent by somebody else? Reject.",
);
pub(super) const REJECT: Text = Text::new("拒绝", "Reject");
pub(super) const CONFIRM: Text = Text::new("确认登录", "Confirm");
pub(super) const CONTINUE: Text = Text::new("继续", "Continue");
pub(super) const LINK_HELP: Text = Text::new(
    "下一步会显示是哪台设备在请求登录，由你决定。",
    "Next you see which device is asking, and decide.",
);
pub(super) const TYPE_DIGITS: Text = Text::new(
    "在登录页输入这两位数字",
    "Type these digits on the sign-in page",
);
pub(super) const KEEP_DIGITS: Text = Text::new(
    "不要把数字告诉任何人。",
    "Never tell these digits to anybody.",
);
pub(super) const ASKED_FOR: Text = Text::new(
    "有人向你要？请拒绝。",
    "Does somebody ask for them? Reject.",
);
pub(super) const TYPED: Text = Text::new("已输入，继续", "Done, go on");
pub(super) const TRY_AGAIN: Text = Text::new("重试", "Try again");
pub(super) const GO_ON: Text = Text::new("继续", "Continue");
pub(super) const RETURNING: Text = Text::new("正在返回登录页……", "Going back to the sign-in page…");
pub(super) const REQUEST_ID: Text = Text::new("请求编号", "Request ID");

pub(super) const TRY_LATER: Text = Text::new("暂时无法继续", "This does not work right now");
pub(super) const REFUSED: Text = Text::new("无法继续", "This cannot go on");

/// The question that the page asks.
pub(super) fn sign_in_to(app: &str, locale: Locale) -> String {
    match locale {
        Locale::ZhCn => format!("登录 {app}？"),
        Locale::En => format!("Sign in to {app}?"),
    }
}

/// The one place where the digits may be typed, before and after its name.
pub(super) const fn only_at(locale: Locale) -> (&'static str, &'static str) {
    match locale {
        Locale::ZhCn => ("只在 ", " 上输入"),
        Locale::En => ("Type this only at ", ""),
    }
}

/// How long the digits are good, counted from when the page was opened.
pub(super) fn within(seconds: u64, locale: Locale) -> String {
    match (seconds, locale) {
        (seconds, Locale::ZhCn) => format!("请在 {seconds} 秒内输入"),
        (1, Locale::En) => "Within 1 second".to_owned(),
        (seconds, Locale::En) => format!("Within {seconds} seconds"),
    }
}

/// The sentence of a page that asks nothing.
pub(super) const fn sentence(notice: Notice) -> Sentence {
    match notice {
        Notice::SignedIn => SIGNED_IN,
        Notice::Rejected => REJECTED,
        Notice::Cancelled => CANCELLED,
        Notice::Expired => EXPIRED,
        Notice::InUse => IN_USE,
        Notice::LockedOut => LOCKED_OUT,
        Notice::Failed => FAILED,
        Notice::OpenInWechat => OPEN_IN_WECHAT,
        Notice::ScanFirst => SCAN_FIRST,
        Notice::OpenFromChat => OPEN_FROM_CHAT,
        Notice::BadLink => BAD_LINK,
        Notice::NotYours => NOT_YOURS,
        Notice::OtherAccount => OTHER_ACCOUNT,
        Notice::Snapshot => SNAPSHOT,
        Notice::NoCode => NO_CODE,
        Notice::Trouble => TROUBLE,
        Notice::StillWorking => STILL_WORKING,
    }
}

/// The same where no phone is: beside the login page, or in its place.
pub(super) const fn at_the_computer(notice: Notice) -> Sentence {
    let helps = match notice {
        Notice::SignedIn => {
            return Sentence::new(
                Text::new("已登录", "Signed in"),
                Text::new("登录页会自动继续。", "The sign-in page goes on by itself."),
            );
        }
        Notice::Rejected => Text::new("你没有登录。", "You are not signed in."),
        Notice::BadLink => Text::new(
            "它可能已过期，或属于另一个浏览器。请刷新登录页。",
            "It may be too old, or was made for another browser. Reload the sign-in page.",
        ),
        Notice::Snapshot => Text::new(
            "请在微信里使用完整服务，再换一个新的二维码。",
            "Use the full service in WeChat, then get a new code.",
        ),
        Notice::StillWorking => Text::new("请等几秒钟。", "Give it a few seconds."),
        _ => Text::new(
            "请在登录页换一个新的二维码。",
            "Get a new code on the sign-in page.",
        ),
    };
    Sentence::new(sentence(notice).says, helps)
}

const SIGNED_IN: Sentence = Sentence::new(
    Text::new("已登录，可以关闭此页", "Signed in, you can close this page"),
    Text::new(
        "电脑上的页面会自动继续。",
        "The page on your computer goes on by itself.",
    ),
);
const REJECTED: Sentence = Sentence::new(
    Text::new("已取消登录", "Sign-in cancelled"),
    Text::new(
        "你的账号没有在那台设备上登录。",
        "You are not signed in on that device.",
    ),
);
const CANCELLED: Sentence = Sentence::new(
    Text::new("电脑上已取消登录", "Cancelled on the computer"),
    Text::new(
        "仍想登录？请在电脑上换一个新的二维码。",
        "To sign in after all, get a new code on your computer.",
    ),
);
const EXPIRED: Sentence = Sentence::new(
    Text::new("二维码已失效", "This code has expired"),
    Text::new(
        "请在电脑上刷新二维码，再扫一次。",
        "Get a new code on your computer and scan it again.",
    ),
);
const IN_USE: Sentence = Sentence::new(
    Text::new("已在另一台设备上使用", "Already in use"),
    Text::new(
        "别的手机或账号先扫了这个二维码。请在电脑上换一个新的。",
        "Another phone or account scanned this code first. Get a new one on your computer.",
    ),
);
const LOCKED_OUT: Sentence = Sentence::new(
    Text::new("输错次数过多，暂时不能登录", "Too many wrong codes"),
    Text::new(
        "请 15 分钟后再扫码。如果不是你自己在登录，不要再扫那个二维码。",
        "Scan again in 15 minutes. If it was not you who was signing in, do not scan that code again.",
    ),
);
const FAILED: Sentence = Sentence::new(
    Text::new("登录没有完成", "Sign-in was not completed"),
    Text::new(
        "请在电脑上获取新的二维码，再扫一次。",
        "Get a new code on your computer and scan it again.",
    ),
);
const OPEN_IN_WECHAT: Sentence = Sentence::new(
    Text::new("请用微信打开", "Open this in WeChat"),
    Text::new(
        "打开微信，用“扫一扫”扫描电脑上的二维码。",
        "Open WeChat and scan the code on your computer with it.",
    ),
);
const SCAN_FIRST: Sentence = Sentence::new(
    Text::new("请先扫描二维码", "Scan the code first"),
    Text::new(
        "打开微信，用“扫一扫”扫描电脑上的二维码，再点公众号回复中的链接。",
        "Open WeChat, scan the code on your computer with it, then tap the link in the chat.",
    ),
);
const OPEN_FROM_CHAT: Sentence = Sentence::new(
    Text::new("请从公众号会话中打开", "Open this from the chat"),
    Text::new(
        "点公众号刚刚回复你的链接；每个链接只能用一次。",
        "Tap the link that the account has just sent you; each opens once.",
    ),
);
const BAD_LINK: Sentence = Sentence::new(
    Text::new("链接无效", "This link does not work"),
    Text::new(
        "它可能已过期，或属于另一部手机。请重新扫描二维码。",
        "It may be too old, or was made for another phone. Scan the code again.",
    ),
);
const NOT_YOURS: Sentence = Sentence::new(
    Text::new("此页面已失效", "This page is out of date"),
    Text::new(
        "请在最后打开的页面继续，或重新扫描二维码。",
        "Go on in the page you opened last, or scan the code again.",
    ),
);
const OTHER_ACCOUNT: Sentence = Sentence::new(
    Text::new("微信账号不一致", "That is a different WeChat account"),
    Text::new(
        "请用扫码时的那个微信账号继续。",
        "Go on with the account that scanned the code.",
    ),
);
const SNAPSHOT: Sentence = Sentence::new(
    Text::new("需要使用完整服务", "Full service needed"),
    Text::new(
        "请点右下角的“使用完整服务”，然后重试。",
        "Tap “使用完整服务” (use full service) at the bottom right, then try again.",
    ),
);
const NO_CODE: Sentence = Sentence::new(
    Text::new("微信没有确认你的身份", "WeChat did not say who you are"),
    Text::new("请再试一次。", "Please try once more."),
);
const TROUBLE: Sentence = Sentence::new(
    Text::new("暂时无法登录", "Signing in does not work right now"),
    Text::new(
        "微信或登录服务出了问题，请稍后重试。",
        "WeChat or the sign-in service is in trouble. Try again in a moment.",
    ),
);
const STILL_WORKING: Sentence = Sentence::new(
    Text::new("正在处理", "Still working on it"),
    Text::new(
        "请等几秒钟再继续。",
        "Give it a few seconds, then try again.",
    ),
);

#[cfg(test)]
mod tests {
    use super::*;

    /// Each notice leads to the next, so that a new one cannot be forgotten here.
    const fn after(notice: Notice) -> Option<Notice> {
        Some(match notice {
            Notice::SignedIn => Notice::Rejected,
            Notice::Rejected => Notice::Cancelled,
            Notice::Cancelled => Notice::Expired,
            Notice::Expired => Notice::InUse,
            Notice::InUse => Notice::LockedOut,
            Notice::LockedOut => Notice::Failed,
            Notice::Failed => Notice::OpenInWechat,
            Notice::OpenInWechat => Notice::ScanFirst,
            Notice::ScanFirst => Notice::OpenFromChat,
            Notice::OpenFromChat => Notice::BadLink,
            Notice::BadLink => Notice::NotYours,
            Notice::NotYours => Notice::OtherAccount,
            Notice::OtherAccount => Notice::Snapshot,
            Notice::Snapshot => Notice::NoCode,
            Notice::NoCode => Notice::Trouble,
            Notice::Trouble => Notice::StillWorking,
            Notice::StillWorking => return None,
        })
    }

    fn is_chinese(text: &str) -> bool {
        text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
    }

    fn both(text: Text) {
        let (zh, en) = (text.of(Locale::ZhCn), text.of(Locale::En));
        assert!(is_chinese(zh), "{zh}");
        assert!(en.chars().any(|c| c.is_ascii_alphabetic()), "{en}");
        assert_ne!(zh, en);
    }

    #[test]
    fn every_notice_speaks_both_languages() {
        let notices: Vec<_> =
            std::iter::successors(Some(Notice::SignedIn), |it| after(*it)).collect();
        assert_eq!(notices.len(), 17);
        for (at, notice) in notices.iter().enumerate() {
            let found = sentence(*notice);
            both(found.says);
            both(found.helps);
            both(at_the_computer(*notice).says);
            both(at_the_computer(*notice).helps);
            let others = notices.iter().skip(at + 1);
            let same = others.filter(|other| sentence(**other).says == found.says);
            assert_eq!(same.count(), 0, "{notice:?} says what another one says");
        }
    }

    #[test]
    fn every_label_speaks_both_languages() {
        for text in [
            ASKER,
            DEVICE,
            PLACE,
            ADDRESS,
            TYPE_DIGITS,
            KEEP_DIGITS,
            ASKED_FOR,
            TYPED,
            TIME,
            UNKNOWN_DEVICE,
            UNKNOWN_BROWSER,
            WARNING,
            STRANGER,
            REJECT,
            CONFIRM,
            TRY_AGAIN,
            GO_ON,
            RETURNING,
            REQUEST_ID,
            TRY_LATER,
            REFUSED,
        ] {
            both(text);
        }
        assert_eq!(sign_in_to("Demo", Locale::ZhCn), "登录 Demo？");
        assert_eq!(sign_in_to("Demo", Locale::En), "Sign in to Demo?");
    }
}
