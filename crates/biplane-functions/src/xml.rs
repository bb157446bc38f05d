//! XML text: read by a schema, written, its schema guessed. The root element is the record.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use roxmltree::{Document, Node};
use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::csv::cell_of;
use crate::ddl;
use crate::frame::{Call, Def};
use crate::options::{Options, options_type};
use crate::raised::mismatch;
use crate::records::{each, malformed, of_text, takes, wanted};
use crate::variant::{Tree, is_variant};

const KNOWN: &[&str] = &[
    "mode",
    "rowtag",
    "roottag",
    "attributeprefix",
    "valuetag",
    "excludeattribute",
    "ignoresurroundingspaces",
    "nullvalue",
    "indent",
];
const DEPTH_MAX: usize = 128;

pub const FUNCTIONS: &[Def] = &[
    Def {
        name: "from_xml",
        least: 2,
        most: 3,
        takes,
        gives: |given| match wanted(given)? {
            fields @ DataType::Struct(_) => Ok(fields),
            _ => mismatch("The schema of from_xml must be a struct or VARIANT."),
        },
        run: from_xml,
    },
    Def {
        name: "schema_of_xml",
        least: 1,
        most: 2,
        takes: |types| Ok([DataType::Utf8, options_type()].into_iter().take(types.len()).collect()),
        gives: |_| Ok(DataType::Utf8),
        run: |call| {
            let style = Style::of(call, 1, "schema_of_xml")?;
            call.texts(|row| {
                let text = call.text(0, row);
                Ok(Some(match document(text) {
                    Some(xml) => Shape::of(xml.root_element(), &style, 0).shown(),
                    None => "STRUCT<>".to_owned(),
                }))
            })
        },
    },
    Def {
        name: "to_xml",
        least: 1,
        most: 2,
        takes: |types| match &types[0] {
            fields @ DataType::Struct(_) => {
                Ok([fields.clone(), options_type()].into_iter().take(types.len()).collect())
            }
            other => mismatch(format!("to_xml takes a struct, not {}.", ddl::type_text(other))),
        },
        gives: |_| Ok(DataType::Utf8),
        run: |call| {
            let style = Style::of(call, 1, "to_xml")?;
            let tag = style.options.text("rowtag").unwrap_or("ROW").to_owned();
            call.texts(|row| {
                let mut out = String::new();
                style.element(&mut out, &tag, &call.args[0], row, 0)?;
                Ok(Some(out.trim_end().to_owned()))
            })
        },
    },
];

/// None: it is no XML.
pub fn document(text: &str) -> Option<Document<'_>> {
    let options = roxmltree::ParsingOptions { nodes_limit: 1 << 20, ..Default::default() };
    Document::parse_with_options(text.trim_start(), options).ok()
}

struct Style {
    options: Options,
    prefix: String,
    value_tag: String,
    attributes: bool,
    trims: bool,
    null: Option<String>,
    indent: String,
}

impl Style {
    fn of(call: &Call<'_>, at: usize, function: &str) -> Result<Self> {
        let options = Options::of(call.args.get(at), call.zone)?;
        options.only(function, KNOWN)?;
        Ok(Self {
            prefix: options.text("attributeprefix").unwrap_or("_").to_owned(),
            value_tag: options.text("valuetag").unwrap_or("_VALUE").to_owned(),
            attributes: !options.is("excludeattribute", false),
            trims: options.is("ignoresurroundingspaces", true),
            null: options.text("nullvalue").map(str::to_owned),
            indent: options.text("indent").unwrap_or("    ").to_owned(),
            options,
        })
    }

    fn text(&self, node: Node<'_, '_>) -> String {
        let text: String =
            node.children().filter(Node::is_text).filter_map(|text| text.text()).collect();
        if self.trims { text.trim().to_owned() } else { text }
    }

    /// Whether there is more than text.
    fn has_parts(&self, node: Node<'_, '_>) -> bool {
        node.children().any(|child| child.is_element())
            || (self.attributes && node.attributes().next().is_some())
    }

