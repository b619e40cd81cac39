//! What goes wrong on request: `PUT /sandbox/api/faults`.

mod api;
mod interrupt;

use serde::{Deserialize, Serialize};

pub(super) use self::{
    api::{set, show},
    interrupt::{chance, interrupt, remember_wire},
};

/// The endpoints that can fail.
pub(super) const ENDPOINTS: [&str; 21] = [
    "/connect/oauth2/authorize",
    "/connect/qrconnect",
    QRCODE,
    "/connect/confirm",
    "/connect/l/qrconnect",
    "/connect/zh_CN/htmledition/js/wxLogin.js",
    "/sns/oauth2/access_token",
    "/sns/oauth2/refresh_token",
    "/sns/auth",
    "/sns/userinfo",
    "/sns/jscode2session",
    "/cgi-bin/token",
    "/cgi-bin/stable_token",
    "/cgi-bin/qrcode/create",
    "/cgi-bin/showqrcode",
    "/cgi-bin/user/info",
    "/cgi-bin/getcallbackip",
    "/cgi-bin/clear_quota",
    "/wxa/getwxacodeunlimit",
    AVATARS,
    // No path, but each push of a message.
    "push",
];
/// Has the code's id behind it.
const QRCODE: &str = "/connect/qrcode";
/// Has the file of a user's picture behind it.
const AVATARS: &str = "/sandbox/avatars";
/// Faults at most.
const MAX_FAULTS: usize = 64;
/// Bytes of a body at most.
const MAX_BODY: usize = 16 * 1024;
/// A minute: longer than any client waits.
const MAX_LATENCY_MS: u64 = 60_000;

/// One thing that goes wrong at one endpoint.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fault {
    /// The path, one of [`ENDPOINTS`].
    pub(super) endpoint: String,
    /// Answers this error as WeChat would (a page for the endpoint that serves pages).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) errcode: Option<i32>,
    /// Answers with this HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    /// Answers this body, byte for byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<String>,
    /// Waits first, on the sandbox's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) latency_ms: Option<u64>,
    /// Resets the connection instead of answering.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reset: Option<Reset>,
    /// Sends no more of the answer than that many bytes, and hangs up; the call has its effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) truncate: Option<usize>,
    /// How often it happens; for ever when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) times: Option<u32>,
    /// How likely it happens at each call; always when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) probability: Option<f64>,
}

/// When the connection is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Reset {
    /// Before the call has had any effect.
    Before,
    /// After it: a code is spent, but nobody learns for what.
    After,
}

/// Why a list of faults was not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FaultRefused {
    #[error("at most {MAX_FAULTS} faults are allowed")]
    TooMany,
    #[error("faults[{0}].endpoint: one of {list} is allowed", list = ENDPOINTS.join(", "))]
    Endpoint(usize),
    #[error("faults[{0}]: one of errcode, status, body, latency_ms, reset, truncate is needed")]
    Nothing(usize),
    #[error("faults[{0}]: only one of errcode, status with body, reset, truncate is allowed")]
    Several(usize),
    #[error("faults[{0}].errcode: any number but 0 is allowed")]
    Errcode(usize),
    #[error("faults[{0}].status: 200 to 599 is allowed")]
    Status(usize),
    #[error("faults[{0}].body: at most {MAX_BODY} bytes are allowed")]
    Body(usize),
    #[error("faults[{0}].latency_ms: 1 to {MAX_LATENCY_MS} is allowed")]
    Latency(usize),
    #[error("faults[{0}].times: 1 or more is allowed")]
    Times(usize),
    #[error("faults[{0}].probability: more than 0 and at most 1 is allowed")]
    Probability(usize),
}

/// The faults in force, in the order given.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    /// Checks a new list.
    pub(super) fn checked(list: Vec<Fault>) -> Result<Self, FaultRefused> {
        if list.len() > MAX_FAULTS {
            return Err(FaultRefused::TooMany);
        }
        for (index, fault) in list.iter().enumerate() {
            fault.check(index)?;
        }
        Ok(Self(list))
    }

    pub(super) fn list(&self) -> &[Fault] {
        &self.0
    }

    /// The first fault that strikes a call of `path`, which may also be `push`; `chance` gives numbers below 1.
    pub(super) fn strike(&mut self, path: &str, mut chance: impl FnMut() -> f64) -> Option<Fault> {
        let above = |endpoint: &&str| {
            let below = path.strip_prefix(*endpoint);
            below.is_some_and(|rest| rest.starts_with('/'))
        };
        let endpoint = [QRCODE, AVATARS].into_iter().find(above).unwrap_or(path);
        let index = self.0.iter().position(|fault| {
            fault.endpoint == endpoint && fault.probability.is_none_or(|p| chance() < p)
        })?;
        let fault = self.0.get_mut(index)?;
        let struck = fault.clone();
        if let Some(times) = &mut fault.times {
            *times -= 1;
            if *times == 0 {
                self.0.remove(index);
            }
        }
        Some(struck)
    }
}

