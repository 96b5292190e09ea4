//! Request and response bodies made readable: JSON in foldable lines, plain text, or a hex dump. All text is made
//! safe for the terminal.

pub mod json;

use crate::domain::text::Untrusted;
use crate::text;
use crate::tui::widgets::detail_lines::{BodySide, DetailLine, FoldPoint, LineAction};
use crate::tui::widgets::format;
use crate::tui::widgets::palette::StyleRole;
use crate::tui::widgets::theme::Theme;
use crate::wire::attempts::CapturedBody;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ratatui::text::{Line, Span};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Maximum number of bytes of a body that are shown.
const MAX_BODY_BYTES_SHOWN: usize = 64 * 1_024;

/// Maximum number of bytes per line of a hex dump.
const MAX_HEX_BYTES_PER_LINE: usize = 16;

/// Format in which bodies are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BodyFormat {
    /// Indented JSON where the body is JSON, plain text otherwise.
    #[default]
    Json,
    /// Plain text as received, line by line.
    Text,
    /// Hex dump of the bytes.
    Hex,
}

impl BodyFormat {
    /// Format after this one, in the order in which a key cycles through them.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Json => Self::Text,
            Self::Text => Self::Hex,
            Self::Hex => Self::Json,
        }
    }

    /// Name of the format for the operator.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Text => "text",
            Self::Hex => "hex",
        }
    }
}

/// Display options of one body.
#[derive(Debug, Clone, Copy)]
pub struct BodyDisplay<'a> {
    /// Format that the body is shown in.
    pub mode: BodyFormat,
    /// Body of the detail view that is shown.
    pub part: BodySide,
    /// Folded objects and arrays, of all bodies.
    pub folds: &'a BTreeSet<FoldPoint>,
    /// Bar drawn before every line, to mark signed content; `None` draws no bar.
    pub bar: Option<&'static str>,
    /// Available width, in terminal columns.
    pub room: usize,
    /// Colour theme that the lines are styled with.
    pub theme: Theme,
}

/// Heading of a body: name, size, whether it is truncated, and the format in use.
#[must_use]
pub fn heading(name: &str, body: &CapturedBody, mode: BodyFormat) -> String {
    let size = format!("{name}, {}", text::count(body.n_bytes, "byte"));
    let cut = if body.truncated { ", truncated" } else { "" };
    let view = match (&body.text, mode) {
        (_, BodyFormat::Hex) => "  (hex)",
        (None, _) => "  (not UTF-8: hex)",
        (Some(text), BodyFormat::Json) if json::is_json(text.raw()) => "  (JSON: only line breaks added)",
        (Some(_), _) => "  (text)",
    };
    format!("{size}{cut}{view}")
}

/// Lines of a body, each at most `room` columns wide.
#[must_use]
pub fn entries(body: &CapturedBody, shown: &BodyDisplay<'_>) -> Vec<DetailLine> {
    if body.text.as_ref().is_some_and(|text| text.raw().is_empty()) {
        return vec![barred(shown, vec![Span::styled("empty", shown.theme.style(StyleRole::Dim))], None)];
    }
    match (&body.text, shown.mode) {
        (Some(text), BodyFormat::Json) if json::is_json(text.raw()) => structured(text.raw(), shown),
        (Some(text), BodyFormat::Json | BodyFormat::Text) => plain(text.raw(), shown),
        _ => hex(body, shown),
    }
}

fn columns(shown: &BodyDisplay<'_>) -> usize {
    shown.room.saturating_sub(shown.bar.map_or(0, |bar| format::width(bar) + 1))
}

fn barred(shown: &BodyDisplay<'_>, spans: Vec<Span<'static>>, does: Option<LineAction>) -> DetailLine {
    let bar = shown.bar.map(|bar| Span::styled(format!("{bar} "), shown.theme.style(StyleRole::Accent)));
    DetailLine { line: Line::from(bar.into_iter().chain(spans).collect::<Vec<_>>()), action: does }
}

fn more(shown: &BodyDisplay<'_>, n_bytes: usize) -> Option<DetailLine> {
    let text = format!("… {} not shown", text::count(n_bytes, "more byte"));
    (n_bytes > 0).then(|| barred(shown, vec![Span::styled(text, shown.theme.style(StyleRole::Dim))], None))
}

