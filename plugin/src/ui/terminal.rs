//! What people see: the one place that writes to the terminal. Lines and progress come from every step; they go to
//! stderr, because stdout is data. Whether bars are drawn is decided once, where the screen is made.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tokio::time::Instant;

/// How often progress is written where there is no terminal: often enough to see life, seldom enough for a CI log.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);

/// The bar's width in columns.
const BAR_WIDTH: usize = 24;

/// How long a line may be where there is no terminal to fit into.
const LOG_WIDTH: usize = 120;

/// What progress looks like at one moment: made by `progress` and the waits, drawn here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The line, without a bar.
    pub(crate) text: String,
    /// How much is done of how much, where that is known.
    pub(crate) share: Option<(u64, u64)>,
}

/// Where lines and progress go.
pub(crate) struct Terminal {
    kind: Kind,
}

enum Kind {
    /// A person's terminal: lines above one bar that is redrawn in place, and whether it is there now. A bar that is
    /// not there must not be suspended: indicatif would draw it afterwards.
    Terminal { bar: ProgressBar, shown: AtomicBool },
    /// A file, a pipe or CI: lines, and progress as a line now and then.
    Plain(Mutex<Option<Instant>>),
    /// A test: what would have been written.
    #[cfg(test)]
    Captured(Mutex<Vec<String>>),
}

impl Terminal {
    /// The real screen.
    pub(crate) fn stderr() -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let kind = if std::io::stderr().is_terminal() && !dumb {
            let bar = ProgressBar::hidden();
            bar.set_draw_target(indicatif::ProgressDrawTarget::stderr_with_hz(8));
            Kind::Terminal { bar, shown: AtomicBool::new(false) }
        } else {
            Kind::Plain(Mutex::new(None))
        };
        Self { kind }
    }

    /// Writes lines that stay.
    pub(crate) fn println(&self, text: &str) {
        let text = &escape_control(text);
        match &self.kind {
            Kind::Terminal { bar, shown } if shown.load(Relaxed) => bar.suspend(|| write(text)),
            Kind::Terminal { .. } | Kind::Plain(_) => write(text),
            #[cfg(test)]
            Kind::Captured(lines) => keep(lines, text),
        }
    }

    /// Writes lines that stay, where there is no terminal; there, what is drawn shows the same.
    pub(crate) fn println_plain(&self, text: &str) {
        if !matches!(self.kind, Kind::Terminal { .. }) {
            self.println(text);
        }
    }

    /// Shows progress: in place on a terminal, as a line every ten seconds elsewhere.
    pub(crate) fn draw_progress(&self, frame: &Frame) {
        match &self.kind {
            Kind::Terminal { bar, shown } => {
                shown.store(true, Relaxed);
                if bar.is_finished() {
                    bar.reset();
                }
                let (done, all) = frame.share.unwrap_or((0, 0));
                bar.set_style(style(frame.share.is_some()));
                bar.set_length(all);
                bar.set_position(done);
                bar.set_message(escape_control(&frame.text));
                bar.tick();
            }
            Kind::Plain(last) => {
                let Ok(mut last) = last.lock() else { return };
                if last.is_none_or(|last| last.elapsed() >= PLAIN_INTERVAL) {
                    *last = Some(Instant::now());
                    write(&escape_control(&frame.text));
                }
            }
            #[cfg(test)]
            Kind::Captured(_) => {}
        }
    }

    /// How many columns a line has: the terminal's, or what reads well in a log.
    pub(crate) fn columns(&self) -> usize {
        match &self.kind {
            Kind::Terminal { .. } => {
                console::Term::stderr().size_checked().map_or(80, |(_, columns)| usize::from(columns))
            }
            _ => LOG_WIDTH,
        }
    }

    /// How many of them there are for text beside the bar, where there is one.
    pub(crate) fn width(&self) -> usize {
        match &self.kind {
            Kind::Terminal { .. } => self.columns().saturating_sub(BAR_WIDTH + 2),
            _ => LOG_WIDTH,
        }
    }

    /// Whether a person is there to answer.
    pub(crate) fn can_ask(&self) -> bool {
        match &self.kind {
            Kind::Terminal { .. } | Kind::Plain(_) => std::io::stdin().is_terminal(),
            #[cfg(test)]
            Kind::Captured(_) => false,
        }
    }

    /// Takes the progress away; the next one begins anew.
    pub(crate) fn clear(&self) {
        match &self.kind {
            Kind::Terminal { bar, shown } => {
                shown.store(false, Relaxed);
                bar.finish_and_clear();
            }
            Kind::Plain(last) => {
                if let Ok(mut last) = last.lock() {
                    *last = None;
                }
            }
            #[cfg(test)]
            Kind::Captured(_) => {}
        }
    }
}

