//! Draws a QR as one SVG path.
//!
//! Most of the work of a QR code is to try its eight masks, as ISO/IEC 18004 section 7.8.3 asks. What the masks and the
//! fixed patterns draw depends on the size alone, so it is made once for each; a code is its data laid over that, bit by
//! bit.

use std::sync::OnceLock;

use qrcode::{
    Color, EcLevel, Version,
    bits::encode_auto,
    canvas::{Canvas, MaskPattern, Module},
    ec::construct_codewords,
    types::QrError,
};

/// Light modules around the code, as ISO/IEC 18004 asks.
const QUIET_ZONE: usize = 4;
const LEVEL: EcLevel = EcLevel::M;
/// The largest size whose lines fit into 128 bits: 125 modules.
const MAX_VERSION: usize = 27;

const MASKS: [MaskPattern; 8] = [
    MaskPattern::Checkerboard,
    MaskPattern::HorizontalLines,
    MaskPattern::VerticalLines,
    MaskPattern::DiagonalLines,
    MaskPattern::LargeCheckerboard,
    MaskPattern::Fields,
    MaskPattern::Diamonds,
    MaskPattern::Meadow,
];

/// `text` as an SVG of one path, error correction M, quiet zone 4, dark on white whatever the page's colours.
///
/// Each row is one line of strokes and gaps, a unit wide: a quarter of the bytes that a box for each run takes, and a
/// waiting page's buffers stay small.
///
/// # Errors
/// When `text` does not fit 125 modules (over 1125 bytes).
pub fn svg(text: &str) -> Result<String, QrError> {
    let code = Grid::code(text)?;
    let width = code.rows.len();
    let side = width + 2 * QUIET_ZONE;
    let mut svg = String::with_capacity(4_096);
    svg.push_str(r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 "#);
    push_number(&mut svg, side);
    svg.push(' ');
    push_number(&mut svg, side);
    svg.push_str(r#"" shape-rendering="crispEdges"><rect width=""#);
    push_number(&mut svg, side);
    svg.push_str(r#"" height=""#);
    push_number(&mut svg, side);
    svg.push_str(r##"" fill="#fff"/><path stroke="#000" d=""##);
    for (y, row) in code.rows.iter().enumerate() {
        svg.push('M');
        push_number(&mut svg, QUIET_ZONE);
        svg.push(' ');
        push_number(&mut svg, y + QUIET_ZONE);
        svg.push_str(".5");
        push_runs(&mut svg, *row, width);
    }
    svg.push_str(r#""/></svg>"#);
    Ok(svg)
}

/// The strokes and gaps of a row.
fn push_runs(svg: &mut String, row: u128, width: usize) {
    let mut x = 0;
    while x < width {
        let rest = row >> x;
        let is_dark = rest & 1 == 1;
        let run = if is_dark {
            (!rest).trailing_zeros()
        } else {
            rest.trailing_zeros()
        };
        let run = (run as usize).min(width - x);
        svg.push(if is_dark { 'h' } else { 'm' });
        push_number(svg, run);
        if !is_dark {
            svg.push_str(" 0");
        }
        x += run;
    }
}

/// A number below 1000; formatting would take longer than all the rest.
fn push_number(svg: &mut String, number: usize) {
    for divisor in [100, 10, 1] {
        if number >= divisor || divisor == 1 {
            svg.push(char::from(b"0123456789"[number / divisor % 10]));
        }
    }
}

/// A bit for each module, by row and by column: 1 is dark.
struct Grid {
    rows: Vec<u128>,
    columns: Vec<u128>,
}

/// What every code of one size has in common.
struct Frame {
    /// The fixed patterns.
    blank: Canvas,
    /// The same as each mask leaves them, and the mask itself where data belongs.
    masked: [Grid; 8],
}

impl Frame {
    /// The one of this size, kept for good: there are [`MAX_VERSION`].
    fn of(version: Version) -> Option<&'static Self> {
        static FRAMES: [OnceLock<Frame>; MAX_VERSION + 1] =
            [const { OnceLock::new() }; MAX_VERSION + 1];
        let Version::Normal(number) = version else {
            return None;
        };
        let frame = FRAMES.get(usize::try_from(number).ok()?)?;
        Some(frame.get_or_init(|| Self::new(version)))
    }

    fn new(version: Version) -> Self {
        let mut blank = Canvas::new(version, LEVEL);
        blank.draw_all_functional_patterns();
        let masked = MASKS.map(|mask| {
            let mut canvas = blank.clone();
            canvas.apply_mask(mask);
            Grid::read(&canvas, version, Module::is_dark)
        });
        Self { blank, masked }
    }
}

impl Grid {
    /// The code of `text`.
    fn code(text: &str) -> Result<Self, QrError> {
        let bits = encode_auto(text.as_bytes(), LEVEL)?;
        let version = bits.version();
        let frame = Frame::of(version).ok_or(QrError::DataTooLong)?;
        let (data, correction) = construct_codewords(&bits.into_bytes(), version, LEVEL)?;
        let mut canvas = frame.blank.clone();
        canvas.draw_data(&data, &correction);
        let is_data = |module| matches!(module, Module::Unmasked(Color::Dark));
        let data = Self::read(&canvas, version, is_data);
        let codes = frame.masked.iter().map(|masked| masked.with(&data));
        codes
            .min_by_key(Self::penalty)
            .ok_or(QrError::InvalidVersion)
    }

    fn read(canvas: &Canvas, version: Version, is_set: impl Fn(Module) -> bool) -> Self {
        let side = version.width();
        let lines = || vec![0; usize::try_from(side).unwrap_or_default()];
        let (mut rows, mut columns) = (lines(), lines());
        for (y, row) in (0..side).zip(&mut rows) {
            for (x, column) in (0..side).zip(&mut columns) {
                let bit = u128::from(is_set(canvas.get(x, y)));
                *row |= bit << x;
                *column |= bit << y;
            }
        }
        Self { rows, columns }
    }

    fn with(&self, data: &Self) -> Self {
        let lay =
            |lines: &[u128], data: &[u128]| lines.iter().zip(data).map(|(a, b)| a ^ b).collect();
        Self {
            rows: lay(&self.rows, &data.rows),
            columns: lay(&self.columns, &data.columns),
        }
    }

    /// How hard it is to read, by the four rules of ISO/IEC 18004 section 7.8.3.
    fn penalty(&self) -> usize {
        let width = self.rows.len();
        let lines = self.rows.iter().chain(&self.columns);
        let along: usize = lines
            .map(|line| runs(*line, width) + finders(*line, width))
            .sum();
        let pairs = self.rows.iter().zip(self.rows.iter().skip(1));
        let blocks = pairs.map(|(upper, lower)| {
            ones(alike(*upper, width) & alike(*lower, width) & !(upper ^ lower))
        });
        let dark: usize = self.rows.iter().copied().map(ones).sum();
        let balance = (dark * 200 / (width * width)).abs_diff(100);
        along + 3 * blocks.sum::<usize>() + balance
    }
}

const fn ones(line: u128) -> usize {
    line.count_ones() as usize
}

/// The modules that are as the next one.
const fn alike(line: u128, width: usize) -> u128 {
    !(line ^ (line >> 1)) & ((1 << (width - 1)) - 1)
}

/// Runs of one colour: from 5 modules on, their length without 2.
const fn runs(line: u128, width: usize) -> usize {
    let alike = alike(line, width);
    let long = alike & (alike >> 1) & (alike >> 2) & (alike >> 3);
    let begins = long & !(long << 1);
    ones(long) + 2 * ones(begins)
}

/// What looks like the pattern of the corners, with four light modules on one side.
const fn finders(line: u128, width: usize) -> usize {
    let light = !line;
    let pattern =
        line & (light >> 1) & (line >> 2) & (line >> 3) & (line >> 4) & (light >> 5) & (line >> 6);
    let before = (line << 1) | (line << 2) | (line << 3) | (line << 4);
    let after = (line >> 7) | (line >> 8) | (line >> 9) | (line >> 10);
    let inside = (1 << (width - 6)) - 1;
    40 * ones(pattern & inside & !(before & after))
}

#[cfg(test)]
mod tests {
    use std::{fmt::Write, iter};

    use proptest::prelude::*;
    use qrcode::QrCode;

    use super::*;

    /// The same, drawn of what the library makes of it.
    fn by_the_library(text: &str) -> String {
        let code = QrCode::with_error_correction_level(text, LEVEL).unwrap();
        let side = code.width() + 2 * QUIET_ZONE;
        let mut svg = format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges"><rect width="{side}" height="{side}" fill="#fff"/><path stroke="#000" d=""##
        );
        for (y, row) in code.to_colors().chunks_exact(code.width()).enumerate() {
            write!(svg, "M4 {}.5", y + 4).unwrap();
            for run in row.chunk_by(|a, b| a == b) {
                match run[0] {
                    Color::Dark => write!(svg, "h{}", run.len()).unwrap(),
                    Color::Light => write!(svg, "m{} 0", run.len()).unwrap(),
                }
            }
        }
        svg + r#""/></svg>"#
    }

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
        let text = |length| iter::repeat_n('x', length).collect::<String>();
        assert!(svg(&text(1_125)).is_ok());
        assert!(svg(&text(1_126)).is_err());
        assert!(svg(&text(3_000)).is_err());
    }

    #[test]
    fn every_size_is_as_the_library_draws_it() {
        let text: String = ('!'..='~').cycle().take(1_125).collect();
        for length in (1..=text.len()).rev().step_by(37) {
            assert_eq!(
                svg(&text[..length]).unwrap(),
                by_the_library(&text[..length]),
                "{length}"
            );
        }
    }

    proptest! {
        #[test]
        fn chooses_as_the_library_does(text in "[ -~]{1,200}") {
            prop_assert_eq!(svg(&text).unwrap(), by_the_library(&text));
        }

        #[test]
        fn a_link_is_as_the_library_draws_it(id in "[A-Za-z0-9_-]{22}") {
            let text = format!("https://login.example.com/s/{id}");
            prop_assert_eq!(svg(&text).unwrap(), by_the_library(&text));
        }
    }
}
