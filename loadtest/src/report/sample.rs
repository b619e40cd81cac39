//! A report that is the same in all tests.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;

use super::{Comparison, Report};
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
    Comparison::new(15_000.0, 2.0, |name| {
        let value = match name {
            "push_latency_p50_us" => 160.0,
            "push_cpu_s_per_minute" => 0.46,
            "push_bytes_per_page" => 719.0,
            "long_poll_latency_p50_us" => 200.0,
            "long_poll_cpu_s_per_minute" => 0.86,
            "poll_latency_p50_us" => 1_006_000.0,
            "poll_cpu_s_per_minute" => 7.15,
            "poll_bytes_per_page" => 10_873.0,
            _ => return None,
        };
        Some(value)
    })
}

pub(super) fn broken_rule() -> Verdict {
    Verdict::new("errors<1", Some(1.0), false, false)
}
