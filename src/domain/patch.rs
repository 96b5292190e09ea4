//! A change to one field: leave it, clear it, or set it. Absent and null are different things in a PATCH.

/// What a caller wants of a field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Patch<T> {
    /// The field was not given: it stays.
    #[default]
    Keep,
    /// The field was null: it is cleared, where that is possible.
    Clear,
    /// The field has this value from now on.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether the field stays as it is.
    pub const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// An optional field after the change.
    pub fn apply(self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value),
        }
    }

    /// A required field after the change; `false` if it was to be cleared, which it cannot.
    #[must_use]
    pub fn apply_required(self, field: &mut T) -> bool {
        match self {
            Self::Keep => true,
            Self::Clear => false,
            Self::Set(value) => {
                *field = value;
                true
            }
        }
    }
}