impl Fault {
    fn check(&self, index: usize) -> Result<(), FaultRefused> {
        if !ENDPOINTS.contains(&self.endpoint.as_str()) {
            return Err(FaultRefused::Endpoint(index));
        }
        let answers = self.status.is_some() || self.body.is_some();
        let kinds = [
            self.errcode.is_some(),
            answers,
            self.reset.is_some(),
            self.truncate.is_some(),
        ];
        match kinds.into_iter().filter(|kind| *kind).count() {
            0 if self.latency_ms.is_none() => return Err(FaultRefused::Nothing(index)),
            0 | 1 => {}
            _ => return Err(FaultRefused::Several(index)),
        }
        if self.errcode == Some(0) {
            return Err(FaultRefused::Errcode(index));
        }
        if self
            .status
            .is_some_and(|status| !(200..=599).contains(&status))
        {
            return Err(FaultRefused::Status(index));
        }
        if self.body.as_ref().is_some_and(|body| body.len() > MAX_BODY) {
            return Err(FaultRefused::Body(index));
        }
        if self
            .latency_ms
            .is_some_and(|ms| !(1..=MAX_LATENCY_MS).contains(&ms))
        {
            return Err(FaultRefused::Latency(index));
        }
        if self.times == Some(0) {
            return Err(FaultRefused::Times(index));
        }
        if self.probability.is_some_and(|p| !(p > 0.0 && p <= 1.0)) {
            return Err(FaultRefused::Probability(index));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(json: &str) -> Result<Faults, FaultRefused> {
        Faults::checked(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn faults_strike_in_order_and_as_often_as_asked() {
        let mut faults = faults(
            r#"[{"endpoint":"/connect/qrcode","status":404},
                {"endpoint":"/sns/auth","errcode":-1,"times":2},
                {"endpoint":"/sns/auth","status":502,"probability":0.5},
                {"endpoint":"/sns/userinfo","reset":"after","latency_ms":5}]"#,
        )
        .unwrap();
        let mut strike = |endpoint, chance: f64| faults.strike(endpoint, || chance);
        assert_eq!(strike("/sns/auth", 0.9).unwrap().errcode, Some(-1));
        assert_eq!(strike("/sns/auth", 0.9).unwrap().errcode, Some(-1));
        assert_eq!(strike("/sns/auth", 0.5), None);
        assert_eq!(strike("/sns/auth", 0.4).unwrap().status, Some(502));
        assert_eq!(
            strike("/sns/userinfo", 0.9).unwrap().reset,
            Some(Reset::After)
        );
        assert_eq!(strike("/sns/oauth2/access_token", 0.0), None);
        assert_eq!(strike("/connect/qrcode/u1", 0.0).unwrap().status, Some(404));
        assert_eq!(strike("/connect/qrcodes", 0.0), None);
        assert_eq!(faults.list().len(), 3);
    }

    #[test]
    fn a_list_must_make_sense() {
        let one = |rest: &str| faults(&format!(r#"[{{"endpoint":"/sns/auth"{rest}}}]"#));
        for (rest, why) in [
            ("", FaultRefused::Nothing(0)),
            (r#","times":1"#, FaultRefused::Nothing(0)),
            (r#","errcode":-1,"status":500"#, FaultRefused::Several(0)),
            (r#","reset":"before","body":"x""#, FaultRefused::Several(0)),
            (r#","truncate":1,"errcode":-1"#, FaultRefused::Several(0)),
            (r#","errcode":0"#, FaultRefused::Errcode(0)),
            (r#","status":101"#, FaultRefused::Status(0)),
            (r#","latency_ms":60001"#, FaultRefused::Latency(0)),
            (r#","errcode":-1,"times":0"#, FaultRefused::Times(0)),
            (
                r#","errcode":-1,"probability":0"#,
                FaultRefused::Probability(0),
            ),
            (
                r#","errcode":-1,"probability":1.5"#,
                FaultRefused::Probability(0),
            ),
        ] {
            assert_eq!(one(rest).unwrap_err(), why, "{rest}");
        }
        let long = format!(r#","body":"{}""#, "x".repeat(MAX_BODY + 1));
        assert_eq!(one(&long).unwrap_err(), FaultRefused::Body(0));
        assert_eq!(
            faults(r#"[{"endpoint":"/sns/other","errcode":1}]"#).unwrap_err(),
            FaultRefused::Endpoint(0)
        );
        let fault = Fault {
            endpoint: "/sns/auth".to_owned(),
            errcode: Some(1),
            status: None,
            body: None,
            latency_ms: None,
            reset: None,
            truncate: None,
            times: None,
            probability: None,
        };
        assert_eq!(
            Faults::checked(vec![fault; MAX_FAULTS + 1]).unwrap_err(),
            FaultRefused::TooMany
        );
        assert!(faults("[]").unwrap().list().is_empty());
    }
}
