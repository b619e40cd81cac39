//! Draws a QR as one SVG path.

use std::fmt::Write;

use qrcode::{Color, EcLevel, QrCode, types::QrError};

/// Light modules around the code, as ISO/IEC 18004 asks.
const QUIET_ZONE: usize = 4;

/// `text` as an SVG of one path, error correction M, quiet zone 4, dark on white whatever the page's colours.
///
/// Each row is one line of strokes and gaps, a unit wide: a quarter of the bytes that a box for each run takes, and a
/// waiting page's buffers stay small.
///
/// # Errors
/// When `text` does not fit a QR code (over 2331 bytes).
pub fn svg(text: &str) -> Result<String, QrError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M)?;
    let width = code.width();
    let side = width + 2 * QUIET_ZONE;
    let mut svg = String::with_capacity(4_096);
    // Writing to a String cannot fail.
    let _ = write!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges"><rect width="{side}" height="{side}" fill="#fff"/><path stroke="#000" d=""##
    );
    for (y, row) in code.to_colors().chunks_exact(width).enumerate() {
        let _ = write!(svg, "M{QUIET_ZONE} {}.5", y + QUIET_ZONE);
        for run in row.chunk_by(|a, b| a == b) {
            let dark = run.first() == Some(&Color::Dark);
            let _ = if dark {
                write!(svg, "h{}", run.len())
            } else {
                write!(svg, "m{} 0", run.len())
            };
        }
    }
    svg.push_str(r#""/></svg>"#);
    Ok(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_one_path_and_nothing_that_runs() {
        let svg = svg("http://127.0.0.1:8080/s/7QmZx0kq9Tb3vYw2LpRs1A").unwrap();
        assert_eq!(svg.matches("<path").count(), 1);
        assert!(svg.starts_with("<svg xmlns") && svg.ends_with("</svg>"));
        assert!(
            svg.contains(r#"viewBox="0 0 41 41""#),
            "33 modules and twice 4"
        );
        assert!(svg.len() < 4 * 1024);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        assert!(svg(&"x".repeat(3_000)).is_err());
    }
}