fn plain(text: &str, shown: &BodyDisplay<'_>) -> Vec<DetailLine> {
    let end = text.floor_char_boundary(MAX_BODY_BYTES_SHOWN);
    let style = shown.theme.style(StyleRole::Text);
    let lines =
        text[..end].split('\n').flat_map(|line| format::wrap(&Untrusted::new(line).sanitized(), columns(shown)));
    let entries = lines.map(|line| barred(shown, vec![Span::styled(line, style)], None));
    entries.chain(more(shown, text.len() - end)).collect()
}

/// Lays out JSON with a line per member; a folded object or array takes one line.
fn structured(text: &str, shown: &BodyDisplay<'_>) -> Vec<DetailLine> {
    let lines = json::lines(text);
    let mut entries = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        if line.start_byte > MAX_BODY_BYTES_SHOWN {
            entries.extend(more(shown, text.len() - line.start_byte));
            break;
        }
        let node = line.closing_line.map(|_| FoldPoint { part: shown.part, byte_offset: line.start_byte });
        let folded = node.is_some_and(|node| shown.folds.contains(&node));
        let mut spans = spans(text, line, shown.theme);
        if let (true, Some(end)) = (folded, line.closing_line) {
            let hidden = format!(" … {} … ", text::count(end - at - 1, "line"));
            spans.push(Span::styled(hidden, shown.theme.style(StyleRole::Dim)));
            spans.extend(
                lines.get(end).map(|last| self::spans(text, last, shown.theme)).unwrap_or_default().split_off(1),
            );
            at = end;
        }
        for (position, piece) in pieces(spans, columns(shown)).into_iter().enumerate() {
            entries.push(barred(shown, piece, node.filter(|_| position == 0).map(LineAction::Fold)));
        }
        at += 1;
    }
    entries
}

/// Styled tokens of a line, as they were sent; the first span is the indentation.
fn spans(text: &str, line: &json::JsonLine, theme: Theme) -> Vec<Span<'static>> {
    let quiet = |role| theme.style(role).remove_modifier(ratatui::style::Modifier::BOLD);
    let mut spans = vec![Span::raw("  ".repeat(line.depth))];
    for (kind, range) in &line.tokens {
        let style = match kind {
            json::JsonTokenKind::Name => quiet(StyleRole::Accent),
            json::JsonTokenKind::Text => theme.style(StyleRole::Text),
            json::JsonTokenKind::Value => theme.style(StyleRole::Strong),
            json::JsonTokenKind::Mark => theme.style(StyleRole::Dim),
        };
        let token = Untrusted::new(&text[range.clone()]).sanitized();
        spans.push(Span::styled(if &text[range.clone()] == ":" { ": ".to_owned() } else { token }, style));
    }
    spans
}

