//! The body of a request that deletes many keys: read strictly, and written anew.

use super::name::is_key;
use super::xml::{escape, unescape};
use std::fmt::Write;

/// A thousand keys of a thousand bytes, escaped.
pub const BODY_BYTES_MAX: usize = 4 << 20;
const KEYS_MAX: usize = 1000;

#[derive(Debug, PartialEq, Eq)]
pub struct Delete {
    pub keys: Vec<String>,
    pub quiet: bool,
}

impl Delete {
    /// Only what clients really send: `<Delete>` of `<Object><Key>…</Key></Object>` and `<Quiet>`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader(text.trim());
        if reader.0.starts_with("<?xml") {
            reader.0 = reader.0.split_once("?>")?.1;
        }
        reader.open_root("Delete")?;
        let mut delete = Self { keys: Vec::new(), quiet: false };
        loop {
            if reader.tag("</Delete>") {
                let ended = reader.0.trim().is_empty() && !delete.keys.is_empty();
                return ended.then_some(delete);
            }
            if reader.tag("<Object>") {
                let key = reader.element("Key")?;
                if !is_key(&key) || key.is_empty() || delete.keys.len() >= KEYS_MAX {
                    return None;
                }
                delete.keys.push(key);
                reader.tag("</Object>").then_some(())?;
            } else {
                delete.quiet = match reader.element("Quiet")?.as_str() {
                    "true" => true,
                    "false" => false,
                    _ => return None,
                };
            }
        }
    }

    pub fn write(&self) -> String {
        let mut text = String::from("<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
        for key in &self.keys {
            // Writing to a string does not fail.
            let _ = write!(text, "<Object><Key>{}</Key></Object>", escape(key));
        }
        if self.quiet {
            text.push_str("<Quiet>true</Quiet>");
        }
        text.push_str("</Delete>");
        text
    }
}

struct Reader<'a>(&'a str);

impl Reader<'_> {
    fn tag(&mut self, tag: &str) -> bool {
        match self.0.trim_start().strip_prefix(tag) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    /// The root may name its namespace.
    fn open_root(&mut self, name: &str) -> Option<()> {
        let rest = self.0.trim_start().strip_prefix('<')?.strip_prefix(name)?;
        let (attributes, rest) = rest.split_once('>')?;
        let plain = attributes.is_empty()
            || attributes == " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";
        self.0 = rest;
        plain.then_some(())
    }

    fn element(&mut self, name: &str) -> Option<String> {
        self.tag(&format!("<{name}>")).then_some(())?;
        let (text, rest) = self.0.split_once('<')?;
        self.0 = rest.strip_prefix(&format!("/{name}>"))?;
        unescape(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_clients_send() {
        let boto3 = "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Object><Key>a &amp; b/\u{e9}</Key></Object>\
            <Object><Key>c</Key></Object><Quiet>true</Quiet></Delete>";
        let expected = Delete { keys: vec!["a & b/é".into(), "c".into()], quiet: true };
        assert_eq!(Delete::parse(boto3), Some(expected));
        let spaced =
            "<?xml version=\"1.0\"?>\n<Delete>\n  <Object>\n <Key>x</Key>\n</Object>\n</Delete>\n";
        assert_eq!(Delete::parse(spaced).unwrap().keys, ["x"]);
    }

    #[test]
    fn refuses_what_can_be_read_in_two_ways() {
        for text in [
            "",
            "<Delete></Delete>",
            "<Delete><Object><Key>a</Key></Object>",
            "<Delete/>",
            "<Delete><Object><Key>a</Key><VersionId>1</VersionId></Object></Delete>",
            "<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>",
            "<Delete><Object><!-- <Key>a</Key> --><Key>b</Key></Object></Delete>",
            "<Delete><Object><Key><![CDATA[a]]></Key></Object></Delete>",
            "<Delete><Object><Key>../a</Key></Object></Delete>",
            "<Delete><Object><Key></Key></Object></Delete>",
            "<Delete><Object><Key>&x;</Key></Object></Delete>",
            "<!DOCTYPE x [<!ENTITY x \"a\">]><Delete><Object><Key>&x;</Key></Object></Delete>",
            "<Delete><Object><Key>a</Key></Object></Delete><Delete><Object><Key>b</Key></Object></Delete>",
        ] {
            assert_eq!(Delete::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "(<Delete>|<Object>|<Key>|</Key>|</Object>|</Delete>|a|&amp;|é|<){0,12}") {
            if let Some(delete) = Delete::parse(&text) {
                prop_assert_eq!(Delete::parse(&delete.write()), Some(delete));
            }
        }
    }
}
