//! Draws a QR code as the picture that an `<img>` shows: WeChat's are pixels too.

use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code, as ISO/IEC 18004 asks.
const QUIET_ZONE: usize = 4;
/// Pixels of one module's side.
const MODULE: usize = 8;
/// The media type of [`draw`].
pub(super) const MEDIA_TYPE: &str = "image/png";

/// `text` as a black and white PNG, error correction M. None when it does not fit a QR code (over 2331 bytes).
pub(super) fn draw(text: &str) -> Option<Vec<u8>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let width = code.width();
    let colors = code.to_colors();
    let side = (width + 2 * QUIET_ZONE) * MODULE;
    // One bit for each pixel, so a module is a byte: a row is as many bytes as the code has modules.
    let light = vec![0xFF; side / 8];
    let mut pixels = Vec::with_capacity(side * side / 8);
    pixels.extend(light.repeat(QUIET_ZONE * MODULE));
    for modules in colors.chunks_exact(width) {
        let mut row = light.clone();
        for (byte, module) in row.iter_mut().skip(QUIET_ZONE).zip(modules) {
            *byte = if *module == Color::Dark { 0 } else { 0xFF };
        }
        pixels.extend(row.repeat(MODULE));
    }
    pixels.extend(light.repeat(QUIET_ZONE * MODULE));
    encode(side, &pixels)
}

fn encode(side: usize, pixels: &[u8]) -> Option<Vec<u8>> {
    let side = u32::try_from(side).ok()?;
    let mut picture = Vec::new();
    let mut encoder = png::Encoder::new(&mut picture, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(pixels).ok()?;
    writer.finish().ok()?;
    Some(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_has_the_modules_and_a_quiet_zone() {
        let text = "http://127.0.0.1:8090/connect/confirm?uuid=0123456789abcdef";
        let picture = draw(text).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(picture))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        let code = QrCode::with_error_correction_level(text, EcLevel::M).unwrap();
        let side = (code.width() + 2 * QUIET_ZONE) * MODULE;
        assert_eq!((info.width as usize, info.height as usize), (side, side));
        // A module is a byte of one row, see above; the middle row of each counts.
        let module = |x: usize, y: usize| pixels[(y * MODULE + MODULE / 2) * side / 8 + x];
        for y in 0..side / MODULE {
            for x in 0..side / MODULE {
                let inside = |at: usize| (QUIET_ZONE..QUIET_ZONE + code.width()).contains(&at);
                let dark =
                    inside(x) && inside(y) && code[(x - QUIET_ZONE, y - QUIET_ZONE)] == Color::Dark;
                assert_eq!(module(x, y), if dark { 0 } else { 0xFF }, "{x} {y}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_not_drawn() {
        assert_eq!(draw(&"x".repeat(3_000)), None);
    }
}
