//! What was measured, with its bound: a table for people, a file for programs. Input: items from the measurements.

use std::fmt::Write;
use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

/// What a value must be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// One thing that was measured.
#[derive(Debug)]
pub(crate) struct Item {
    name: String,
    value: f64,
    unit: &'static str,
    /// None where it is only reported.
    bound: Option<Bound>,
}

impl Item {
    /// Whether the bound holds. A value that is no number holds none.
    fn holds(&self) -> bool {
        match self.bound {
            Some(Bound::AtLeast(least)) => self.value >= least,
            Some(Bound::AtMost(most)) => self.value <= most,
            None => true,
        }
    }

    fn bound(&self) -> Option<String> {
        self.bound.map(|bound| match bound {
            Bound::AtLeast(least) => format!(">= {least}"),
            Bound::AtMost(most) => format!("<= {most}"),
        })
    }
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Report(Vec<Item>);

impl Report {
    /// Takes an item, and says it, for whoever watches.
    pub(crate) fn add(&mut self, name: impl Into<String>, value: f64, unit: &'static str, bound: Option<Bound>) {
        let item = Item { name: name.into(), value, unit, bound };
        eprintln!("  {}: {} {}", item.name, short(value), unit);
        self.0.push(item);
    }

    /// Whether every bound holds.
    pub(crate) fn holds(&self) -> bool {
        self.0.iter().all(Item::holds)
    }

    /// The table.
    pub(crate) fn table(&self) -> String {
        let width = self.0.iter().map(|item| item.name.chars().count()).max().unwrap_or_default();
        let mut table = format!("{:width$}  {:>8}  {:<9}  bound\n", "measured", "value", "unit");
        for item in &self.0 {
            let missed = if item.holds() { "" } else { "  MISSED" };
            let bound = item.bound().unwrap_or_default();
            let line = format!("{:width$}  {:>8}  {:<9}  {bound}{missed}", item.name, short(item.value), item.unit);
            // Writing to a String does not fail.
            let _ = writeln!(table, "{}", line.trim_end());
        }
        table
    }

    /// Writes the file.
    pub(crate) fn write(&self, file: &Path) -> anyhow::Result<()> {
        let item =
            |item: &Item| json!({ "name": item.name, "value": item.value, "unit": item.unit, "bound": item.bound() });
        let items: Vec<Value> = self.0.iter().map(item).collect();
        let text = serde_json::to_string_pretty(&items)? + "\n";
        std::fs::write(file, text).with_context(|| format!("can't write {}", file.display()))
    }
}

/// Three digits, which is more than is certain.
fn short(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The middle one, or the mean of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        even if even % 2 == 0 => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}