/// Breaks spans into lines of at most `room` columns.
fn pieces(spans: Vec<Span<'static>>, room: usize) -> Vec<Vec<Span<'static>>> {
    let room = room.max(2);
    let mut lines = vec![Vec::new()];
    let mut used = 0;
    for span in spans {
        let mut rest = span.content.into_owned();
        while used + format::width(&rest) > room {
            let left = room - used;
            let first = format::wrap(&rest, left).into_iter().next().unwrap_or_default();
            // A wide character needs two columns; a narrower rest of the line is left empty.
            if left >= 2 {
                rest = rest.split_off(first.len());
                add(&mut lines, Span::styled(first, span.style));
            }
            lines.push(Vec::new());
            used = 0;
        }
        used += format::width(&rest);
        add(&mut lines, Span::styled(rest, span.style));
    }
    lines
}

fn add(lines: &mut [Vec<Span<'static>>], span: Span<'static>) {
    if let Some(line) = lines.last_mut() {
        line.push(span);
    }
}

fn hex(body: &CapturedBody, shown: &BodyDisplay<'_>) -> Vec<DetailLine> {
    let bytes = match (&body.text, STANDARD.decode(&body.base64)) {
        (_, Ok(bytes)) if !bytes.is_empty() => bytes,
        (Some(text), _) => text.raw().as_bytes().to_vec(),
        (None, _) => Vec::new(),
    };
    if bytes.is_empty() {
        return vec![barred(shown, vec![Span::styled("not stored", shown.theme.style(StyleRole::Dim))], None)];
    }
    let end = bytes.len().min(MAX_BODY_BYTES_SHOWN);
    // Address, bytes and their characters: as many bytes per line as fit, in groups of four.
    let per_line = (columns(shown).saturating_sub(12) / 4 / 4 * 4).clamp(4, MAX_HEX_BYTES_PER_LINE);
    let lines = bytes[..end].chunks(per_line).enumerate().map(|(position, chunk)| {
        let mut pairs = String::new();
        for byte in chunk {
            let _ = write!(pairs, "{byte:02x} ");
        }
        let characters =
            chunk.iter().map(|byte| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' });
        let spans = vec![
            Span::styled(format!("{:08x}  ", position * per_line), shown.theme.style(StyleRole::Dim)),
            Span::styled(format!("{pairs:<width$} ", width = per_line * 3), shown.theme.style(StyleRole::Text)),
            Span::styled(characters.collect::<String>(), shown.theme.style(StyleRole::Dim)),
        ];
        barred(shown, spans, None)
    });
    lines.chain(more(shown, bytes.len() - end)).collect()
}

/// Fold points of a body, without the outermost one.
#[must_use]
pub fn fold_points(body: &CapturedBody, part: BodySide) -> Vec<FoldPoint> {
    let Some(text) = body.text.as_ref().filter(|text| json::is_json(text.raw())) else { return Vec::new() };
    let lines = json::lines(text.raw());
    let inner = lines.iter().filter(|line| line.closing_line.is_some() && line.depth > 0);
    inner.map(|line| FoldPoint { part, byte_offset: line.start_byte }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(folds: &BTreeSet<FoldPoint>, mode: BodyFormat, room: usize) -> BodyDisplay<'_> {
        BodyDisplay { mode, part: BodySide::Sent, folds, bar: None, room, theme: Theme::default() }
    }

    fn text(entries: &[DetailLine]) -> Vec<String> {
        entries.iter().map(|entry| entry.line.to_string()).collect()
    }

    fn body(text: &str) -> CapturedBody {
        CapturedBody::new(text.as_bytes(), text.len() as u64)
    }

    #[test]
    fn what_is_folded_takes_one_line() {
        let body = body(r#"{"a":{"b":1,"c":[2,3]},"d":[]}"#);
        let nodes = fold_points(&body, BodySide::Sent);
        assert_eq!(nodes.len(), 2);
        let folds = BTreeSet::from([nodes[0]]);
        let lines = text(&entries(&body, &shown(&folds, BodyFormat::Json, 60)));
        assert_eq!(lines, ["{", "  \"a\": { … 5 lines … },", "  \"d\": []", "}"]);
    }

    #[test]
    fn bytes_are_shown_with_their_characters() {
        let lines = text(&entries(&body("{\"é\":1}\n"), &shown(&BTreeSet::new(), BodyFormat::Hex, 80)));
        assert_eq!(lines, [format!("00000000  {:<48} {}", "7b 22 c3 a9 22 3a 31 7d 0a", "{\"..\":1}.")]);
        let broken = CapturedBody::new(&[0xff, 0x00], 2);
        assert!(
            text(&entries(&broken, &shown(&BTreeSet::new(), BodyFormat::Json, 80)))[0].starts_with("00000000  ff 00 ")
        );
    }

    #[test]
    fn a_body_without_end_says_how_much_of_it_is_not_shown() {
        let long = body(&"x".repeat(MAX_BODY_BYTES_SHOWN + 5));
        for mode in [BodyFormat::Text, BodyFormat::Hex] {
            let lines = text(&entries(&long, &shown(&BTreeSet::new(), mode, 100)));
            assert_eq!(lines.last().map(String::as_str), Some("… 5 more bytes not shown"));
        }
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_its_room_and_no_token_is_lost(
            texts in proptest::collection::vec("[a-zäö\u{4e00}-\u{4e20}\\\\\"]{0,30}", 0..6), room in 8_usize..40,
        ) {
            let json = serde_json::to_string(&texts).expect("JSON");
            let entries = entries(&body(&json), &shown(&BTreeSet::new(), BodyFormat::Json, room));
            let lines = text(&entries);
            prop_assert!(lines.iter().all(|line| format::width(line) <= room), "{lines:?}");
            let shown: String = lines.concat().split_whitespace().collect();
            let sent: String = json.split_whitespace().collect();
            prop_assert_eq!(shown, sent);
        }
    }
}