    fn tree(&self, node: Node<'_, '_>, target: &DataType, depth: usize) -> Tree {
        if depth > DEPTH_MAX {
            return Tree::Null;
        }
        match target {
            variant if is_variant(variant) => Tree::Text(self.text(node)),
            DataType::Struct(fields) => {
                let mut object = BTreeMap::new();
                for field in fields {
                    let value = self.field(node, field.name(), field.data_type(), depth);
                    object.insert(field.name().clone(), value);
                }
                Tree::Object(object)
            }
            DataType::Map(entries, _) => {
                let value = match entries.data_type() {
                    DataType::Struct(fields) => fields[1].data_type(),
                    other => other,
                };
                let children = node.children().filter(Node::is_element);
                let pairs = children.map(|child| {
                    (child.tag_name().name().to_owned(), self.tree(child, value, depth + 1))
                });
                Tree::Object(pairs.collect())
            }
            DataType::List(item) => Tree::List(vec![self.tree(node, item.data_type(), depth + 1)]),
            plain => {
                let text = self.text(node);
                let is_null = self.null.as_ref().is_some_and(|null| *null == text)
                    || (text.is_empty() && plain != &DataType::Utf8);
                if is_null { Tree::Null } else { of_text(&text, plain, &self.options) }
            }
        }
    }

    fn field(&self, node: Node<'_, '_>, name: &str, target: &DataType, depth: usize) -> Tree {
        let children = || {
            node.children().filter(|child| child.is_element() && child.tag_name().name() == name)
        };
        if let DataType::List(item) = target {
            let items: Vec<Tree> =
                children().map(|child| self.tree(child, item.data_type(), depth + 1)).collect();
            return if items.is_empty() { Tree::Null } else { Tree::List(items) };
        }
        if let Some(child) = children().next_back() {
            return self.tree(child, target, depth + 1);
        }
        let attribute = name.strip_prefix(&self.prefix).filter(|_| self.attributes);
        match attribute.and_then(|name| node.attribute(name)) {
            Some(text) => of_text(text, target, &self.options),
            None if name == self.value_tag => of_text(&self.text(node), target, &self.options),
            None => Tree::Null,
        }
    }