/// Tests read what a person would have read.
#[cfg(test)]
impl Terminal {
    pub(crate) fn captured() -> Self {
        Self { kind: Kind::Captured(Mutex::new(Vec::new())) }
    }

    pub(crate) fn text(&self) -> String {
        match &self.kind {
            Kind::Captured(lines) => lines.lock().expect("no test panics while writing").join("\n"),
            _ => String::new(),
        }
    }
}

/// A text that can't move the cursor, change colours, name the terminal, or look like another text. Webhooks, images and Pods' logs
/// choose some of its words. Line breaks stay.
fn escape_control(text: &str) -> String {
    escaped(text, |c| c != '\n')
}

/// Somebody else's text as one line: it must not look like a line of ours either.
pub(crate) fn one_line(text: &str) -> String {
    escaped(text, |_| true)
}

fn escaped(text: &str, too: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if (c.is_control() || is_hidden(c)) && too(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// Whether a terminal shows nothing of a character but what it makes of others: it turns them round, breaks their line, or hides
/// between them. Unicode's Default_Ignorable_Code_Point, the separators of lines and paragraphs, and annotations.
fn is_hidden(c: char) -> bool {
    matches!(u32::from(c),
        0xAD | 0x34F | 0x61C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F | 0x2028..=0x202E
        | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB | 0x1_BCA0..=0x1_BCA3
        | 0x1_D173..=0x1_D17A | 0xE_0000..=0xE_0FFF)
}

/// Text for scripts and people, on stdout.
pub(crate) fn stdout(text: &str) {
    // A closed pipe (`| head`) is the reader's business.
    let _ = writeln!(std::io::stdout(), "{}", escaped(text, |c| !matches!(c, '\n' | '\t')));
}

/// The longest text of somebody else that is shown where only its gist counts, in characters.
const MAX_MESSAGE_CHARS: usize = 300;

/// Foreign text as one line of bounded length.
pub(crate) fn shorten(text: &str) -> String {
    let line = one_line(&text.chars().take(MAX_MESSAGE_CHARS).collect::<String>());
    if text.chars().nth(MAX_MESSAGE_CHARS).is_some() { format!("{line}…") } else { line }
}

/// The formats of data for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    Json,
    Yaml,
}

/// Data for scripts, in the format that they asked for.
pub(crate) fn data(value: &impl Serialize, output: Output, terminal: &Terminal) {
    match text_of(value, output) {
        #[cfg(test)]
        Ok(text) if matches!(terminal.kind, Kind::Captured(_)) => terminal.println(&text),
        Ok(text) => stdout(text.trim_end()),
        Err(error) => terminal.println(&format!("error: the report can't be written: {error}")),
    }
}

fn text_of(value: &impl Serialize, output: Output) -> Result<String, String> {
    let json = serde_json::to_string_pretty(value).map_err(|error| error.to_string())?;
    let is_hidden = |c: char| c != '\n' && (c.is_control() || is_hidden(c));
    match output {
        // JSON is YAML, and has a form for each of these characters.
        Output::Yaml if !json.contains(is_hidden) => serde_saphyr::to_string(value).map_err(|error| error.to_string()),
        _ => Ok(json.chars().fold(String::with_capacity(json.len()), |mut text, c| {
            match u32::from(c) {
                _ if !is_hidden(c) => text.push(c),
                // Of these, YAML has no pairs.
                code if code > 0xFFFF && output == Output::Yaml => text.push_str(&format!("\\U{code:08x}")),
                _ => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| text.push_str(&format!("\\u{unit:04x}"))),
            }
            text
        })),
    }
}

