//! Wording of what is wrong with a key, or with the place in which the key was sent. No sentence repeats the key.

use crate::domain::key::{KEY_SECRET_LENGTH, KeyFormatError, KeyMisplacement};

/// Words the defect of a text that is not a well-formed key, with the way out.
#[must_use]
pub fn malformed(fault: KeyFormatError) -> String {
    match fault {
        KeyFormatError::OuterSpace => "the key begins or ends with white space; send it without".to_owned(),
        KeyFormatError::InnerSpace => {
            "the key has white space or a character no key has inside it; copy it again in one piece".to_owned()
        }
        KeyFormatError::Prefix => "a key begins with wlcro_live_ or wlcro_".to_owned(),
        KeyFormatError::Company => "the part behind the prefix must be the company's number".to_owned(),
        KeyFormatError::Length { found } => format!(
            "the secret part of the key has {found} characters instead of {KEY_SECRET_LENGTH}; it was cut or extended"
        ),
    }
}

/// Words the place in which a key was sent instead of the header `X-Api-Key`.
#[must_use]
pub const fn misplaced(place: KeyMisplacement) -> &'static str {
    match place {
        KeyMisplacement::Authorization => "the Authorization header is not read here",
        KeyMisplacement::Query => {
            "a key in the query string is not read, and should be revoked because URLs are logged"
        }
        KeyMisplacement::OtherHeader => "a header with another name is not read; it is X-Api-Key",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_is_worded_with_its_numbers() {
        let cut = malformed(KeyFormatError::Length { found: 16 });
        assert_eq!(cut, "the secret part of the key has 16 characters instead of 43; it was cut or extended");
    }
}
