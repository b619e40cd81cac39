//! What the pages of a website's login say, in the two languages.

use crate::sandbox::page::Language;

/// Every sentence.
pub(super) struct Wording {
    pub(super) title: &'static str,
    pub(super) code: &'static str,
    pub(super) waiting: &'static str,
    pub(super) scanned: &'static str,
    pub(super) scanned_about: &'static str,
    pub(super) cancelled: &'static str,
    pub(super) cancelled_about: &'static str,
    pub(super) no_script: &'static str,
    /// What the sandbox adds: a phone for people without one.
    pub(super) open_phone: &'static str,
    /// Between the website's name and the title.
    pub(super) asks: &'static str,
    pub(super) confirm_title: &'static str,
    pub(super) confirm: &'static str,
    pub(super) cancel: &'static str,
    pub(super) confirmed: &'static str,
    pub(super) confirmed_about: &'static str,
    pub(super) rejected: &'static str,
    pub(super) rejected_about: &'static str,
}

pub(super) const fn wording(language: Language) -> &'static Wording {
    match language {
        Language::Chinese => &ZH,
        Language::English => &EN,
    }
}

const ZH: Wording = Wording {
    title: "微信登录",
    code: "登录二维码",
    waiting: "请使用微信扫描二维码登录",
    scanned: "扫描成功",
    scanned_about: "请在微信中点击确认即可登录",
    cancelled: "您已取消此次登录",
    cancelled_about: "您可再次扫描登录，或关闭窗口",
    no_script: "此页面需要 JavaScript 才能继续登录。",
    open_phone: "沙箱：用模拟手机扫描",
    asks: "申请",
    confirm_title: "使用你的微信登录该网站",
    confirm: "确认登录",
    cancel: "取消",
    confirmed: "登录成功",
    confirmed_about: "请回到电脑上继续。",
    rejected: "已取消登录",
    rejected_about: "如需登录，请再次扫描二维码。",
};

const EN: Wording = Wording {
    title: "WeChat Login",
    code: "Login QR code",
    waiting: "Scan the QR code with WeChat to log in",
    scanned: "Scanned",
    scanned_about: "Tap Confirm in WeChat to log in",
    cancelled: "You cancelled this login",
    cancelled_about: "Scan again to log in, or close this window",
    no_script: "This page needs JavaScript to go on.",
    open_phone: "Sandbox: scan with the simulated phone",
    asks: "asks to",
    confirm_title: "Log you in on its website",
    confirm: "Log in",
    cancel: "Cancel",
    confirmed: "Logged in",
    confirmed_about: "Go on at your computer.",
    rejected: "Login cancelled",
    rejected_about: "To log in, scan the QR code again.",
};
