//! The lines of a Pod's log, within bounds: a Pod may write without a line end, without a pause, or for ever.

use std::time::Duration;

use futures::io::{AsyncBufRead, AsyncBufReadExt as _};
use tokio::time::{Instant, sleep_until};

/// Longest line that is kept: the Job's own have a few KiB. Of a longer one, the beginning is read.
const MAX_LINE_BYTES: usize = 64 << 10;

/// How much is read in a second. A Job at 1,000 failures a second writes a tenth of either.
const PER_SECOND: Amount = Amount { lines: 10_000, bytes: 8 << 20 };

/// How much is read in all: several times what 200,000 failed Secrets make.
const MAX_TOTAL_BYTES: u64 = 256 << 20;

#[derive(Clone, Copy, Debug, Default)]
struct Amount {
    lines: u64,
    bytes: u64,
}

/// How much of a run's logs may still be read.
#[derive(Debug)]
pub(super) struct Allowance {
    bytes: u64,
    second: Amount,
    /// When the second is over.
    until: Instant,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { bytes: MAX_TOTAL_BYTES, second: PER_SECOND, until: Instant::now() }
    }
}

impl Allowance {
    /// Whether all has been read that is read of a run.
    pub(super) fn is_used_up(&self) -> bool {
        self.bytes == 0
    }

    /// Waits until more may be read. Not reading is what slows a writer down.
    async fn wait_for_next_second(&mut self) {
        if self.second.lines == 0 || self.second.bytes == 0 {
            sleep_until(self.until).await;
        }
        if Instant::now() >= self.until {
            (self.second, self.until) = (PER_SECOND, Instant::now() + Duration::from_secs(1));
        }
    }

    fn take(&mut self, lines: u64, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(bytes);
        self.second.lines = self.second.lines.saturating_sub(lines);
        self.second.bytes = self.second.bytes.saturating_sub(bytes);
    }
}

/// A log, of which at most one line is kept.
pub(super) struct Lines<R> {
    log: R,
    line: Vec<u8>,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    pub(super) fn new(log: R) -> Self {
        Self { log, line: Vec::new() }
    }

    /// The next line, or as much of it as is kept. Nothing at the log's end, and where the allowance is used up. Loses nothing
    /// where it is dropped before it is done.
    pub(super) async fn next(&mut self, allowance: &mut Allowance) -> std::io::Result<Option<String>> {
        loop {
            if allowance.is_used_up() {
                return Ok(None);
            }
            allowance.wait_for_next_second().await;
            let chunk = self.log.fill_buf().await?;
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let (piece, read) = (&chunk[..end.unwrap_or(chunk.len())], end.map_or(chunk.len(), |end| end + 1));
            let room = MAX_LINE_BYTES - self.line.len();
            self.line.extend_from_slice(piece.get(..room).unwrap_or(piece));
            self.log.consume_unpin(read);
            allowance.take(u64::from(end.is_some()), read as u64);
            if end.is_some() || (read == 0 && !self.line.is_empty()) {
                let line = String::from_utf8_lossy(&self.line).trim_end_matches('\r').to_owned();
                self.line.clear();
                return Ok(Some(line));
            }
            if read == 0 {
                return Ok(None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    //! What a hostile log costs.
    use super::*;
    use futures::{StreamExt as _, TryStreamExt as _, stream};

    /// Lines of a log that comes in these pieces.
    async fn read(pieces: impl futures::Stream<Item = Vec<u8>>) -> Vec<String> {
        let pieces = std::pin::pin!(pieces.map(std::io::Result::Ok));
        let log = pieces.into_async_read();
        let (mut lines, mut allowance, mut all) = (Lines::new(log), Allowance::default(), Vec::new());
        while let Some(line) = lines.next(&mut allowance).await.unwrap() {
            all.push(line);
        }
        all
    }

    #[tokio::test]
    async fn lines_across_pieces_and_a_last_one_without_an_end() {
        let pieces = ["a\nb", "c\r\n\n", "\u{e9}"].map(|piece| piece.as_bytes().to_vec());
        assert_eq!(read(stream::iter(pieces)).await, ["a", "bc", "", "\u{e9}"]);
    }

    /// X3.
    #[tokio::test(start_paused = true)]
    async fn a_line_of_300_mib_is_kept_as_64_kib() {
        let pieces = stream::iter(std::iter::repeat_n(vec![b'x'; 1 << 20], 200).chain([b"\nnext\n".to_vec()]));
        let lines = read(pieces).await;
        assert_eq!((lines[0].len(), lines[1].as_str(), lines.len()), (MAX_LINE_BYTES, "next", 2));
        let endless = stream::iter(std::iter::repeat_with(|| vec![b'x'; 1 << 20]));
        assert_eq!(read(endless).await, Vec::<String>::new());
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_read_at_a_pace_and_not_for_ever() {
        let began = Instant::now();
        let lines = read(stream::iter(std::iter::repeat_n(b"x\n".repeat(1_000), 100))).await;
        assert_eq!((lines.len(), began.elapsed().as_secs()), (100_000, 10));
        let endless = stream::iter(std::iter::repeat_with(|| [vec![b'x'; 8191], vec![b'\n']].concat()));
        assert_eq!(read(endless).await.len() as u64, MAX_TOTAL_BYTES / 8192);
    }
}
