//! Breaks a text into lines of a width, at spaces. What stands in backticks is a command that people copy, and is never
//! broken; nor is a word, however long. Input: one line. Output: lines, those after the first set in by two.

/// How far the lines after the first are set in.
const CONTINUATION_INDENT: &str = "  ";

/// The lines; one empty line for an empty text. Spaces at its beginning are kept: they set in what belongs together.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let text = text.trim_end();
    let margin = &text[..text.len() - text.trim_start().len()];
    let mut lines = Vec::new();
    let mut line = margin.to_owned();
    let mut begun = false;
    for piece in split_words(text.trim_start()) {
        if begun && line.chars().count() + 1 + piece.chars().count() > width {
            lines.push(std::mem::replace(&mut line, format!("{margin}{CONTINUATION_INDENT}")));
        } else if begun {
            line.push(' ');
        }
        line.push_str(&piece);
        begun = true;
    }
    lines.push(line);
    lines
}

/// Words, and what stands between backticks together with what touches it.
fn split_words(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut open = false;
    for word in text.split(' ') {
        match pieces.last_mut() {
            Some(last) if open => {
                last.push(' ');
                last.push_str(word);
            }
            _ => pieces.push(word.to_owned()),
        }
        open ^= word.matches('`').count() % 2 == 1;
    }
    pieces
}

#[cfg(test)]
mod tests {
    //! Where a line may break.
    use super::*;

    #[test]
    fn at_spaces_but_not_in_commands_or_words() {
        let text = "turn it on: `aws kms enable-key-rotation --key-id 1234abcd` (that costs nothing)";
        insta::assert_snapshot!(wrap(text, 20).join("\n"), @r"
        turn it on:
          `aws kms enable-key-rotation --key-id 1234abcd`
          (that costs
          nothing)
        ");
        assert_eq!(wrap("arn:aws:kms:eu-central-1:111122223333:key/1", 10).len(), 1);
        assert_eq!(wrap("", 10), [""]);
    }

    #[test]
    fn a_margin_is_kept_by_all_its_lines() {
        assert_eq!(wrap("  kubeconfig: here and there", 18), ["  kubeconfig: here", "    and there"]);
    }

    #[test]
    fn a_backtick_that_nobody_closes_ends_with_the_line() {
        assert_eq!(wrap("a `b c d", 3), ["a", "  `b c d"]);
    }
}
