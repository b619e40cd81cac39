//! Browser → gateway.

use std::fmt;

use serde::{Deserialize, de::DeserializeOwned};

use crate::{code::Locale, config::Flow, ids, scene::Digits};

/// One command, read and checked as far as it can be without knowing the gateway's state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(tag = "type", rename_all = "snake_case")
)]
pub enum Command {
    /// Opens a scene.
    Start(#[cfg_attr(test, schemars(with = "StartWire"))] Start),
    /// Takes an open or ended scene over.
    Resume(Resume),
    /// A new scene on this socket, with everything of `start`.
    Refresh,
    /// The digits that the phone shows.
    Verify(#[cfg_attr(test, schemars(with = "VerifyWire"))] Verify),
    /// Ends the scene.
    Cancel,
    /// Opens a session's channel instead of a scene.
    Attach(Attach),
    /// Answers `ping`.
    Pong,
}

/// `start`, and the body of `POST /scenes`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "StartWire")]
pub struct Start {
    /// PKCE S256: 32 bytes, 43 characters on the wire.
    pub challenge: [u8; 32],
    /// The flow asked for.
    pub flow: Option<Flow>,
    /// The app, as the caller names it; there may be none of that name.
    pub app: String,
    /// The language of the page.
    pub locale: Option<Locale>,
    /// Where a flow that leaves the page returns to.
    pub return_to: Option<String>,
    /// Whether to draw the QR.
    pub svg: bool,
}

/// `resume`. Scene and secret are opaque here: a malformed one is a wrong one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Resume {
    /// The scene's id.
    pub scene: String,
    /// The scene's secret.
    pub secret: String,
    /// The last event seen; 0 for none.
    pub seq: u64,
}

/// `verify`, and the body of `POST /scenes/{scene}/verify`: two digits, right or wrong.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "VerifyWire")]
pub struct Verify {
    /// What the person typed.
    pub code: Digits,
}

/// `attach`. Holds a secret, which `Debug` does not show.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Attach {
    /// The session's access token. Opaque here: a malformed one is a wrong one.
    pub access_token: String,
}

impl fmt::Debug for Attach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attach").finish_non_exhaustive()
    }
}

/// A command that breaks the protocol ([`Code::BadMessage`](crate::code::Code::BadMessage)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadCommand {
    /// `ref`: the command refused, where one can be told.
    pub command: Option<&'static str>,
}

#[derive(Deserialize)]
struct Envelope {
    r#type: String,
}

/// The digits that the phone shows.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "VerifyBody"))]
struct VerifyWire {
    /// What the person typed: `code_length` digits.
    #[cfg_attr(test, schemars(regex(pattern = "^[0-9]{2}$")))]
    code: String,
}

/// Opens a scene.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "StartBody"))]
struct StartWire {
    /// PKCE S256: the SHA-256 of the verifier, base64url.
    #[cfg_attr(
        test,
        schemars(regex(pattern = "^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$"))
    )]
    challenge: String,
    /// The flow asked for; else the app's default.
    #[cfg_attr(test, schemars(with = "Option<Flow>"))]
    flow: Option<String>,
    /// Else `default`.
    app: Option<String>,
    /// The language of error messages.
    #[cfg_attr(test, schemars(with = "Option<Locale>"))]
    locale: Option<String>,
    /// Where a flow that leaves the page returns to: one of the app's `return_urls`, as it is written there.
    return_to: Option<String>,
    /// Whether the code comes drawn; it does unless this is `false`.
    svg: Option<bool>,
}

impl Command {
    /// Reads one text frame. Unknown fields are ignored.
    ///
    /// # Errors
    /// [`BadCommand`] for what is not JSON, an unknown type, a missing or mistyped field.
    pub fn read(text: &str) -> Result<Self, BadCommand> {
        let unreadable = BadCommand { command: None };
        let Ok(Envelope { r#type }) = serde_json::from_str(text) else {
            return Err(unreadable);
        };
        match r#type.as_str() {
            "start" => fields("start", text).map(Self::Start),
            "resume" => fields("resume", text).map(Self::Resume),
            "refresh" => Ok(Self::Refresh),
            "verify" => fields("verify", text).map(Self::Verify),
            "cancel" => Ok(Self::Cancel),
            "attach" => fields("attach", text).map(Self::Attach),
            "pong" => Ok(Self::Pong),
            _ => Err(unreadable),
        }
    }

    /// The command's type on the wire.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Start(_) => "start",
            Self::Resume(_) => "resume",
            Self::Refresh => "refresh",
            Self::Verify(_) => "verify",
            Self::Cancel => "cancel",
            Self::Attach(_) => "attach",
            Self::Pong => "pong",
        }
    }
}

impl TryFrom<VerifyWire> for Verify {
    type Error = &'static str;

    fn try_from(wire: VerifyWire) -> Result<Self, Self::Error> {
        let code = Digits::parse(&wire.code).ok_or("code: two digits")?;
        Ok(Self { code })
    }
}

impl TryFrom<StartWire> for Start {
    type Error = &'static str;

    fn try_from(wire: StartWire) -> Result<Self, Self::Error> {
        Ok(Self {
            challenge: ids::from_base64url(&wire.challenge)
                .ok_or("challenge: 43 characters of base64url")?,
            flow: wire
                .flow
                .map(|flow| flow_of(&flow).ok_or("flow: unknown"))
                .transpose()?,
            app: wire.app.unwrap_or_else(|| "default".to_owned()),
            locale: wire
                .locale
                .map(|tag| Locale::from_tag(&tag).ok_or("locale: zh-CN or en"))
                .transpose()?,
            return_to: wire.return_to,
            svg: wire.svg.unwrap_or(true),
        })
    }
}

fn flow_of(name: &str) -> Option<Flow> {
    match name {
        "h5" => Some(Flow::H5),
        "official_account" => Some(Flow::OfficialAccount),
        "website" => Some(Flow::Website),
        _ => None,
    }
}

fn fields<T: DeserializeOwned>(command: &'static str, text: &str) -> Result<T, BadCommand> {
    // The parser's own words would tell a caller nothing the protocol does not.
    serde_json::from_str(text).ok().ok_or(BadCommand {
        command: Some(command),
    })
}
