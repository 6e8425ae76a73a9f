//! Figures with their targets, as a table and as JSON.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// What a figure should be.
#[derive(Clone, Copy)]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
    /// Stated for comparison.
    None,
}

struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    target: Target,
    note: String,
}

/// All figures of one run.
pub struct Report {
    figures: Vec<Figure>,
    failed: Vec<(String, String)>,
}

impl Report {
    pub fn new() -> Report {
        Report { figures: Vec::new(), failed: Vec::new() }
    }

    pub fn add(
        &mut self,
        name: impl Into<String>,
        value: f64,
        unit: &'static str,
        target: Target,
        note: impl Into<String>,
    ) {
        let figure = Figure { name: name.into(), value, unit, target, note: note.into() };
        println!("{}", line(&figure));
        self.figures.push(figure);
    }

    pub fn failed(&mut self, scenario: &str, words: &str) {
        self.failed.push((scenario.to_owned(), words.to_owned()));
    }

    pub fn failures(&self) -> usize {
        self.failed.len()
    }

    pub fn print(&self) {
        println!("\n{}", machine());
        for figure in &self.figures {
            println!("{}", line(figure));
        }
        for (scenario, words) in &self.failed {
            println!("{scenario}: not measured: {words}");
        }
    }

    pub fn save(&self, path: &Path) -> Result<()> {
        let figures: Vec<Value> = self
            .figures
            .iter()
            .map(|one| json!({ "name": one.name, "value": one.value, "unit": one.unit, "met": met(one), "note": one.note }))
            .collect();
        let report = json!({ "machine": machine(), "figures": figures, "failed": self.failed });
        fs::write(path, serde_json::to_string_pretty(&report)?)
            .with_context(|| format!("writing {}", path.display()))?;
        println!("written to {}", path.display());
        Ok(())
    }
}

fn met(figure: &Figure) -> Option<bool> {
    match figure.target {
        Target::AtLeast(least) => Some(figure.value >= least),
        Target::AtMost(most) => Some(figure.value <= most),
        Target::None => None,
    }
}

fn line(figure: &Figure) -> String {
    let target = match figure.target {
        Target::AtLeast(least) => format!(">= {least}"),
        Target::AtMost(most) => format!("<= {most}"),
        Target::None => String::new(),
    };
    let verdict = match met(figure) {
        Some(true) => "met",
        Some(false) => "MISSED",
        None => "",
    };
    format!(
        "{:<52}{:>12.3} {:<10}{target:<12}{verdict:<8}{}",
        figure.name, figure.value, figure.unit, figure.note
    )
}

/// Processor, cores and memory of this machine.
fn machine() -> String {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or(0);
    let model = model.trim_start_matches([' ', '\t', ':']);
    format!("{cores} cores, {model}, {} GB", kilobytes / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_or_missed() {
        let figure =
            |value, target| Figure { name: "x".into(), value, unit: "ms", target, note: String::new() };
        assert_eq!(met(&figure(9.0, Target::AtMost(10.0))), Some(true));
        assert_eq!(met(&figure(9.0, Target::AtLeast(10.0))), Some(false));
        assert!(line(&figure(9.0, Target::AtLeast(10.0))).contains("MISSED"));
        assert_eq!(met(&figure(9.0, Target::None)), None);
    }
}
