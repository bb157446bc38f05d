//! Serving linked chunks.
