//! The checks as people see them: one table of check, result, what was found and what helps. Input: a `Check` from each
//! step, when it is known. Output: a row on the screen at once, so that a person sees life; the exit code of the first
//! failure; and all rows, for `-o json`.

use eks_encrypt_job::wire::exit::ExitCode;
use serde::{Serialize, Serializer};

use crate::checks::wrap::wrap;
use crate::error::CliError;
use crate::ui::terminal::{Terminal, one_line};

/// How wide the column of names is: `Kubernetes identity` is the longest.
const NAME_WIDTH: usize = 19;

/// Where the texts begin: margin, result, gap, name, gap.
const TEXT_COLUMN: usize = 2 + 4 + 2 + NAME_WIDTH + 2;

/// Texts narrower than this can't be read: better that the terminal breaks them.
const MIN_TEXT_WIDTH: usize = 30;

/// What one check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CheckResult {
    /// As it must be.
    Ok,
    /// Nothing that stops us, but a person must know.
    Warn,
    /// Nothing may be changed before this is mended; the exit code that says so.
    Failed(ExitCode),
    /// It rests on a check that failed, and was not made.
    Skipped,
}

impl CheckResult {
    /// As the table has it.
    fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Failed(_) => "FAIL",
            Self::Skipped => "-",
        }
    }

    /// As scripts have it.
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Failed(_) => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    /// What was checked.
    pub(crate) name: &'static str,
    /// What it came to.
    pub(crate) result: CheckResult,
    /// What was found. Lines are kept; other people's words in it must have been made one line.
    pub(crate) message: String,
    /// What helps.
    pub(crate) remediation: Option<String>,
}

impl Check {
    /// As it must be.
    pub(crate) fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, result: CheckResult::Ok, message: found.into(), remediation: None }
    }

    /// Something to know.
    pub(crate) fn warn(name: &'static str, found: impl Into<String>, remediation: Option<String>) -> Self {
        Self { name, result: CheckResult::Warn, message: found.into(), remediation }
    }

    /// Something to mend first.
    pub(crate) fn failed(name: &'static str, found: impl Into<String>, remediation: Option<String>) -> Self {
        Self { name, result: CheckResult::Failed(ExitCode::Refused), message: found.into(), remediation }
    }

    /// A step's error as a failure: its words hold the cure already, and it knows its exit code.
    pub(crate) fn from_error(name: &'static str, error: impl Into<CliError>) -> Self {
        let CliError { code, error } = error.into();
        Self { name, result: CheckResult::Failed(code), message: format!("{error:#}"), remediation: None }
    }

    /// Not made, because of another.
    pub(crate) fn skipped(name: &'static str, because: &str) -> Self {
        Self { name, result: CheckResult::Skipped, message: format!("not checked: {because}"), remediation: None }
    }

    /// The row in so many columns.
    fn row(&self, columns: usize) -> String {
        let width = columns.saturating_sub(TEXT_COLUMN).max(MIN_TEXT_WIDTH);
        let cure = self.remediation.as_ref().map(|cure| format!("what helps: {cure}"));
        let lines = self.message.lines().chain(cure.iter().flat_map(|cure| cure.lines()));
        let lines: Vec<String> = lines.flat_map(|line| wrap(&one_line(line), width)).collect();
        let head = format!("  {:<4}  {:<NAME_WIDTH$}  ", self.result.label(), self.name);
        format!("{head}{}", lines.join(&format!("\n{:TEXT_COLUMN$}", ""))).trim_end().to_owned()
    }
}

/// The row as scripts read it.
impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Row<'a> {
            check: &'a str,
            result: &'a str,
            found: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            cure: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            exit_code: Option<u8>,
        }
        let exit_code = match self.result {
            CheckResult::Failed(code) => Some(code as u8),
            _ => None,
        };
        let (check, result) = (self.name, self.result.as_str());
        Row { check, result, found: &self.message, cure: self.remediation.as_deref(), exit_code }.serialize(serializer)
    }
}

/// The table, while it is filled.
pub(crate) struct Checks<'a> {
    terminal: &'a Terminal,
    all: Vec<Check>,
}

impl<'a> Checks<'a> {
    /// An empty table.
    pub(crate) fn new(terminal: &'a Terminal) -> Self {
        Self { terminal, all: Vec::new() }
    }

    /// Shows and keeps a row.
    pub(crate) fn add(&mut self, check: Check) {
        self.terminal.println(&check.row(self.terminal.columns()));
        self.all.push(check);
    }

    /// The same for a check that says several things.
    pub(crate) fn add_all(&mut self, checks: impl IntoIterator<Item = Check>) {
        checks.into_iter().for_each(|check| self.add(check));
    }

    /// All rows.
    pub(crate) fn into_all(self) -> Vec<Check> {
        self.all
    }

    /// The exit code of the first failure; nothing, if nothing failed.
    fn failed(&self) -> Option<ExitCode> {
        self.all.iter().find_map(|check| match check.result {
            CheckResult::Failed(code) => Some(code),
            _ => None,
        })
    }

    /// Ends the table: says how it came out, or stops with the first failure's exit code.
    pub(crate) fn close(&self) -> Result<(), CliError> {
        let closing = self.summary_line();
        match self.failed() {
            Some(code) => Err(CliError { code, error: anyhow::anyhow!(closing) }),
            None => {
                self.terminal.println(&closing);
                Ok(())
            }
        }
    }

    /// The line below the table. It must not be shown where something was changed before the checks.
    fn summary_line(&self) -> String {
        let count = |word| self.all.iter().filter(|check| check.result.as_str() == word).count();
        let (failed, skipped) = (count("failed"), count("skipped"));
        let warnings = match count("warn") {
            0 => String::new(),
            1 => ", 1 warning".to_owned(),
            more => format!(", {more} warnings"),
        };
        let skipped = if skipped == 0 { String::new() } else { format!(", {skipped} not checked") };
        match failed {
            0 if skipped.is_empty() => format!("Every check passed{warnings}."),
            0 => format!("No check failed{skipped}{warnings}."),
            1 => format!("1 check failed{skipped}{warnings}; nothing was changed."),
            _ => format!("{failed} checks failed{skipped}{warnings}; nothing was changed."),
        }
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
