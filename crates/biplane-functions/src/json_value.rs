//! A JSON value with its keys in the order and its numbers in the digits they were written in.

use std::fmt;

/// Deeper is no JSON here.
const DEPTH_MAX: usize = 128;

#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The value in front of a text. As Jackson does, what comes behind it is not looked at.
    pub fn first(text: &str) -> Option<Self> {
        Reader { rest: text }.value(0)
    }

    /// The value that is the whole text.
    pub fn whole(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text };
        let value = reader.value(0)?;
        reader.blank().is_empty().then_some(value)
    }
}

struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn blank(&mut self) -> &'t str {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        self.rest
    }

    fn eat(&mut self, token: &str) -> bool {
        match self.blank().strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        if depth > DEPTH_MAX {
            return None;
        }
        match self.blank().bytes().next()? {
            b'{' => self.object(depth),
            b'[' => self.list(depth),
            b'"' => self.text().map(Json::Text),
            b't' => self.eat("true").then_some(Json::Bool(true)),
            b'f' => self.eat("false").then_some(Json::Bool(false)),
            b'n' => self.eat("null").then_some(Json::Null),
            _ => self.number(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Json> {
        let mut entries = Vec::new();
        self.eat("{");
        if self.eat("}") {
            return Some(Json::Object(entries));
        }
        loop {
            let key = self.blank().starts_with('"').then(|| self.text())??;
            if !self.eat(":") {
                return None;
            }
            entries.push((key, self.value(depth + 1)?));
            if self.eat("}") {
                return Some(Json::Object(entries));
            }
            if !self.eat(",") {
                return None;
            }
        }
    }

    fn list(&mut self, depth: usize) -> Option<Json> {
        let mut items = Vec::new();
        self.eat("[");
        if self.eat("]") {
            return Some(Json::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.eat("]") {
                return Some(Json::List(items));
            }
            if !self.eat(",") {
                return None;
            }
        }
    }

    fn number(&mut self) -> Option<Json> {
        let is_part = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        let bare = number.strip_prefix('-').unwrap_or(number);
        let whole = bare.bytes().take_while(u8::is_ascii_digit).count();
        let is_number = whole > 0
            && (whole == 1 || !bare.starts_with('0'))
            && !bare.ends_with('.')
            && !bare.contains(".e")
            && number.parse::<f64>().is_ok();
        self.rest = rest;
        is_number.then(|| Json::Number(number.to_owned()))
    }

    fn text(&mut self) -> Option<String> {
        let body = self.rest.strip_prefix('"')?;
        let mut out = String::new();
        let mut letters = body.char_indices();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.rest = &body[at + 1..];
                    return Some(out);
                }
                '\\' => out.push(match letters.next()?.1 {
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'u' => {
                        let unit = |letters: &mut std::str::CharIndices<'_>| {
                            let mut digits = letters.by_ref().take(4);
                            digits.try_fold(0_u32, |sum, (_, digit)| {
                                Some(sum * 16 + digit.to_digit(16)?)
                            })
                        };
                        let high = unit(&mut letters)?;
                        let code = if (0xd800..0xdc00).contains(&high) {
                            let marks = (letters.next()?.1, letters.next()?.1);
                            let low = unit(&mut letters)?;
                            (marks == ('\\', 'u') && (0xdc00..0xe000).contains(&low))
                                .then(|| 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))?
                        } else {
                            high
                        };
                        char::from_u32(code)?
                    }
                    same @ ('"' | '\\' | '/') => same,
                    _ => return None,
                }),
                control if control < ' ' => return None,
                letter => out.push(letter),
            }
        }
        None
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(number) => f.write_str(number),
            Self::Text(text) => quoted(f, text),
            Self::List(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if at > 0 { "," } else { "" })?;
                }
                f.write_str("]")
            }
            Self::Object(entries) => {
                f.write_str("{")?;
                for (at, (key, value)) in entries.iter().enumerate() {
                    f.write_str(if at > 0 { "," } else { "" })?;
                    quoted(f, key)?;
                    write!(f, ":{value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for letter in text.chars() {
        match letter {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            '\u{8}' => f.write_str("\\b")?,
            '\u{c}' => f.write_str("\\f")?,
            control if control < ' ' => write!(f, "\\u{:04X}", u32::from(control))?,
            letter => write!(f, "{letter}")?,
        }
    }
    f.write_str("\"")
}

#[cfg(test)]
mod tests {
    use super::Json;

    #[test]
    fn reads_and_writes() {
        for text in [r#"{"b":1.50,"a":[true,null,"x\ny"]}"#, "[]", "-1e5", r#""😀""#] {
            assert_eq!(Json::whole(text).map(|json| json.to_string()).as_deref(), Some(text));
        }
        assert_eq!(Json::whole(r#""\ud83d\ude00""#), Some(Json::Text("😀".to_owned())));
        let deep = "[".repeat(100_000);
        for text in ["[1,2", "01", "{a:1}", "1 2", "nul", "1.", "-", "\"\\x\"", deep.as_str()] {
            assert_eq!(Json::whole(text), None, "{}", &text[..text.len().min(20)]);
        }
        assert_eq!(Json::first("1 2"), Some(Json::Number("1".to_owned())));
    }
}
