//! Markdown escaping: outside text as inactive code, prose with its marks escaped.

use crate::domain::text::Untrusted;

/// Formats outside text as a code span on one line, in which no mark, link, mention or HTML is active.
#[must_use]
pub fn code_span(text: &Untrusted) -> String {
    let line = text.sanitized();
    if line.trim().is_empty() {
        return "(empty)".to_owned();
    }
    let longest = line.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if longest > 0 || line.starts_with(' ') || line.ends_with(' ') { " " } else { "" };
    format!("{fence}{pad}{line}{pad}{fence}")
}

/// Formats text as a code span, like [`code_span`].
#[must_use]
pub fn inline_code(text: &str) -> String {
    code_span(&Untrusted::new(text))
}

/// Starts a section with a heading of the second level.
pub(super) fn section(title: &str, lines: &mut Vec<String>) {
    lines.extend([String::new(), format!("## {title}"), String::new()]);
}

/// Escapes one line of prose: every character that Markdown could interpret.
#[must_use]
pub fn escape_prose(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in Untrusted::new(text).sanitized().chars() {
        if matches!(character, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '&' | '!') {
            line.push('\\');
        }
        line.push(character);
    }
    line
}

/// Quotes a text as one argument of a POSIX shell.
#[must_use]
pub fn shell_quote(text: &Untrusted) -> String {
    format!("'{}'", text.sanitized().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_cannot_be_left_from_within() {
        assert_eq!(code_span(&"plain".into()), "`plain`");
        assert_eq!(code_span(&"a`b".into()), "`` a`b ``");
        assert_eq!(code_span(&"```\n# big".into()), "```` ```\u{240a}# big ````");
        assert_eq!(code_span(&" \t".into()), "(empty)");
    }

    #[test]
    fn prose_has_no_marks_and_no_lines() {
        assert_eq!(escape_prose("*a* [b](c)\n# d <img>"), "\\*a\\* \\[b\\](c)\u{240a}\\# d \\<img\\>");
    }

    #[test]
    fn an_argument_cannot_be_left_from_within() {
        assert_eq!(shell_quote(&"a'; rm -rf /; '".into()), r"'a'\''; rm -rf /; '\'''");
    }
}
