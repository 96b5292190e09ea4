//! Sieve for lists that exceed the size limit of an answer: oversized rows are replaced by a note, so that the other rows are read.

use std::ops::Range;

/// Maximum size of an answer in bytes. A page of the platform ends at 4 MiB.
pub(super) const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of a list that are read from the connection, with the rows that are not kept.
const MAX_STREAMED_BYTES: usize = 32 * 1024 * 1024;
/// The largest row that always keeps its place: an envelope has 1 MiB at most.
const MAX_ROW_BYTES: usize = 2 * 1024 * 1024;
/// Bytes of a row's beginning that stand in its place.
const MAX_HEAD_BYTES: usize = 200;

/// Bytes of a list as they arrive. Up to [`MAX_ANSWER_BYTES`] they are kept unchanged. Beyond that, rows of more than [`MAX_ROW_BYTES`] are
/// replaced, largest first, by a JSON string with their size and beginning. A row is an element of an array that is in no other array.
#[derive(Debug, Default)]
pub(super) struct RowSieve {
    kept: Vec<u8>,
    n_streamed: usize,
    depth: usize,
    is_in_text: bool,
    is_escaped: bool,
    /// The depth inside the array that is open.
    rows_at: Option<usize>,
    /// Where the row that is open begins in what is kept.
    open: Option<usize>,
    /// Bytes of the row that is open, once it is no longer kept.
    n_dropped: Option<usize>,
    /// Rows of more than [`MAX_ROW_BYTES`] that ended and are kept, in order.
    large: Vec<Range<usize>>,
}

/// The list is longer than is read, and no row can give up its place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ListOverflow;

impl RowSieve {
    /// Takes the next bytes.
    pub(super) fn take(&mut self, chunk: &[u8]) -> Result<(), ListOverflow> {
        self.n_streamed += chunk.len();
        if self.n_streamed > MAX_STREAMED_BYTES {
            return Err(ListOverflow);
        }
        // Nothing is looked at until the limit is exceeded: most lists are within it.
        if self.n_streamed <= MAX_ANSWER_BYTES {
            self.kept.extend_from_slice(chunk);
            return Ok(());
        }
        let is_first = self.n_streamed - chunk.len() <= MAX_ANSWER_BYTES;
        let before = if is_first { std::mem::take(&mut self.kept) } else { Vec::new() };
        for byte in before.iter().chain(chunk) {
            self.step(*byte);
        }
        while self.kept.len() > MAX_ANSWER_BYTES {
            self.shed()?;
        }
        Ok(())
    }

    /// Returns the bytes that were kept.
    pub(super) fn finish(self) -> Vec<u8> {
        self.kept
    }

    fn step(&mut self, byte: u8) {
        let is_text = self.is_in_text;
        if is_text {
            self.is_in_text = byte != b'"' || self.is_escaped;
            self.is_escaped = byte == b'\\' && !self.is_escaped;
            return self.keep(byte);
        }
        let is_at_rows = self.rows_at == Some(self.depth);
        match byte {
            b',' | b']' if is_at_rows => self.end_row(),
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ if is_at_rows && self.open.is_none() => self.open = Some(self.kept.len()),
            _ => {}
        }
        match byte {
            b'"' => self.is_in_text = true,
            b'{' => self.depth += 1,
            b'[' => {
                self.depth += 1;
                self.rows_at = self.rows_at.or(Some(self.depth));
            }
            b'}' => self.depth = self.depth.saturating_sub(1),
            b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.rows_at = self.rows_at.filter(|_| !is_at_rows);
            }
            _ => {}
        }
        self.keep(byte);
    }

    fn keep(&mut self, byte: u8) {
        match &mut self.n_dropped {
            Some(n) => *n += 1,
            None => self.kept.push(byte),
        }
    }

    fn end_row(&mut self) {
        let Some(from) = self.open.take() else { return };
        if let Some(n) = self.n_dropped.take() {
            let said = stub(n, &self.kept[from..]);
            self.kept.truncate(from);
            self.kept.extend(said);
        } else if self.kept.len() - from > MAX_ROW_BYTES {
            self.large.push(from..self.kept.len());
        }
    }

    /// Lets go of the largest row that may be let go of.
    fn shed(&mut self) -> Result<(), ListOverflow> {
        let open = self.open.filter(|_| self.n_dropped.is_none());
        let n_open = open.map_or(0, |from| self.kept.len() - from);
        let largest = (0..self.large.len()).max_by_key(|place| self.large[*place].len());
        match (largest.filter(|place| self.large[*place].len() >= n_open), open) {
            (Some(place), _) => {
                let row = self.large.remove(place);
                let said = stub(row.len(), &self.kept[row.start..row.end.min(row.start + MAX_HEAD_BYTES)]);
                let n_less = row.len() - said.len();
                self.kept.splice(row.clone(), said);
                for later in self.large.iter_mut().skip(place) {
                    *later = later.start - n_less..later.end - n_less;
                }
                self.open = self.open.map(|from| from - n_less);
                Ok(())
            }
            (None, Some(from)) if n_open > MAX_ROW_BYTES => {
                self.kept.truncate(from + MAX_HEAD_BYTES);
                self.n_dropped = Some(n_open);
                Ok(())
            }
            _ => Err(ListOverflow),
        }
    }
}

