//! Style sheets without comments and needless blanks. The build writes them so (`build.rs`); here it is only tried.

/// What says the same as `sheet`. Strings and escapes stay, and a blank wherever it may matter; a comment is one.
pub(super) fn small(sheet: &str) -> String {
    let mut small = String::with_capacity(sheet.len());
    let mut rest = sheet;
    while let Some(first) = rest.chars().next() {
        let after_gap = skip_gap(rest);
        if after_gap.len() < rest.len() {
            let ends = small.is_empty() || small.ends_with(['{', '}', ';', ',']);
            if !ends && !after_gap.is_empty() && !after_gap.starts_with(['{', '}', ';']) {
                small.push(' ');
            }
            rest = after_gap;
            continue;
        }
        let length = match first {
            '"' | '\'' => string_length(rest, first),
            '\\' => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        small.push_str(token);
        rest = after;
    }
    small
}

/// `rest` without the blanks and comments at its beginning.
fn skip_gap(rest: &str) -> &str {
    let rest = rest.trim_ascii_start();
    match rest.strip_prefix("/*") {
        Some(comment) => skip_gap(comment.split_once("*/").map_or("", |(_, after)| after)),
        None => rest,
    }
}

fn string_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, char) in rest.char_indices().skip(1) {
        if char == quote && !escaped {
            return at + 1;
        }
        escaped = char == '\\' && !escaped;
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::small;

    #[test]
    fn comments_and_needless_blanks_go() {
        let sheet = "/* a */\n.a {\n  color: red; /* b */\n\n  margin: 0 -1px;\n}\n\n@media print {\n  a , b{ }\n}\n";
        assert_eq!(
            small(sheet),
            ".a{color: red;margin: 0 -1px;}@media print{a ,b{}}"
        );
        assert_eq!(small("a{}/* never closed"), "a{}");
        assert_eq!(small(""), "");
    }

    #[test]
    fn what_has_a_meaning_stays() {
        for sheet in [
            r#".a::before{content: "  { ; } /* no */ \" ' \\";}"#,
            r#".a::after{content: '\'/* no */"  ';}"#,
            r#".a\{\ b\;\"c{--d: e;}"#,
            ".a :hover,.b :is(c) .d > e + f ~ g{width: calc(1px + 2px - (3 * 4px));}",
            "@media (min-width: 1px) and (not (max-width: 2px)){.a{& .b{c: d !important}}}",
            "a{grid-template-areas: \"a  b\" 'c  d';background: url(\"data:image/svg+xml,<svg a='  '/>\");}",
            ".注::before{content: \"已  扫描\";}",
        ] {
            assert_eq!(small(sheet), sheet);
        }
    }

    #[test]
    fn words_that_a_comment_parts_are_still_two() {
        assert_eq!(
            small("a/* b */c{margin: 1px/**/2px}"),
            "a c{margin: 1px 2px}"
        );
    }
}
