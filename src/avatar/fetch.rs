//! One picture, from WeChat to memory.

use std::{error::Error as _, time::Duration};

use bytes::Bytes;
use reqwest::{Client, StatusCode, header};
use sha2::{Digest, Sha256};

use super::{address::PublicOnly, source::Sources};
use crate::{ids, outbound};

/// The largest picture, in bytes: WeChat's have 640 pixels from side to side, and about 100 KiB.
pub(super) const MAX_PICTURE: usize = 512 * 1024;

/// A picture that browsers may be shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Picture {
    /// The media type, by its first bytes.
    pub(super) kind: &'static str,
    /// Stands for the bytes.
    pub(super) tag: String,
    pub(super) bytes: Bytes,
}

/// Why a picture is not shown.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error("its address is not below avatars.hosts")]
    Source,
    #[error("the answer has status {0}")]
    Status(StatusCode),
    #[error("it has more than {MAX_PICTURE} bytes")]
    TooLarge,
    #[error("it is no PNG, JPEG, GIF or WebP")]
    Kind,
    #[error("the call failed")]
    Call(#[source] reqwest::Error),
}

/// Fetches pictures, and nothing else.
pub(super) struct Fetcher {
    client: Client,
    sources: Sources,
}

impl Unusable {
    /// The causes, outermost first, on one line; no address is among them.
    pub(super) fn causes(&self) -> String {
        let mut line = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            line = format!("{line}: {error}");
            cause = error.source();
        }
        line
    }
}

impl From<reqwest::Error> for Unusable {
    fn from(error: reqwest::Error) -> Self {
        Self::Call(error.without_url())
    }
}

impl Fetcher {
    /// Each fetch ends `within` that time, whatever the other side does.
    ///
    /// # Errors
    /// When the TLS back end cannot be set up.
    pub(super) fn new(sources: Sources, within: Duration) -> Result<Self, reqwest::Error> {
        let resolver = PublicOnly {
            except: sources.sandbox_name().map(str::to_owned),
        };
        let client = outbound::builder()
            .timeout(within)
            .https_only(sources.are_https())
            .dns_resolver(resolver)
            .build()?;
        Ok(Self { client, sources })
    }

    /// The picture at `source`, which came from outside.
    pub(super) async fn fetch(&self, source: &str) -> Result<Picture, Unusable> {
        let url = self.sources.allowed(source).ok_or(Unusable::Source)?;
        let request = self.client.get(url).header(header::ACCEPT, "image/*");
        let mut response = request.send().await?;
        if response.status() != StatusCode::OK {
            return Err(Unusable::Status(response.status()));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if bytes.len() + chunk.len() > MAX_PICTURE {
                return Err(Unusable::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
        }
        let kind = kind(&bytes).ok_or(Unusable::Kind)?;
        Ok(Picture {
            kind,
            tag: ids::base64url(&Sha256::digest(&bytes)),
            bytes: bytes.into(),
        })
    }
}

/// The media type by the first bytes (WHATWG MIME Sniffing section 6.1); what a header says is not asked. SVG is not
/// among them: it is a document, which can hold scripts.
const fn kind(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            b'V',
            b'P',
            ..,
        ] => Some("image/webp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
