//! Lines of standard input, each bounded, of any number.

use std::io::IsTerminal;
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, BufReader};

/// One line, or why there is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line without its end.
    Whole(Vec<u8>),
    /// A line beyond the limit; its bytes were read and forgotten.
    TooLong,
}

/// The lines of standard input, counted from 1; empty ones are no lines.
pub(super) fn numbered(limit: usize) -> impl Stream<Item = std::io::Result<(u64, Line)>> {
    let input = BufReader::with_capacity(1 << 16, tokio::io::stdin());
    let lines = stream::try_unfold((input, 0), move |(mut input, number)| async move {
        let line = next(&mut input, limit).await?;
        Ok(line.map(|line| ((number + 1, line), (input, number + 1))))
    });
    lines.filter(|line| {
        let empty = matches!(line, Ok((_, Line::Whole(bytes))) if bytes.iter().all(u8::is_ascii_whitespace));
        std::future::ready(!empty)
    })
}

/// A bar on standard error when a person watches, else nothing.
pub(super) fn progress_bar(template: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(template);
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(120));
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}

/// The next line of at most `limit` bytes, or nothing at the end of the input.
///
/// # Errors
///
/// The input breaks.
pub(super) async fn next(
    input: &mut (impl AsyncBufRead + Unpin),
    limit: usize,
) -> std::io::Result<Option<Line>> {
    let mut line = Vec::new();
    let mut too_long = false;
    loop {
        let buffer = input.fill_buf().await?;
        if buffer.is_empty() {
            let nothing = line.is_empty() && !too_long;
            return Ok((!nothing).then(|| finished(line, too_long)));
        }
        let end = buffer.iter().position(|&byte| byte == b'\n');
        let piece = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or_default();
        if line.len() + piece.len() > limit {
            too_long = true;
            line = Vec::new();
        } else if !too_long {
            line.extend_from_slice(piece);
        }
        let read = end.map_or(buffer.len(), |end| end + 1);
        input.consume(read);
        if end.is_some() {
            return Ok(Some(finished(line, too_long)));
        }
    }
}

fn finished(mut line: Vec<u8>, too_long: bool) -> Line {
    if too_long {
        return Line::TooLong;
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Line::Whole(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(input: &[u8], limit: usize) -> Vec<Line> {
        let mut reader = tokio::io::BufReader::with_capacity(3, input);
        let mut lines = Vec::new();
        while let Some(line) = next(&mut reader, limit).await.expect("a slice does not break") {
            lines.push(line);
        }
        lines
    }

    #[tokio::test]
    async fn a_line_too_long_is_one_line_and_harms_no_other() {
        let whole = |text: &[u8]| Line::Whole(text.to_vec());
        let read = lines(b"ab\r\n0123456789\ncd\n\nlast", 4).await;
        assert_eq!(read, [whole(b"ab"), Line::TooLong, whole(b"cd"), whole(b""), whole(b"last")]);
        assert_eq!(lines(b"", 4).await, []);
        assert_eq!(lines(b"01234", 4).await, [Line::TooLong]);
    }
}
