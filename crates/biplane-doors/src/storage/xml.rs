//! Answers of the door itself, as S3 gives them.

use crate::http_text::{self, Body};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode};

/// Whoever has too many connections is not waited for.
pub const SLOW_DOWN: &[u8] = b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\n\
    Content-Length: 91\r\nConnection: close\r\n\r\n\
    <Error><Code>SlowDown</Code><Message>Too many connections of this sandbox</Message></Error>";

pub fn error(method: &Method, status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{}</Message></Error>",
        escape(message)
    );
    let mut answer = document(text);
    *answer.status_mut() = status;
    if method == Method::HEAD {
        *answer.body_mut() = http_text::empty();
    }
    answer
}

pub fn document(text: String) -> Response<Body> {
    let mut answer = Response::new(http_text::full(text));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    answer
}

pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            // In a text, parsers make of them what they like.
            '\r' | '\n' | '\t' => escaped.push_str(&format!("&#{};", u32::from(character))),
            other => escaped.push(other),
        }
    }
    escaped
}

/// None for what is not one of the five entities or a number.
pub fn unescape(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        let (entity, next) = after.split_once(';')?;
        plain.push_str(before);
        plain.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            number => {
                let digits = number.strip_prefix('#')?;
                let code = match digits.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16),
                    None => digits.parse(),
                };
                char::from_u32(code.ok()?)?
            }
        });
        rest = next;
    }
    plain.push_str(rest);
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_go_there_and_back() {
        let text = "a<b>&\"'é\n\t;#x";
        assert_eq!(unescape(&escape(text)).as_deref(), Some(text));
        assert_eq!(unescape("&#x41;&#66;").as_deref(), Some("AB"));
        for wrong in ["&", "&amp", "&foo;", "&#xZZ;", "&#1114112;", "&#;"] {
            assert_eq!(unescape(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_canned_answer_has_its_length() {
        let text = String::from_utf8_lossy(SLOW_DOWN);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{}", body.len());
    }
}
