//! A browser's and a system's short name, for people to recognise their own device by. Never for security: the
//! header is whatever the caller likes.

/// Where the names are looked for; what comes later is nobody's name.
const CONSIDERED: usize = 512;

/// What stands in the header, and what people call it. The first match wins: most browsers also claim to be
/// Chrome, Safari or Mozilla.
const BROWSERS: &[(&str, &str)] = &[
    ("MicroMessenger/", "WeChat"),
    ("AlipayClient/", "Alipay"),
    ("DingTalk/", "DingTalk"),
    ("QQBrowser/", "QQ Browser"),
    (" QQ/", "QQ"),
    ("HuaweiBrowser/", "Huawei Browser"),
    ("MiuiBrowser/", "Mi Browser"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("UCBrowser/", "UC Browser"),
    ("UCWEB", "UC Browser"),
    ("Quark/", "Quark"),
    ("YaBrowser/", "Yandex"),
    ("Vivaldi/", "Vivaldi"),
    ("OPR/", "Opera"),
    ("OPT/", "Opera"),
    ("Opera", "Opera"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("Edge/", "Edge"),
    ("Edg/", "Edge"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("Trident/", "Internet Explorer"),
    ("MSIE ", "Internet Explorer"),
    ("curl/", "curl"),
];

/// As above. `HarmonyOS` says Android too, Android says Linux, iPhones say Mac OS X.
const SYSTEMS: &[(&str, &str)] = &[
    ("OpenHarmony", "HarmonyOS"),
    ("HarmonyOS", "HarmonyOS"),
    ("Windows", "Windows"),
    ("iPhone", "iOS"),
    ("iPad", "iOS"),
    ("iPod", "iOS"),
    ("Android", "Android"),
    ("Mac OS X", "macOS"),
    ("Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

/// The short names of browser and system, `Browser` and `Unknown` where none is recognised.
pub fn device(user_agent: &str) -> (&'static str, &'static str) {
    let text = considered(user_agent);
    (
        first(BROWSERS, text).unwrap_or("Browser"),
        first(SYSTEMS, text).unwrap_or("Unknown"),
    )
}

/// Whether a page says that it was opened inside WeChat.
pub fn inside_wechat(user_agent: &str) -> bool {
    considered(user_agent).contains("MicroMessenger")
}

fn first(names: &[(&str, &'static str)], text: &str) -> Option<&'static str> {
    let (_, name) = names.iter().find(|(mark, _)| text.contains(mark))?;
    Some(name)
}

fn considered(user_agent: &str) -> &str {
    let end = user_agent.floor_char_boundary(CONSIDERED);
    user_agent.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn people_recognise_their_device() {
        for (user_agent, browser, system) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
                "Chrome",
                "Windows",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
                "Edge",
                "Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
                "Safari",
                "macOS",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
                "Firefox",
                "Linux",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.53(0x18003531) NetType/WIFI Language/zh_CN",
                "WeChat",
                "iOS",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; V2301A) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.0.0 Mobile Safari/537.36 XWEB/1260059 MicroMessenger/8.0.50",
                "WeChat",
                "Android",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 OPR/115.0.0.0",
                "Opera",
                "Windows",
            ),
            (
                "Mozilla/5.0 (Phone; OpenHarmony 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36 ArkWeb/4.1.6.1 Mobile",
                "Chrome",
                "HarmonyOS",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/131.0.0.0 Mobile/15E148 Safari/604.1",
                "Chrome",
                "iOS",
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
                "Chrome",
                "ChromeOS",
            ),
            ("", "Browser", "Unknown"),
            ("<script>alert(1)</script>", "Browser", "Unknown"),
        ] {
            assert_eq!(device(user_agent), (browser, system), "{user_agent}");
        }
    }

    #[test]
    fn wechat_is_recognised() {
        assert!(inside_wechat("… MicroMessenger/8.0"));
        assert!(!inside_wechat("Mozilla/5.0"));
        assert!(!inside_wechat(&format!(
            "{}MicroMessenger",
            "x".repeat(CONSIDERED)
        )));
    }

    proptest! {
        #[test]
        fn no_header_takes_it_down(text in "\\PC{0,600}") {
            device(&text);
            inside_wechat(&text);
        }
    }
}
