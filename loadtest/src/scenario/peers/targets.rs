//! What the gateway shall reach, beside which peer.

use serde::Serialize;

/// A subject and one of its figures.
type Place = (&'static str, &'static str);

/// What is asked of the figure itself, or of its ratio to the best of the peers.
#[derive(Clone, Copy)]
enum Limit {
    Figure(f64),
    AtMost(f64),
    AtLeast(f64),
}

struct Target {
    id: &'static str,
    what: &'static str,
    of: Place,
    beside: &'static [Place],
    limit: Limit,
    asked: &'static str,
}

/// One target, and how it fared.
#[derive(Debug, Serialize)]
pub(super) struct Judged {
    pub(super) id: &'static str,
    pub(super) what: &'static str,
    /// The name of the figure says its unit.
    pub(super) unit: &'static str,
    pub(super) figure: Option<f64>,
    pub(super) peer: Option<&'static str>,
    pub(super) peer_figure: Option<f64>,
    pub(super) ratio: Option<f64>,
    pub(super) asked: &'static str,
    /// Nothing when it could not be measured.
    pub(super) met: Option<bool>,
}

const MEMORY: &str = "bytes_per_page";
const OPENING: &str = "cpu_us_per_page_opened";
const IDLE: &str = "cpu_s_per_minute_held";
const PUSH: &str = "cpu_us_per_confirm_alone";
const P99: &str = "latency_p99_us";
const P50: &str = "latency_p50_us";

const fn ratio(
    id: &'static str,
    what: &'static str,
    of: Place,
    beside: &'static [Place],
    (limit, asked): (Limit, &'static str),
) -> Target {
    Target {
        id,
        what,
        of,
        beside,
        limit,
        asked,
    }
}

#[rustfmt::skip]
const TARGETS: &[Target] = &[
    ratio("M1", "memory per waiting page", ("gateway", MEMORY), &[], (Limit::Figure(1300.0), "≤ 1300 B")),
    ratio("M1", "memory per waiting page", ("gateway", MEMORY), &[("actix-ws", MEMORY)], (Limit::AtMost(1.0 / 11.0), "≤ 1/11")),
    ratio("M1", "memory per waiting page", ("gateway", MEMORY), &[("gin", MEMORY)], (Limit::AtMost(1.0 / 12.0), "≤ 1/12")),
    ratio("M1", "memory per waiting page", ("gateway", MEMORY), &[("node-ws", MEMORY)], (Limit::AtMost(1.0 / 3.0), "≤ 1/3")),
    ratio("M2", "the same, stretch", ("gateway", MEMORY), &[("bun", MEMORY)], (Limit::AtMost(1.0), "≤ 1")),
    ratio("M3", "memory kept when all have left", ("gateway", "memory_kept"), &[], (Limit::Figure(25e6), "≤ 25 MB")),
    ratio("C1", "CPU to open a page", ("gateway", OPENING), &[("actix-ws", OPENING)], (Limit::AtMost(3.0), "≤ 3")),
    ratio("C2", "CPU from callback to socket", ("gateway-reject", PUSH), &[("actix-ws", PUSH)], (Limit::AtMost(0.8), "≤ 0.8")),
    ratio("C3", "idle CPU against polling", ("gateway", IDLE), &[("actix-ws-poll", IDLE)], (Limit::AtMost(1.0 / 12.0), "≤ 1/12")),
    ratio("C3", "idle CPU against polling", ("gateway", IDLE), &[("gin-poll", IDLE)], (Limit::AtMost(1.0 / 30.0), "≤ 1/30")),
    ratio("L1", "push latency p99", ("gateway", P99), &[("raw-tokio", P99), ("nchan", P99)], (Limit::AtMost(1.5), "≤ 1.5")),
    ratio("L1", "push latency p99", ("gateway", P99), &[("gin", P99)], (Limit::AtMost(0.1), "≤ 1/10")),
    ratio("L2", "p50 when polled ÷ when pushed", ("gateway-poll", P50), &[("gateway", P50)], (Limit::AtLeast(3000.0), "≥ 3000")),
];

/// Judges all of them by what was found.
pub(super) fn judge(median: &impl Fn(&str, &str) -> Option<f64>) -> Vec<Judged> {
    TARGETS.iter().map(|target| target.judge(median)).collect()
}

/// Everybody that a target is about.
#[cfg(test)]
pub(super) fn subjects() -> impl Iterator<Item = &'static str> {
    let places = TARGETS
        .iter()
        .flat_map(|target| [&[target.of], target.beside].concat());
    places.map(|(subject, _)| subject)
}

