//! Review as a Markdown document.

use super::{heading, sections, summary};
use crate::diagnose::review::PlatformReview;
use crate::export::markdown::{code_span, escape_prose};
use std::fmt::Write as _;

/// Writes the review as Markdown.
#[must_use]
pub fn write_markdown(review: &PlatformReview) -> String {
    let mut text = format!("# Review: {}\n\n", escape_prose(&heading(review)));
    for (what, n) in summary(review) {
        let _ = writeln!(text, "- {what}: {n}");
    }
    let _ = write!(text, "\n## Since the last review\n\n");
    match review.frame.last_utc {
        None => text.push_str("There is no earlier review to compare with.\n"),
        Some(at) if review.changes.is_empty() => {
            let _ = writeln!(text, "No differences since {}.", at.format("%Y-%m-%d"));
        }
        Some(at) => {
            let _ = writeln!(text, "Since {}:\n", at.format("%Y-%m-%d"));
            for line in &review.changes {
                let _ = writeln!(text, "- {}", escape_prose(line));
            }
        }
    }
    for section in sections(review) {
        let _ = write!(text, "\n## {}\n\n", section.title);
        if section.rows.is_empty() {
            let _ = writeln!(text, "{}", section.calm);
            continue;
        }
        let _ = writeln!(text, "| {} |", section.head.join(" | "));
        let _ = writeln!(text, "|{}", "---|".repeat(section.head.len()));
        for row in &section.rows {
            // A bar would end the table cell, also within a code span.
            let cells: Vec<String> = row.iter().map(|cell| code_span(cell).replace('|', "\\|")).collect();
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
        let _ = write!(text, "\n{}\n", section.advice);
    }
    if !review.unknown.is_empty() {
        let _ = write!(text, "\n## What could not be read\n\n");
        for line in &review.unknown {
            let _ = writeln!(text, "- {}", escape_prose(line));
        }
    }
    text
}
