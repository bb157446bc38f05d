//! Page tokens: opaque to clients, checked when they come back. A token is the position behind the
//! last row of a page, so a page costs the same wherever it lies.

use crate::{ApiError, Result};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

const TOKEN_BYTES_MAX: usize = 4096;

pub fn encode<T: Serialize>(position: &T) -> String {
    // Positions are plain data; a failure would be a bug that the decoder then reports.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(position).unwrap_or_default())
}

/// Empty and absent both mean the first page.
pub fn decode<T: DeserializeOwned>(token: Option<&str>) -> Result<Option<T>> {
    let Some(token) = token.filter(|token| !token.is_empty()) else {
        return Ok(None);
    };
    let invalid =
        || ApiError::invalid("page_token is not one this server gave out. Start again without it.");
    if token.len() > TOKEN_BYTES_MAX {
        return Err(invalid());
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid())?;
    serde_json::from_slice(&bytes).map(Some).map_err(|_| invalid())
}

/// Page size: absent and 0 mean `default`, more than `max` means `max`, negative is an error.
pub fn size(asked: Option<i64>, default: usize, max: usize) -> Result<usize> {
    match asked {
        None | Some(0) => Ok(default),
        Some(n) if n < 0 => Err(ApiError::invalid("The page size must not be negative.")),
        Some(n) => Ok(usize::try_from(n).unwrap_or(max).min(max)),
    }
}

/// Cuts rows fetched with `limit + 1` to a page and gives the token of the next.
pub fn cut<R, T: Serialize>(
    mut rows: Vec<R>,
    limit: usize,
    position: impl Fn(&R) -> T,
) -> (Vec<R>, Option<String>) {
    if rows.len() <= limit {
        return (rows, None);
    }
    rows.truncate(limit);
    let token = rows.last().map(|row| encode(&position(row)));
    (rows, token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_round_trip_and_garbage_is_refused() {
        let token = encode(&("a", 3));
        assert_eq!(decode::<(String, i64)>(Some(&token)).unwrap(), Some(("a".into(), 3)));
        assert_eq!(decode::<String>(Some("")).unwrap(), None);
        for bad in ["%", "x", &"A".repeat(10_000), "bnVsbA"] {
            assert!(decode::<(String, i64)>(Some(bad)).is_err());
        }
    }

    #[test]
    fn a_page_is_cut_with_the_position_of_its_last_row() {
        let (rows, token) = cut(vec![1, 2, 3], 2, |row| *row);
        assert_eq!(rows, [1, 2]);
        assert_eq!(decode::<i32>(token.as_deref()).unwrap(), Some(2));
        assert_eq!(cut(vec![1], 2, |row| *row).1, None);
    }
}
