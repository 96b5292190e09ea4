//! Validation errors of the fields of a request.

/// Validation error of one field; the text continues a sentence that begins with the field's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Name of the field as the caller sent it.
    pub field: &'static str,
    /// Rule that the value breaks, worded as `must …`.
    pub text: String,
}

impl FieldError {
    /// Creates the validation error of a field.
    #[must_use]
    pub fn new(field: &'static str, text: impl Into<String>) -> Self {
        Self { field, text: text.into() }
    }
}

/// Validates the name of a company, key or operator: 1 to `longest` characters, without control characters.
#[must_use]
pub fn validate_name(name: &str, longest: usize) -> Option<FieldError> {
    if name.trim().is_empty() || name.chars().count() > longest {
        return Some(FieldError::new("name", format!("must have 1 to {longest} characters")));
    }
    name.chars().any(char::is_control).then(|| FieldError::new("name", "must not contain control characters"))
}
