//! The `Range` header, of one range. Several, and units other than bytes, are answered with the whole.

use axum::http::{HeaderMap, HeaderValue, header};
use std::ops::Range;

/// No byte of the range is there.
#[derive(Debug, PartialEq, Eq)]
pub struct Unsatisfiable;

/// The bytes that are asked for, of `total`; None for all of them.
pub fn of(headers: &HeaderMap, total: u64) -> Result<Option<Range<u64>>, Unsatisfiable> {
    let Some(spec) = headers
        .get(header::RANGE)
        .and_then(|value| value.to_str().ok()?.strip_prefix("bytes="))
        .filter(|spec| !spec.contains(','))
    else {
        return Ok(None);
    };
    // A header that cannot be read is as good as none.
    let Some((from, to)) = spec.split_once('-') else { return Ok(None) };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let found = match (from.trim(), to.trim()) {
        ("", "") => return Ok(None),
        ("", suffix) => number(suffix).map(|bytes| total.saturating_sub(bytes)..total),
        (from, "") => number(from).map(|from| from..total),
        (from, to) => number(from)
            .zip(number(to))
            .and_then(|(from, to)| (from <= to).then(|| from..to.saturating_add(1).min(total))),
    };
    match found {
        None => Ok(None),
        Some(part) if part.start < part.end => Ok(Some(part)),
        Some(_) => Err(Unsatisfiable),
    }
}

/// Of digits and punctuation.
pub fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_read() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, HeaderValue::from_str(text).unwrap());
            of(&headers, 10)
        };
        assert_eq!(of("bytes=2-4"), Ok(Some(2..5)));
        assert_eq!(of("bytes=7-"), Ok(Some(7..10)));
        assert_eq!(of("bytes=-3"), Ok(Some(7..10)));
        assert_eq!(of("bytes=0-18446744073709551615"), Ok(Some(0..10)));
        for none in ["bytes=1-2,4-5", "rows=1-2", "bytes=x", "bytes=4-2", "bytes=-"] {
            assert_eq!(of(none), Ok(None), "{none}");
        }
        for bad in ["bytes=10-", "bytes=11-12", "bytes=-0"] {
            assert_eq!(of(bad), Err(Unsatisfiable), "{bad}");
        }
        assert_eq!(super::of(&HeaderMap::new(), 10), Ok(None));
    }
}
