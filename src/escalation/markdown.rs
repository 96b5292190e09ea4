//! Text in Markdown: outside text as code in which nothing is active, prose with its marks escaped.

use crate::domain::text::Untrusted;

/// Outside text as a code span of one line: no mark, link, mention or HTML in it is active.
#[must_use]
pub fn code(text: &Untrusted) -> String {
    let line = text.inert();
    if line.trim().is_empty() {
        return "(empty)".to_owned();
    }
    let longest = line.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if longest > 0 || line.starts_with(' ') || line.ends_with(' ') { " " } else { "" };
    format!("{fence}{pad}{line}{pad}{fence}")
}

/// Prose of one line with every character escaped that could mean something to Markdown.
#[must_use]
pub fn prose(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in Untrusted::new(text).inert().chars() {
        if matches!(character, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '&' | '!') {
            line.push('\\');
        }
        line.push(character);
    }
    line
}

/// A text as one argument of a POSIX shell.
#[must_use]
pub fn shell(text: &Untrusted) -> String {
    format!("'{}'", text.inert().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_cannot_be_left_from_within() {
        assert_eq!(code(&"plain".into()), "`plain`");
        assert_eq!(code(&"a`b".into()), "`` a`b ``");
        assert_eq!(code(&"```\n# big".into()), "```` ```\u{240a}# big ````");
        assert_eq!(code(&" \t".into()), "(empty)");
    }

    #[test]
    fn prose_has_no_marks_and_no_lines() {
        assert_eq!(prose("*a* [b](c)\n# d <img>"), "\\*a\\* \\[b\\](c)\u{240a}\\# d \\<img\\>");
    }

    #[test]
    fn an_argument_cannot_be_left_from_within() {
        assert_eq!(shell(&"a'; rm -rf /; '".into()), r"'a'\''; rm -rf /; '\'''");
    }
}
