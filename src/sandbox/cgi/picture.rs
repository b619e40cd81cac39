//! A code as a picture that a camera can read.

use jpeg_encoder::{ColorType, Encoder};
use qrcode::{Color, EcLevel, QrCode};

/// White modules around the code (ISO/IEC 18004 asks for four).
const QUIET_ZONE: usize = 4;
/// As sharp as a JPEG with two colours needs to be.
const QUALITY: u8 = 90;

/// `text` as a JPEG at most `width` pixels wide; `None` when it does not fit into a code.
pub(in crate::sandbox) fn jpeg(text: &str, width: usize) -> Option<Vec<u8>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let modules = code.width();
    let scale = (width / (modules + 2 * QUIET_ZONE)).max(1);
    let side = (modules + 2 * QUIET_ZONE) * scale;
    let is_dark = |x: usize, y: usize| {
        let (x, y) = (x / scale, y / scale);
        let inside = QUIET_ZONE..QUIET_ZONE + modules;
        inside.contains(&x)
            && inside.contains(&y)
            && code[(x - QUIET_ZONE, y - QUIET_ZONE)] == Color::Dark
    };
    let pixels: Vec<u8> = (0..side * side)
        .map(|at| {
            if is_dark(at % side, at / side) {
                0
            } else {
                255
            }
        })
        .collect();
    let side = u16::try_from(side).ok()?;
    let mut bytes = Vec::new();
    Encoder::new(&mut bytes, QUALITY)
        .encode(&pixels, side, side, ColorType::Luma)
        .ok()?;
    Some(bytes)
}
