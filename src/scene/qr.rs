//! Draws a QR as one SVG path.

use std::fmt::Write;

use qrcode::{Color, EcLevel, QrCode, types::QrError};

/// Light modules around the code, as ISO/IEC 18004 asks.
const QUIET_ZONE: usize = 4;

/// `text` as an SVG of one path, error correction M, quiet zone 4, dark on white whatever the page's colours.
///
/// # Errors
/// When `text` does not fit a QR code (over 2331 bytes).
pub fn svg(text: &str) -> Result<String, QrError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M)?;
    let width = code.width();
    let side = width + 2 * QUIET_ZONE;
    let mut svg = String::with_capacity(4096);
    // Writing to a String cannot fail.
    let _ = write!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{side}v{side}H0z"/><path d=""##
    );
    for (y, row) in code.to_colors().chunks_exact(width).enumerate() {
        for (x, length) in dark_runs(row) {
            let _ = write!(
                svg,
                "M{} {}h{length}v1h-{length}z",
                x + QUIET_ZONE,
                y + QUIET_ZONE
            );
        }
    }
    svg.push_str(r#""/></svg>"#);
    Ok(svg)
}

/// Start and length of each run of dark modules in a row.
fn dark_runs(row: &[Color]) -> impl Iterator<Item = (usize, usize)> {
    let mut start = 0;
    row.chunk_by(|a, b| a == b).filter_map(move |run| {
        let x = start;
        start += run.len();
        (run.first() == Some(&Color::Dark)).then_some((x, run.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_two_paths_and_nothing_that_runs() {
        let svg = svg("http://127.0.0.1:8080/s/7QmZx0kq9Tb3vYw2LpRs1A").unwrap();
        assert_eq!(svg.matches("<path").count(), 2);
        assert!(svg.starts_with("<svg xmlns") && svg.ends_with("</svg>"));
        assert!(
            svg.contains(r#"viewBox="0 0 41 41""#),
            "33 modules and twice 4"
        );
        assert!(svg.len() < 8 * 1024);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        assert!(svg(&"x".repeat(3_000)).is_err());
    }
}
