//! The developer's drawer beside the phone: the clock, faults, the message push, settings, reset. It needs script.

use maud::{Markup, html};

use crate::sandbox::{errcode::Errcode, fault, settings::MAX_QR_PAGE_LIFE_S, wording::Wording};

/// What the drawer offers, beside [`Wording::effects`].
const EFFECTS: [&str; 9] = [
    r#"{"errcode":-1}"#,
    r#"{"errcode":40029}"#,
    r#"{"errcode":45011}"#,
    r#"{"status":502}"#,
    r#"{"body":""}"#,
    r#"{"latency_ms":3000}"#,
    r#"{"reset":"before"}"#,
    r#"{"reset":"after"}"#,
    r#"{"truncate":20}"#,
];

pub(super) fn drawer(wording: &Wording) -> Markup {
    html! {
        aside.developer #developer hidden data-done=(wording.done) data-failed=(wording.failed)
            data-remove=(wording.remove) data-always=(wording.always) {
            details {
                summary { (wording.developer) }
                p { (wording.developer_about) }
                section {
                    h2 { (wording.clock) }
                    p { (wording.clock_about) }
                    p.row {
                        @for (seconds, label) in [("60", "+1 min"), ("300", "+5 min"), ("7200", "+2 h")] {
                            button.button.small type="button" data-advance=(seconds) { (label) }
                        }
                    }
                }
                section {
                    h2 { (wording.faults) }
                    ul #faults data-none=(wording.faults_none) {}
                    (fault_form(wording))
                }
                section {
                    h2 { (wording.push) }
                    p { (wording.push_about) }
                    (push_form(wording))
                    ol #pushes data-none=(wording.push_none) {}
                }
                section {
                    h2 { (wording.settings) }
                    p { (wording.settings_about) }
                    (settings_form(wording))
                }
                section {
                    h2 { (wording.reset) }
                    p { (wording.reset_about) }
                    button.button.small type="button" data-reset { (wording.reset) }
                }
                p.says #developer-says role="status" {}
            }
        }
    }
}

fn fault_form(wording: &Wording) -> Markup {
    html! {
        form #fault {
            label {
                (wording.endpoint)
                select name="endpoint" {
                    @for endpoint in fault::ENDPOINTS {
                        option selected[endpoint == "/sns/oauth2/access_token"] { (endpoint) }
                    }
                }
            }
            label {
                (wording.effect)
                select name="effect" {
                    @for (value, label) in EFFECTS.into_iter().zip(wording.effects) {
                        option value=(value) { (label) }
                    }
                }
            }
            label {
                (wording.times)
                select name="times" {
                    option value="1" { (wording.once) }
                    option value="" { (wording.always) }
                }
            }
            button.button.small type="submit" { (wording.add) }
        }
    }
}

fn push_form(wording: &Wording) -> Markup {
    let numbers = [
        ("duplicate", wording.push_duplicate),
        ("delay_ms", wording.push_delay),
        ("stale_s", wording.push_stale),
        ("attempts", wording.push_attempts),
    ];
    let switches = [
        ("reorder", wording.push_reorder),
        ("concurrent", wording.push_concurrent),
        ("resign", wording.push_resign),
    ];
    html! {
        form #push {
            @for (name, label) in numbers {
                label.number {
                    (label)
                    input type="number" name=(name) min="0" value="0" required;
                }
            }
            @for (name, label) in switches {
                label.switch {
                    input type="checkbox" name=(name);
                    (label)
                }
            }
            button.button.small type="submit" { (wording.save) }
        }
    }
}

fn settings_form(wording: &Wording) -> Markup {
    let redirects = ["none", "state_only"]
        .into_iter()
        .zip(wording.deny_redirects);
    let errcodes = [Errcode::INVALID_CODE, Errcode::CODE_EXPIRED];
    html! {
        form #settings {
            label {
                (wording.deny_redirect)
                select name="deny_redirect" {
                    @for (value, label) in redirects { option value=(value) { (label) } }
                }
            }
            label {
                (wording.expired_code)
                select name="expired_code_errcode" data-number {
                    @for errcode in errcodes { option value=(errcode.0) { (errcode.0) } }
                }
            }
            label.number {
                (wording.qr_page_life)
                input type="number" name="qr_page_life_s" min="1" max=(MAX_QR_PAGE_LIFE_S) data-number required;
            }
            button.button.small type="submit" { (wording.save) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::fault::{Fault, Faults};

    #[test]
    fn every_effect_of_the_drawer_is_a_fault() {
        for effect in EFFECTS {
            let mut value: serde_json::Value = serde_json::from_str(effect).unwrap();
            value["endpoint"] = fault::ENDPOINTS[0].into();
            let fault: Fault = serde_json::from_value(value).unwrap();
            assert!(Faults::checked(vec![fault]).is_ok(), "{effect}");
        }
    }
}
