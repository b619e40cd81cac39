//! What the comparison says, in each language of the READMEs.

use super::{
    Kind,
    chart::short,
    comparison::{Design, times},
};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Language {
    English,
    Chinese,
}

use self::Language::{Chinese, English};

impl Language {
    pub(super) const ALL: [Self; 2] = [English, Chinese];

    /// As an attribute `lang` has it.
    pub(super) const fn code(self) -> &'static str {
        match self {
            English => "en",
            Chinese => "zh-CN",
        }
    }

    pub(super) fn heading(self, pages: f64) -> String {
        let pages = short(pages);
        match self {
            English => format!("{pages} login pages wait on one gateway"),
            Chinese => format!("{pages} 个登录页在同一个网关上等待"),
        }
    }

    pub(super) const fn title(self, kind: Kind) -> &'static str {
        match (self, kind) {
            (English, Kind::Latency) => "Confirmed on the phone → the page knows",
            (English, Kind::Cpu) => "CPU while they wait",
            (English, Kind::Memory) => "Memory per waiting page",
            (Chinese, Kind::Latency) => "手机上点确认 → 页面知道",
            (Chinese, Kind::Cpu) => "等待时的 CPU",
            (Chinese, Kind::Memory) => "每个等待的页面占用的内存",
        }
    }

    pub(super) const fn note(self, kind: Kind) -> &'static str {
        match (self, kind) {
            (English, Kind::Latency) => "median, log scale",
            (English, Kind::Cpu) => "gateway, seconds a minute",
            (English, Kind::Memory) => "gateway, user space",
            (Chinese, Kind::Latency) => "中位数，对数坐标",
            (Chinese, Kind::Cpu) => "网关，每分钟秒数",
            (Chinese, Kind::Memory) => "网关，用户态",
        }
    }

    pub(super) fn design(self, design: Design, every_s: f64) -> String {
        match (self, design) {
            (English, Design::Push) => "push".to_owned(),
            (English, Design::LongPoll) => "long poll".to_owned(),
            (English, Design::Poll) => format!("polling every {} s", short(every_s)),
            (Chinese, Design::Push) => "推送".to_owned(),
            (Chinese, Design::LongPoll) => "长轮询".to_owned(),
            (Chinese, Design::Poll) => format!("每 {} 秒轮询", short(every_s)),
        }
    }

    /// How a figure stands to push's.
    pub(super) fn ratio(self, kind: Kind, ratio: f64) -> String {
        let times = times(ratio);
        match (self, kind) {
            (English, _) if times == "1" => "the same".to_owned(),
            (English, Kind::Latency) if ratio > 1.0 => format!("{times}× later"),
            (English, Kind::Latency) => format!("{times}× the time"),
            (English, Kind::Cpu) => format!("{times}× the CPU"),
            (English, Kind::Memory) => format!("{times}× the memory"),
            (Chinese, _) if times == "1" => "与推送相同".to_owned(),
            (Chinese, _) => format!("推送的 {times} 倍"),
        }
    }

    /// Between what is listed, and after a title.
    pub(super) const fn marks(self) -> (&'static str, &'static str, &'static str) {
        match self {
            English => (", ", ": ", ". "),
            Chinese => ("，", "：", "。"),
        }
    }
}
