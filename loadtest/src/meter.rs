//! What the processes under test use, and this program's own.

use std::time::Duration;

use crate::{
    process::{Process, Usage},
    series::Load,
};

#[derive(Debug, Default)]
pub(crate) struct Meter {
    pub(crate) gateways: Vec<Process>,
    pub(crate) generators: Vec<Process>,
    /// The last glance at each, by which the next one is told apart.
    last: Vec<(Process, Usage)>,
}

impl Meter {
    /// Of gateways that run already.
    pub(crate) fn of(gateways: Vec<Process>) -> Self {
        Self {
            gateways,
            ..Self::default()
        }
    }

    /// Of the gateways, one by one, and of all generators, since the last time.
    pub(crate) fn loads(&mut self, took: Duration) -> (Vec<Load>, Load) {
        let all = self.gateways.iter().chain(&self.generators);
        // Who is gone uses nothing.
        let now: Vec<_> = all
            .map(|process| (*process, process.glance().unwrap_or_default()))
            .collect();
        let loads: Vec<_> = now
            .iter()
            .map(|(process, usage)| {
                let before = self.last.iter().find(|(known, _)| known == process);
                let before = before.map_or(*usage, |(_, before)| *before);
                Load::between(before, *usage, took)
            })
            .collect();
        self.last = now;
        let (gateways, generators) = loads.split_at(self.gateways.len());
        (gateways.to_vec(), Load::sum(generators.iter().copied()))
    }

    /// What the gateways hold, with their exact share of memory.
    pub(crate) fn sample(&self) -> anyhow::Result<Option<Usage>> {
        let usages = self.gateways.iter().map(|gateway| gateway.usage());
        let usages = usages.collect::<anyhow::Result<Vec<_>>>()?;
        Ok((!usages.is_empty()).then(|| Usage::sum(usages.into_iter())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn myself() -> Process {
        Process {
            pid: std::process::id(),
        }
    }

    #[test]
    fn nothing_is_measured_without_a_process() {
        assert!(Meter::default().sample().unwrap().is_none());
        let (gateways, generator) = Meter::default().loads(Duration::from_secs(1));
        assert!(gateways.is_empty());
        assert_eq!(generator.memory, 0);
    }

    #[test]
    fn cpu_counts_from_the_last_time() {
        let mut meter = Meter {
            gateways: vec![myself()],
            generators: vec![myself()],
            ..Meter::default()
        };
        let (first, _) = meter.loads(Duration::from_secs(1));
        assert_eq!(first[0].cpu, 0.0, "nothing to compare with yet");
        assert!(first[0].memory > 0);
        let before = myself().glance().unwrap();
        while myself().glance().unwrap().cpu_since(before) < Duration::from_millis(30) {}
        let (second, generator) = meter.loads(Duration::from_millis(100));
        assert!(second[0].cpu >= 0.3, "{second:?}");
        assert_eq!(generator.cpu, second[0].cpu);
        assert!(meter.sample().unwrap().is_some());
    }
}
