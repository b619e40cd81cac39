//! The table that comes out: fault × logins × lost × worst delay.

use std::time::Duration;

use crate::verdict::Verdict;

/// All runs of one fault together.
pub(crate) struct Row {
    pub(crate) fault: String,
    pub(crate) verdict: Verdict,
    /// From when all was well again until people signed in again, at worst.
    pub(crate) back: Duration,
}

pub(crate) const HEAD: &str = "\
| fault | codes | promised | signed in | exchanges | forgotten by Redis | lost | wrong | double | unconfirmed | worst delay | back after |
|---|---|---|---|---|---|---|---|---|---|---|---|";

impl Row {
    /// Another run of the same fault.
    pub(crate) fn add(&mut self, other: Self) {
        let (all, one) = (&mut self.verdict, other.verdict);
        all.opened += one.opened;
        all.promised += one.promised;
        all.signed_in += one.signed_in;
        all.exchanged += one.exchanged;
        all.forgotten += one.forgotten;
        all.worst = all.worst.max(one.worst);
        all.lost.extend(one.lost);
        all.wrong.extend(one.wrong);
        all.double.extend(one.double);
        all.unconfirmed.extend(one.unconfirmed);
        self.back = self.back.max(other.back);
    }

    pub(crate) fn line(&self) -> String {
        let Verdict {
            opened,
            promised,
            signed_in,
            exchanged,
            forgotten,
            lost,
            wrong,
            double,
            unconfirmed,
            worst,
        } = &self.verdict;
        let found = [lost, wrong, double, unconfirmed].map(Vec::len);
        let [lost, wrong, double, unconfirmed] = found;
        format!(
            "| {} | {opened} | {promised} | {signed_in} | {exchanged} | {forgotten} | {lost} | {wrong} | {double} | {unconfirmed} \
             | {:.2} s | {:.1} s |",
            self.fault,
            worst.as_secs_f64(),
            self.back.as_secs_f64(),
        )
    }
}
