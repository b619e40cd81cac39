//! What the chat of the official account says, in the language of the login page.

use crate::{
    code::Locale,
    login::{ChatReply, Says},
};

/// The passive reply to a scan. The link stands on a line of its own: WeChat makes it one to tap.
pub(super) fn reply(reply: &ChatReply) -> String {
    let ChatReply {
        app,
        asker,
        locale,
        says,
    } = reply;
    let ip = &asker.ip;
    let device = match locale {
        Locale::ZhCn => asker.device("未知浏览器", "未知设备"),
        Locale::En => asker.device("Unknown browser", "Unknown device"),
    };
    match (says, locale) {
        (Says::Confirm(link), Locale::ZhCn) => format!(
            "登录 {app}？\n设备：{device}\n地址：{ip}\n\n\
             仅当你正在自己的电脑上打开登录页时，才点此确认：\n{link}\n\n不是你？请忽略，登录不会发生。"
        ),
        (Says::Confirm(link), Locale::En) => format!(
            "Sign in to {app}?\nDevice: {device}\nAddress: {ip}\n\n\
             Only if this sign-in page is open on your own computer right now, confirm here:\n{link}\n\n\
             Not you? Ignore this, and nobody is signed in."
        ),
        (Says::SigningIn, Locale::ZhCn) => format!("正在登录 {app}（{device}，{ip}）。"),
        (Says::SigningIn, Locale::En) => {
            format!("Signing in to {app} ({device}, {ip}).")
        }
        (Says::SignedIn, Locale::ZhCn) => format!("已登录 {app}（{device}，{ip}）。"),
        (Says::SignedIn, Locale::En) => {
            format!("Signed in to {app} ({device}, {ip}).")
        }
        (Says::InUse, Locale::ZhCn) => {
            "这个二维码已被其他人扫描，请在电脑上刷新后重试。".to_owned()
        }
        (Says::InUse, Locale::En) => {
            "Somebody else has scanned this code. Get a new one on your computer.".to_owned()
        }
        (Says::LockedOut, Locale::ZhCn) => {
            "数字多次输错，为保护你的账号，15 分钟内无法扫码登录。".to_owned()
        }
        (Says::LockedOut, Locale::En) => {
            "The digits were wrong too often. To protect your account, no code signs you in for 15 minutes."
                .to_owned()
        }
        (Says::Over, Locale::ZhCn) => "二维码已失效，请在电脑上刷新后再扫。".to_owned(),
        (Says::Over, Locale::En) => {
            "This code has expired. Get a new one on your computer and scan it again.".to_owned()
        }
    }
}