    fn element(
        &self,
        out: &mut String,
        tag: &str,
        value: &ArrayRef,
        row: usize,
        depth: usize,
    ) -> Result<()> {
        if value.is_null(row) && self.null.is_none() {
            return Ok(());
        }
        let pad = self.indent.repeat(depth);
        match value.data_type() {
            DataType::List(_) if value.is_valid(row) => {
                let items = value.as_list::<i32>().value(row);
                (0..items.len()).try_for_each(|at| self.element(out, tag, &items, at, depth))
            }
            DataType::Struct(fields) if value.is_valid(row) => {
                let columns: Vec<_> = fields.iter().zip(value.as_struct().columns()).collect();
                let _ = write!(out, "{pad}<{tag}");
                for (field, column) in &columns {
                    let attribute = field.name().strip_prefix(&self.prefix);
                    if let Some(name) = attribute.filter(|_| field.name() != &self.value_tag)
                        && let Some(text) = cell_of(column, row, &self.options)?
                    {
                        let _ = write!(out, " {name}=\"{}\"", escaped(&text));
                    }
                }
                out.push_str(">\n");
                for (field, column) in columns {
                    if !field.name().starts_with(&self.prefix) {
                        self.element(out, field.name(), column, row, depth + 1)?;
                    }
                }
                let _ = writeln!(out, "{pad}</{tag}>");
                Ok(())
            }
            DataType::Map(..) if value.is_valid(row) => {
                let entries = value.as_map().value(row);
                let _ = writeln!(out, "{pad}<{tag}>");
                for at in 0..entries.len() {
                    let key = cell_of(entries.column(0), at, &self.options)?.unwrap_or_default();
                    self.element(out, &key, entries.column(1), at, depth + 1)?;
                }
                let _ = writeln!(out, "{pad}</{tag}>");
                Ok(())
            }
            _ => {
                let text = cell_of(value, row, &self.options)?.or_else(|| self.null.clone());
                let text = text.unwrap_or_default();
                let _ = writeln!(out, "{pad}<{tag}>{}</{tag}>", escaped(&text));
                Ok(())
            }
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn from_xml(call: &Call<'_>) -> Result<ArrayRef> {
    let style = Style::of(call, 2, "from_xml")?;
    let fails = style.options.fails_fast()?;
    each(call, |text| match document(text) {
        Some(xml) => Ok(Some(style.tree(xml.root_element(), call.gives, 0))),
        None => malformed(text, fails, call.gives),
    })
}

#[derive(Clone, PartialEq)]
enum Shape {
    Null,
    Plain(&'static str),
    List(Box<Shape>),
    Struct(BTreeMap<String, Shape>),
}

impl Shape {
    fn of(node: Node<'_, '_>, style: &Style, depth: usize) -> Self {
        if depth > DEPTH_MAX {
            return Self::Plain("STRING");
        }
        if !style.has_parts(node) && depth > 0 {
            return Self::of_text(&style.text(node), style);
        }
        let mut fields: BTreeMap<String, Shape> = BTreeMap::new();
        for child in node.children().filter(Node::is_element) {
            let shape = Self::of(child, style, depth + 1);
            let name = child.tag_name().name().to_owned();
            let shape = match fields.remove(&name) {
                Some(Self::List(item)) => Self::List(Box::new(item.with(shape))),
                Some(known) => Self::List(Box::new(known.with(shape))),
                None => shape,
            };
            fields.insert(name, shape);
        }
        if style.attributes {
            for attribute in node.attributes() {
                let shape = Self::of_text(attribute.value(), style);
                fields.insert(format!("{}{}", style.prefix, attribute.name()), shape);
            }
        }
        let text = style.text(node);
        if !text.is_empty() {
            fields.insert(style.value_tag.clone(), Self::of_text(&text, style));
        }
        Self::Struct(fields)
    }

    fn of_text(text: &str, style: &Style) -> Self {
        let text = text.trim();
        if text.is_empty() || style.null.as_ref().is_some_and(|null| null == text) {
            Self::Null
        } else if text.parse::<i64>().is_ok() {
            Self::Plain("BIGINT")
        } else if text.parse::<f64>().is_ok() {
            Self::Plain("DOUBLE")
        } else if ["true", "false"].contains(&text.to_lowercase().as_str()) {
            Self::Plain("BOOLEAN")
        } else if style.options.date(text).is_some() {
            Self::Plain("DATE")
        } else if style.options.wall(text).is_some() {
            Self::Plain("TIMESTAMP")
        } else {
            Self::Plain("STRING")
        }
    }

    fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Null, other) | (other, Self::Null) => other,
            (a, b) if a == b => a,
            (Self::Plain("BIGINT"), Self::Plain("DOUBLE"))
            | (Self::Plain("DOUBLE"), Self::Plain("BIGINT")) => Self::Plain("DOUBLE"),
            (Self::List(a), Self::List(b)) => Self::List(Box::new(a.with(*b))),
            (Self::Struct(mut a), Self::Struct(b)) => {
                for (name, shape) in b {
                    let known = a.remove(&name).unwrap_or(Self::Null);
                    a.insert(name, known.with(shape));
                }
                Self::Struct(a)
            }
            _ => Self::Plain("STRING"),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Null => "STRING".to_owned(),
            Self::Plain(name) => (*name).to_owned(),
            Self::List(item) => format!("ARRAY<{}>", item.shown()),
            Self::Struct(fields) => {
                let fields = fields
                    .iter()
                    .map(|(name, shape)| format!("{}: {}", ddl::quoted_name(name), shape.shown()));
                format!("STRUCT<{}>", fields.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::frame::testing::answers(&[
            ("from_xml('<p><a>1</a><b>0.8</b></p>', 'a INT, b DOUBLE')", "{a: 1, b: 0.8}"),
            (
                "from_xml('<p x=\"1\">t<a/><a>2</a></p>', '_x INT, _VALUE STRING, a ARRAY<INT>')",
                "{_x: 1, _VALUE: t, a: [, 2]}",
            ),
            ("from_xml('<p>', 'a INT')", "{a: }"),
            ("schema_of_xml('<p><a>1</a><a>x</a></p>')", "STRUCT<a: ARRAY<STRING>>"),
            (
                "to_xml(named_struct('a', [1, 2], 'b', 'x<y'))",
                "<ROW>\n    <a>1</a>\n    <a>2</a>\n    <b>x&lt;y</b>\n</ROW>",
            ),
            ("xpath('<a><b>b1</b><b>b2</b></a>', 'a/b/text()')", "[b1, b2]"),
            ("xpath_double('<a><b>1</b><b>2</b></a>', 'sum(a/b) * 2')", "6.0"),
            ("xpath_string('<a><b id=\"x\">1</b><b id=\"y\">2</b></a>', 'a/b[@id=\"y\"]')", "2"),
            ("xpath_string('<a><b>1</b><b>2</b></a>', '//b[last()]')", "2"),
            ("xpath_int('<a><b>1</b><b>2</b></a>', 'count(//b[. > 1])')", "1"),
            ("xpath_boolean('<a><b>1</b></a>', 'a/c')", "false"),
            ("xpath_string('<a>1</a>', 'a[')", "[INVALID_PATH"),
        ])
        .await
    }
}
