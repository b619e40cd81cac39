//! A report that is the same in all tests.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;

use super::{Column, Comparison, Kind, Report};
use crate::{
    series::{Load, Moment, Row},
    threshold::Verdict,
};

pub(super) fn report() -> Report {
    let config = json!({"rate": 200, "seed": null, "url": "http://127.0.0.1:8080/"});
    let mut report = Report::new("push", config).with_phases(&["pending", "push_latency"]);
    report.host = json!({"commit": "abc1234", "cpu": "<b>&", "cores": 2});
    for micros in 1..=1000 {
        let latency = Duration::from_micros(100 + micros);
        report.stats.record("push_latency", latency);
    }
    report.stats.record("pending", Duration::from_millis(12));
    report.stats.fail("connect: connection refused".to_owned());
    report.set("per_second", 99.5);
    report.set("bytes_per_page", 719.0);
    report.series = (0..4).map(row).collect();
    report
}

fn row(second: u8) -> Row {
    let moment = Moment {
        count: 200,
        p50_us: 150 + u64::from(second),
        p99_us: 300,
    };
    Row {
        at_s: f64::from(second),
        took_s: 1.0,
        step: if second < 2 { "open" } else { "confirm" }.to_owned(),
        connected: 10 + i64::from(second),
        phases: BTreeMap::from([("push_latency".to_owned(), moment)]),
        gateways: vec![Load {
            cpu: 0.5,
            memory: 20_000_000,
        }],
        ..Row::default()
    }
}

pub(super) fn comparison() -> Comparison {
    let way = |name: &str, figures: &[f64]| {
        let kinds = [Kind::Cpu, Kind::Latency, Kind::Memory];
        Column {
            name: name.to_owned(),
            figures: kinds.into_iter().zip(figures.iter().copied()).collect(),
        }
    };
    Comparison {
        pages: 15_000.0,
        ways: vec![
            way("push", &[0.46, 160.0, 719.0]),
            way("long poll", &[0.86, 200.0]),
            way("polling each 2 s", &[7.15, 1_006_000.0, 10_873.0]),
        ],
    }
}

pub(super) fn broken_rule() -> Verdict {
    Verdict::new("errors<1", Some(1.0), false, false)
}
