//! Response hints: what a receiver's response reveals about its verification, such as the signature it computed and its
//! clock.

use chrono::DateTime;

/// Maximum number of possible signatures taken from a response.
const MAX_SIGNATURES: usize = 16;

/// Finds every distinct text that could be a signature: 64 hex digits or the Base64 of 32 bytes, with or without a
/// prefix.
#[must_use]
pub fn possible_signatures(text: &str) -> Vec<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '-' | '_' | ':');
    let mut found: Vec<String> = Vec::new();
    for word in text.split(|c: char| !is_part(c)) {
        // Labels such as `received=sha256=…` and `computed:…` precede the signature in one word.
        let starts = word.match_indices(['=', ':']).map(|(at, _)| at + 1);
        let parts = std::iter::once(0).chain(starts).filter_map(|at| word.get(at..));
        let candidate = parts
            .filter(|part| is_plain(part) && super::parsed_signature::ParsedSignature::parse(part).is_some())
            .max_by_key(|part| part.len());
        if let Some(part) = candidate.filter(|part| !found.iter().any(|there| there == part)) {
            found.push(part.to_owned());
        }
        if found.len() == MAX_SIGNATURES {
            break;
        }
    }
    found
}

/// Returns whether a word has no label but `sha256=`, so that the label of an answer's member is not taken for a part of
/// the signature.
fn is_plain(word: &str) -> bool {
    let bare = match word.get(..7) {
        Some(prefix) if prefix.eq_ignore_ascii_case("sha256=") || prefix.eq_ignore_ascii_case("sha256:") => &word[7..],
        _ => word,
    };
    !bare.trim_end_matches('=').contains(['=', ':'])
}

/// Parses an HTTP date to Unix seconds: `Tue, 24 Nov 2026 15:00:10 GMT`.
#[must_use]
pub fn http_date(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc2822(text.trim()).ok().map(|date| date.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_found_where_receivers_put_them() {
        let hex = "25b2c4e04256107ce5aa02a8567dd81362807fa1f0d80a9250084846bd2d40b3";
        let base64 = "JbLE4EJWEHzlqgKoVn3YE2KAf6Hw2AqSUAhIRr0tQLM=";
        let text = format!(
            "{{\"error\":\"signature does not match\",\"computed\":\"sha256={hex}\",\"again\":\"sha256={hex}\"}} expected={hex} got:{base64}"
        );
        assert_eq!(possible_signatures(&text), [format!("sha256={hex}"), hex.to_owned(), base64.to_owned()]);
        assert_eq!(possible_signatures("nothing of the kind, 0123456789abcdef"), [""; 0]);
    }

    #[test]
    fn dates_of_answers_are_read() {
        assert_eq!(http_date("Tue, 24 Nov 2026 15:00:10 GMT"), Some(1_795_532_410));
        assert_eq!(http_date("yesterday"), None);
    }
}
