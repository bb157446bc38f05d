//! Rows → bytes in the format asked for.
