//! The console against a platform, its screens as text.
