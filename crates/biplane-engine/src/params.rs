//! Parameters of a statement, bound as typed values, never as text.
