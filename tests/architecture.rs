//! Holds the walls between the layers.
