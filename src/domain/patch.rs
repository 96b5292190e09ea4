//! Change of one field in a PATCH: keep, clear or set. An absent field and a null field mean different things.

/// Requested change of one field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum FieldPatch<T> {
    /// The field was absent and keeps its value.
    #[default]
    Keep,
    /// The field was null and is cleared, where it is optional.
    Clear,
    /// The field was given and takes this value.
    Set(T),
}

impl<T> FieldPatch<T> {
    /// Returns whether the field keeps its value.
    pub const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// Applies the change to an optional field.
    pub fn apply(self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value),
        }
    }

    /// Applies the change to a required field; returns `false` if the change would clear the field.
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