fn write(text: &str) {
    // Nobody can be told that stderr is closed; the work goes on.
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[cfg(test)]
fn keep(lines: &Mutex<Vec<String>>, text: &str) {
    lines.lock().expect("no test panics while writing").push(text.to_owned());
}

fn style(bar: bool) -> ProgressStyle {
    let template =
        if bar { format!("{{bar:{BAR_WIDTH}.cyan/dim}} {{wide_msg}}") } else { "{spinner} {wide_msg}".to_owned() };
    // The templates are constants; the fallback keeps a typo from being a panic.
    ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    //! What a terminal shows of bars.
    use super::*;
    use indicatif::{InMemoryTerm, ProgressDrawTarget};

    fn in_memory() -> (Terminal, InMemoryTerm) {
        let (bar, term) = (ProgressBar::hidden(), InMemoryTerm::new(5, 60));
        bar.set_draw_target(ProgressDrawTarget::term_like(Box::new(term.clone())));
        (Terminal { kind: Kind::Terminal { bar, shown: AtomicBool::new(false) } }, term)
    }

    #[test]
    fn a_line_draws_no_bar_before_there_is_progress_nor_after() {
        let (terminal, term) = in_memory();
        terminal.println("a check, of a test");
        assert_eq!(term.contents(), "");
        terminal.draw_progress(&Frame { text: "waiting, 1 s so far".into(), share: None });
        assert!(term.contents().ends_with("waiting, 1 s so far"), "{}", term.contents());
        terminal.clear();
        terminal.println("the end, of a test");
        assert_eq!(term.contents(), "");
    }

    #[test]
    fn foreign_text_can_not_drive_the_terminal() {
        let terminal = Terminal::captured();
        terminal.println("failed: \u{1b}[2J\u{7}denied\r\u{9b}2J\nnext");
        assert_eq!(terminal.text(), "failed: \\u{1b}[2J\\u{7}denied\\r\\u{9b}2J\nnext");
        assert_eq!(one_line("no\n\nDone: every Secret"), "no\\n\\nDone: every Secret");
        let (terminal, term) = in_memory();
        terminal.draw_progress(&Frame { text: "\u{1b}[31mred".into(), share: None });
        assert!(term.contents().ends_with("\\u{1b}[31mred"), "{}", term.contents());
    }

    /// X9.
    #[test]
    fn characters_that_turn_or_hide_text_are_shown_as_what_they_are() {
        for c in [
            '\u{1b}',
            '\u{202e}',
            '\u{2066}',
            '\u{200b}',
            '\u{200f}',
            '\u{2028}',
            '\u{feff}',
            '\u{ad}',
            '\u{e0041}',
            '\u{9b}',
        ] {
            let shown = format!("a\\u{{{:x}}}b", u32::from(c));
            assert_eq!(one_line(&format!("a{c}b")), shown);
            let terminal = Terminal::captured();
            terminal.println(&format!("a{c}b"));
            assert_eq!(terminal.text(), shown);
            // A document says the same, in ASCII.
            for output in [Output::Json, Output::Yaml] {
                let document = serde_json::json!({ "name": format!("a{c}b") });
                let text = text_of(&document, output).unwrap();
                assert!(text.is_ascii() && !text.contains('\u{1b}'), "{text}");
                let read = match output {
                    Output::Json => serde_json::from_str::<serde_json::Value>(&text).unwrap(),
                    Output::Yaml => serde_saphyr::from_str(&text).unwrap(),
                };
                assert_eq!(read, document);
            }
        }
        assert_eq!(one_line("Größe, 名前, שלום"), "Größe, 名前, שלום");
        let document = serde_json::json!({ "name": "Größe" });
        assert_eq!(text_of(&document, Output::Yaml).unwrap().trim_end(), "name: Größe");
    }

    #[test]
    fn a_bar_comes_back_after_it_was_cleared() {
        let (terminal, term) = in_memory();
        terminal.draw_progress(&Frame { text: "waiting".into(), share: None });
        terminal.clear();
        terminal.draw_progress(&Frame { text: "12 of 24 Secrets".into(), share: Some((12, 24)) });
        insta::assert_snapshot!(term.contents(), @"████████████░░░░░░░░░░░░ 12 of 24 Secrets");
    }
}