/// Text that replaces a row which is too long.
fn stub(n: usize, head: &[u8]) -> Vec<u8> {
    let head = &head[..head.len().min(MAX_HEAD_BYTES)];
    let said = format!("a row of {n} bytes, which was not kept; it began: {}", String::from_utf8_lossy(head));
    serde_json::Value::String(said).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    const MIB: usize = 1024 * 1024;

    fn row(id: usize, n: usize) -> String {
        format!(r#"{{"id":{id},"tags":["]",",\"["],"text":"{}"}}"#, "x".repeat(n))
    }

    /// Sieves in pieces that end anywhere.
    fn sieved(text: &str) -> Result<Vec<Value>, ListOverflow> {
        let mut sieve = RowSieve::default();
        for chunk in text.as_bytes().chunks(65_537) {
            sieve.take(chunk)?;
        }
        let kept = sieve.finish();
        assert!(kept.len() <= MAX_ANSWER_BYTES);
        let value: Value = serde_json::from_slice(&kept).expect("JSON");
        assert!(value["next"] == "]" || value.is_array());
        let rows = if value.is_array() { &value } else { &value["data"]["items"] };
        Ok(rows.as_array().expect("rows").clone())
    }

    fn page(rows: &[String]) -> String {
        format!(r#"{{"data":{{"items": [{}]}},"next":"]"}}"#, rows.join(",\n "))
    }

    #[test]
    fn what_fits_is_kept_byte_for_byte() {
        let text = page(&[row(1, 3 * MIB), row(2, 4 * MIB)]);
        let mut sieve = RowSieve::default();
        assert_eq!(sieve.take(text.as_bytes()), Ok(()));
        assert_eq!(sieve.finish(), text.as_bytes());
    }

    #[test]
    fn a_row_that_is_too_large_gives_up_its_place_and_no_other_does() {
        for place in 0..3 {
            for n in [9 * MIB, 17 * MIB] {
                let mut rows = [row(0, 10), row(1, 10), row(2, 10)];
                rows[place] = row(place, n);
                for text in [page(&rows), format!("[{}]", rows.join(","))] {
                    let came = sieved(&text).expect("it fits");
                    let ids: Vec<Option<usize>> =
                        came.iter().map(|row| row["id"].as_u64().and_then(|id| id.try_into().ok())).collect();
                    let expected: Vec<Option<usize>> = (0..3).map(|id| (id != place).then_some(id)).collect();
                    assert_eq!(ids, expected);
                    let said = came[place].as_str().expect("a text");
                    assert!(said.starts_with(&format!("a row of {} bytes", rows[place].len())), "{said}");
                    assert!(said.contains(&format!("{{\"id\":{place},")), "{said}");
                }
            }
        }
    }

    #[test]
    fn the_largest_go_first_and_only_as_many_as_must() {
        let rows = [row(0, 3 * MIB), row(1, 4 * MIB), row(2, 10), row(3, 3 * MIB)];
        let came = sieved(&page(&rows)).expect("it fits");
        assert_eq!(came.iter().map(Value::is_string).collect::<Vec<_>>(), [false, true, false, false]);
    }

    #[test]
    fn many_rows_that_are_not_large_overflow_and_so_does_a_text_outside_rows() {
        let rows: Vec<String> = (0..10).map(|id| row(id, MIB)).collect();
        assert_eq!(sieved(&page(&rows)), Err(ListOverflow));
        assert_eq!(sieved(&format!(r#"{{"next":"{}"}}"#, "x".repeat(9 * MIB))), Err(ListOverflow));
        assert_eq!(sieved(&page(&[row(0, 70 * MIB)])), Err(ListOverflow));
    }
}
