//! Draws a QR code as a picture that a camera can read: a JPEG, as WeChat's are.

use jpeg_encoder::{ColorType, Encoder};
use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code, as ISO/IEC 18004 asks.
const QUIET_ZONE: usize = 4;
/// Pixels from side to side of WeChat's own pictures.
pub(super) const WIDTH: usize = 430;
/// Two colours need no more.
const QUALITY: u8 = 90;
/// The media type of [`draw`].
pub(super) const MEDIA_TYPE: &str = "image/jpeg";

/// `text` in black and white, error correction M, at most `width` pixels from side to side where the code fits
/// into them. None when it does not fit a QR code (over 2331 bytes).
pub(super) fn draw(text: &str, width: usize) -> Option<Vec<u8>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let modules = code.width();
    let colors = code.to_colors();
    let scale = (width / (modules + 2 * QUIET_ZONE)).max(1);
    let side = (modules + 2 * QUIET_ZONE) * scale;
    let light = vec![0xFF; side];
    let mut pixels = light.repeat(QUIET_ZONE * scale);
    for line in colors.chunks_exact(modules) {
        let mut row = light.clone();
        let inside = row.chunks_exact_mut(scale).skip(QUIET_ZONE);
        for (module, color) in inside.zip(line) {
            module.fill(if *color == Color::Dark { 0 } else { 0xFF });
        }
        pixels.extend(row.repeat(scale));
    }
    pixels.extend(light.repeat(QUIET_ZONE * scale));
    let side = u16::try_from(side).ok()?;
    let mut picture = Vec::new();
    Encoder::new(&mut picture, QUALITY)
        .encode(&pixels, side, side, ColorType::Luma)
        .ok()?;
    Some(picture)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What a camera reads in a picture, and how wide it is.
    pub(in crate::sandbox) fn camera(picture: &[u8]) -> (String, usize) {
        let mut decoder = jpeg_decoder::Decoder::new(picture);
        let pixels = decoder.decode().unwrap();
        let side = usize::from(decoder.info().unwrap().width);
        let mut image =
            rqrr::PreparedImage::prepare_from_greyscale(side, side, |x, y| pixels[y * side + x]);
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1);
        (grids[0].decode().unwrap().1, side)
    }

    #[test]
    fn a_camera_reads_it_at_every_width() {
        let text = "http://127.0.0.1:8090/connect/confirm?uuid=0123456789abcdef";
        for (wanted, width) in [(WIDTH, 410), (100, 82)] {
            let picture = draw(text, wanted).unwrap();
            assert_eq!(camera(&picture), (text.to_owned(), width));
        }
    }

    #[test]
    fn what_does_not_fit_is_not_drawn() {
        assert_eq!(draw(&"x".repeat(3_000), WIDTH), None);
    }
}
