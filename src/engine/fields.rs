//! Validation rules of action fields. Every check appends to a list, so that a caller sees all invalid fields at
//! once.

use super::error::Error;
use crate::domain::company::{ClientStatus, ContactDetails, PostalAddress};
use crate::domain::field_error::FieldError;

/// Validation errors collected so far, in check order.
#[derive(Debug, Default)]
pub(super) struct FieldErrors(pub(super) Vec<FieldError>);

impl FieldErrors {
    /// Records a validation error unless `holds` is true.
    pub(super) fn require(&mut self, holds: bool, field: &'static str, text: &str) {
        if !holds {
            self.0.push(FieldError::new(field, text));
        }
    }

    /// Checks an optional text of 1 to `longest` characters.
    pub(super) fn check_text(&mut self, field: &'static str, text: Option<&str>, longest: usize) {
        let fits = text.is_none_or(|text| !text.trim().is_empty() && text.chars().count() <= longest);
        self.require(fits, field, &format!("must have 1 to {longest} characters"));
    }

    /// Checks an optional number that refers to a record elsewhere.
    pub(super) fn check_number(&mut self, field: &'static str, number: Option<i64>) {
        self.require(number.is_none_or(|number| number > 0), field, "must be a positive whole number");
    }

    pub(super) fn check_person(&mut self, person: &ContactDetails) {
        self.check_text("first_name", Some(&person.first_name), 100);
        self.check_text("last_name", Some(&person.last_name), 100);
        self.require(is_email(&person.email), "email", "must be an address with one @ and at most 254 characters");
        let is_phone = person.phone.as_deref().is_none_or(is_phone);
        self.require(is_phone, "phone", "must have digits, +, spaces, dashes and parentheses only, at most 32");
    }

    pub(super) fn check_address(&mut self, address: &PostalAddress) {
        self.check_text("city", address.city.as_deref(), 100);
        let state = address.state.as_deref().map_or(2, |state| state.trim().chars().count().min(state.chars().count()));
        self.require((2..=50).contains(&state), "state", "must have 2 to 50 characters");
        self.check_text("zip", address.zip.as_deref(), 10);
    }

    /// Resolves a status from its name, its number or both, which must agree; `None` if neither is given.
    pub(super) fn resolve_status(
        &mut self,
        fields: [&'static str; 2],
        name: Option<&str>,
        number: Option<i64>,
    ) -> Option<ClientStatus> {
        let named = name.and_then(ClientStatus::named);
        let numbered = number.and_then(ClientStatus::from_id);
        self.require(name.is_none() || named.is_some(), fields[0], "must be the name of a status");
        self.require(number.is_none() || numbered.is_some(), fields[1], "must be the ID of a status");
        if let (Some(named), Some(numbered)) = (named, numbered) {
            self.require(named == numbered, fields[1], &format!("must agree with {}, or be left out", fields[0]));
        }
        named.or(numbered)
    }

    /// Returns all validation errors, if there are any.
    pub(super) fn into_result(self) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Invalid(self.0)) }
    }
}

pub(super) fn is_email(email: &str) -> bool {
    email.matches('@').count() == 1
        && !email.starts_with('@')
        && !email.ends_with('@')
        && email.len() <= 254
        && !email.chars().any(|c| c.is_whitespace() || c.is_control())
}

pub(super) fn is_phone(phone: &str) -> bool {
    phone.len() <= 32
        && phone.bytes().any(|byte| byte.is_ascii_digit())
        && phone.bytes().all(|byte| byte.is_ascii_digit() || b"+ -()".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_named_at_once() {
        let mut faults = FieldErrors::default();
        faults.check_person(&ContactDetails {
            email: "no".into(),
            phone: Some("call me".into()),
            ..ContactDetails::default()
        });
        faults.check_address(&PostalAddress {
            city: Some(String::new()),
            state: Some("T".into()),
            zip: Some("12345-678901".into()),
        });
        let fields: Vec<&str> = faults.0.iter().map(|fault| fault.field).collect();
        assert_eq!(fields, ["first_name", "last_name", "email", "phone", "city", "state", "zip"]);
    }

    #[test]
    fn what_is_an_address_and_what_a_number() {
        assert!(is_email("ada@example.com") && !is_email("a@b@c") && !is_email("@a") && !is_email("a b@c"));
        assert!(is_phone("+1 (555) 010-0000") && !is_phone("()") && !is_phone("555.010.0000"));
    }

    #[test]
    fn a_status_is_found_by_either_and_both_must_agree() {
        let found = |name, number| {
            let mut faults = FieldErrors::default();
            let status = faults.resolve_status(["status", "status_id"], name, number).map(|status| status.id);
            (status, faults.0.len())
        };
        assert_eq!(found(Some("Client - Active"), None), (Some(42), 0));
        assert_eq!(found(None, Some(42)), (Some(42), 0));
        assert_eq!(found(Some("Client - Active"), Some(42)), (Some(42), 0));
        assert_eq!(found(Some("Client - Active"), Some(43)), (Some(42), 1));
        assert_eq!(found(Some("client - active"), Some(7)), (None, 2));
        assert_eq!(found(None, None), (None, 0));
    }
}