impl Target {
    /// Who it is beside, measured or not.
    fn first_peer(&self) -> Option<&'static str> {
        self.beside.first().map(|(name, _)| *name)
    }

    fn judge(&self, median: &impl Fn(&str, &str) -> Option<f64>) -> Judged {
        let (subject, unit) = self.of;
        let figure = median(subject, unit);
        let beside = self.beside.iter();
        let found = beside.filter_map(|(name, unit)| Some((*name, median(name, unit)?)));
        let best = found.min_by(|(_, one), (_, other)| one.total_cmp(other));
        let ratio = figure
            .zip(best)
            .and_then(|(figure, (_, peer))| quotient(figure, peer));
        let met = match self.limit {
            Limit::Figure(most) => figure.map(|figure| figure <= most),
            Limit::AtMost(most) => ratio.map(|ratio| ratio <= most),
            Limit::AtLeast(least) => ratio.map(|ratio| ratio >= least),
        };
        Judged {
            id: self.id,
            what: self.what,
            unit,
            figure,
            peer: best.map(|(name, _)| name).or_else(|| self.first_peer()),
            peer_figure: best.map(|(_, figure)| figure),
            ratio,
            asked: self.asked,
            met,
        }
    }
}

/// Of two figures that are more than nothing: less than the kernel's clock can tell is not measured.
fn quotient(figure: f64, peer: f64) -> Option<f64> {
    (figure > 0.0 && peer > 0.0).then(|| figure / peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bare prototype, by `MEMORY` and the others.
    fn prototype(subject: &str, figure: &str) -> Option<f64> {
        let figures = match subject {
            "gateway" => [719.0, 25.0, 0.46, 40.0, 302.0, 160.0],
            "actix-ws" => [14919.0, 49.0, 0.53, 54.0, 377.0, 180.0],
            "gateway-reject" => [719.0, 25.0, 0.46, 40.0, 302.0, 160.0],
            "actix-ws-poll" => [10873.0, 0.0, 7.15, 0.0, 0.0, 0.0],
            "gateway-poll" => [10873.0, 0.0, 7.15, 0.0, 0.0, 1_006_000.0],
            "raw-tokio" => [1005.0, 17.0, 0.41, 33.0, 637.0, 146.0],
            "nchan" => [11475.0, 22.0, 0.50, 43.0, 327.0, 165.0],
            _ => return None,
        };
        let names = [MEMORY, OPENING, IDLE, PUSH, P99, P50];
        let place = names.iter().position(|name| *name == figure)?;
        figures.get(place).copied()
    }

    fn one<'a>(judged: &'a [Judged], id: &str, peer: Option<&str>) -> &'a Judged {
        let found = judged.iter().find(|one| one.id == id && one.peer == peer);
        found.unwrap_or_else(|| panic!("{id} {peer:?} in {judged:?}"))
    }

    #[test]
    fn targets_are_judged_by_the_ratio_to_their_peer() {
        let judged = judge(&prototype);
        let memory = one(&judged, "M1", Some("actix-ws"));
        assert!((memory.ratio.unwrap() - 719.0 / 14919.0).abs() < 1e-9);
        assert_eq!(memory.met, Some(true));
        assert_eq!(one(&judged, "C2", Some("actix-ws")).met, Some(true));
        assert_eq!(one(&judged, "L2", Some("gateway")).met, Some(true));
        let worse = judge(&|subject: &str, figure: &str| {
            let factor = if subject == "gateway" { 2.0 } else { 1.0 };
            prototype(subject, figure).map(|value| value * factor)
        });
        assert_eq!(one(&worse, "M1", Some("actix-ws")).met, Some(false));
        assert_eq!(one(&worse, "M1", None).met, Some(false));
        assert_eq!(one(&worse, "C3", Some("actix-ws-poll")).met, Some(false));
    }

    #[test]
    fn the_best_of_several_peers_counts() {
        let latency = judge(&prototype);
        assert_eq!(one(&latency, "L1", Some("nchan")).peer_figure, Some(327.0));
    }

    #[test]
    fn what_was_not_measured_is_neither_met_nor_missed() {
        let judged = judge(&prototype);
        let bun = one(&judged, "M2", Some("bun"));
        assert_eq!((bun.ratio, bun.met), (None, None));
        let idle = judge(&|_: &str, _: &str| Some(0.0));
        assert_eq!(one(&idle, "C2", Some("actix-ws")).met, None);
    }
}
