//! What an XPath finds in a document.

use roxmltree::{Attribute, Node};

use crate::variant::shortest;
use crate::xpath_parse::{Axis, Expr, Op, Step, Test};

#[derive(Clone, Copy)]
pub enum Item<'a, 'i> {
    Node(Node<'a, 'i>),
    Attribute(Node<'a, 'i>, Attribute<'a, 'i>),
}

impl Item<'_, '_> {
    pub fn text(&self) -> String {
        match self {
            Self::Attribute(_, attribute) => attribute.value().to_owned(),
            Self::Node(node) if node.is_text() || node.is_comment() => {
                node.text().unwrap_or_default().to_owned()
            }
            Self::Node(node) => {
                node.descendants().filter(Node::is_text).filter_map(|text| text.text()).collect()
            }
        }
    }

    /// Of text, comments and attributes.
    pub fn own_text(&self) -> Option<String> {
        match self {
            Self::Node(node) if !node.is_text() && !node.is_comment() => None,
            other => Some(other.text()),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Attribute(_, attribute) => attribute.name().to_owned(),
            Self::Node(node) => node.tag_name().name().to_owned(),
        }
    }

    /// Its place in the document.
    fn place(&self) -> (u32, usize) {
        match self {
            Self::Node(node) => (node.id().get(), 0),
            Self::Attribute(node, attribute) => (node.id().get(), attribute.range().start),
        }
    }
}

pub enum Value<'a, 'i> {
    Nodes(Vec<Item<'a, 'i>>),
    Text(String),
    Number(f64),
    Truth(bool),
}

impl Value<'_, '_> {
    pub fn text(&self) -> String {
        match self {
            Self::Nodes(nodes) => nodes.first().map(Item::text).unwrap_or_default(),
            Self::Text(text) => text.clone(),
            Self::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
                format!("{number:.0}")
            }
            Self::Number(number) => shortest(&format!("{number:e}")),
            Self::Truth(truth) => truth.to_string(),
        }
    }

    pub fn number(&self) -> f64 {
        match self {
            Self::Number(number) => *number,
            Self::Truth(truth) => f64::from(u8::from(*truth)),
            other => other.text().trim().parse().unwrap_or(f64::NAN),
        }
    }

    pub fn truth(&self) -> bool {
        match self {
            Self::Nodes(nodes) => !nodes.is_empty(),
            Self::Text(text) => !text.is_empty(),
            Self::Number(number) => *number != 0.0 && !number.is_nan(),
            Self::Truth(truth) => *truth,
        }
    }
}

#[derive(Clone, Copy)]
struct Context<'a, 'i> {
    item: Item<'a, 'i>,
    root: Node<'a, 'i>,
    position: usize,
    size: usize,
}

/// None: a function or its arguments are not known.
pub fn evaluated<'a, 'i>(expr: &Expr, root: Node<'a, 'i>) -> Option<Value<'a, 'i>> {
    Context { item: Item::Node(root), root, position: 1, size: 1 }.value(expr)
}

impl<'a, 'i> Context<'a, 'i> {
    fn value(&self, expr: &Expr) -> Option<Value<'a, 'i>> {
        Some(match expr {
            Expr::Number(number) => Value::Number(*number),
            Expr::Text(text) => Value::Text(text.clone()),
            Expr::Negative(inner) => Value::Number(-self.value(inner)?.number()),
            Expr::Binary(op, left, right) => self.binary(*op, left, right)?,
            Expr::Call(name, args) => self.call(name, args)?,
            Expr::Filter(inner, predicates) => {
                let Value::Nodes(nodes) = self.value(inner)? else { return None };
                Value::Nodes(self.kept(nodes, predicates)?)
            }
            Expr::Path { from, absolute, steps } => {
                let mut nodes = match from {
                    Some(from) => match self.value(from)? {
                        Value::Nodes(nodes) => nodes,
                        _ => return None,
                    },
                    None if *absolute => vec![Item::Node(self.root)],
                    None => vec![self.item],
                };
                for step in steps {
                    let mut next = Vec::new();
                    for node in nodes {
                        next.extend(self.kept(candidates(node, step), &step.predicates)?);
                    }
                    in_order(&mut next);
                    nodes = next;
                }
                Value::Nodes(nodes)
            }
        })
    }

    fn kept(&self, mut nodes: Vec<Item<'a, 'i>>, predicates: &[Expr]) -> Option<Vec<Item<'a, 'i>>> {
        for predicate in predicates {
            let size = nodes.len();
            let mut stay = Vec::new();
            for (at, item) in nodes.into_iter().enumerate() {
                let context = Context { item, root: self.root, position: at + 1, size };
                let is_kept = match context.value(predicate)? {
                    Value::Number(number) => number == (at + 1) as f64,
                    other => other.truth(),
                };
                if is_kept {
                    stay.push(item);
                }
            }
            nodes = stay;
        }
        Some(nodes)
    }

    fn binary(&self, op: Op, left: &Expr, right: &Expr) -> Option<Value<'a, 'i>> {
        let left = self.value(left)?;
        match op {
            Op::Or if left.truth() => return Some(Value::Truth(true)),
            Op::And if !left.truth() => return Some(Value::Truth(false)),
            _ => {}
        }
        let right = self.value(right)?;
        let (a, b) = (left.number(), right.number());
        Some(match op {
            Op::Or | Op::And => Value::Truth(right.truth()),
            Op::Add => Value::Number(a + b),
            Op::Subtract => Value::Number(a - b),
            Op::Multiply => Value::Number(a * b),
            Op::Divide => Value::Number(a / b),
            Op::Modulo => Value::Number(a % b),
            Op::Union => {
                let (Value::Nodes(mut nodes), Value::Nodes(more)) = (left, right) else {
                    return None;
                };
                nodes.extend(more);
                in_order(&mut nodes);
                Value::Nodes(nodes)
            }
            comparison => Value::Truth(compared(comparison, &left, &right)),
        })
    }

    fn call(&self, name: &str, args: &[Expr]) -> Option<Value<'a, 'i>> {
        let mut values = Vec::with_capacity(args.len());
        for arg in args {
            values.push(self.value(arg)?);
        }
        let text = |at: usize| values.get(at).map_or_else(|| self.item.text(), Value::text);
        let number = |at: usize| {
            values.get(at).map_or_else(|| Value::Text(self.item.text()).number(), Value::number)
        };
        let nodes = |at: usize| match values.get(at) {
            Some(Value::Nodes(nodes)) => Some(nodes.as_slice()),
            _ => None,
        };
        Some(match (name, values.len()) {
            ("last", 0) => Value::Number(self.size as f64),
            ("position", 0) => Value::Number(self.position as f64),
            ("count", 1) => Value::Number(nodes(0)?.len() as f64),
            ("sum", 1) => {
                let each = nodes(0)?.iter().map(|node| Value::Text(node.text()).number());
                Value::Number(each.sum())
            }
            ("name" | "local-name", 0) => Value::Text(self.item.name()),
            ("name" | "local-name", 1) => {
                Value::Text(nodes(0)?.first().map(Item::name).unwrap_or_default())
            }
            ("string", 0 | 1) => Value::Text(text(0)),
            ("number", 0 | 1) => Value::Number(number(0)),
            ("boolean", 1) => Value::Truth(values[0].truth()),
            ("not", 1) => Value::Truth(!values[0].truth()),
            ("true", 0) => Value::Truth(true),
            ("false", 0) => Value::Truth(false),
            ("floor", 1) => Value::Number(number(0).floor()),
            ("ceiling", 1) => Value::Number(number(0).ceil()),
            ("round", 1) => Value::Number((number(0) + 0.5).floor()),
            ("concat", 2..) => Value::Text(values.iter().map(Value::text).collect()),
            ("starts-with", 2) => Value::Truth(text(0).starts_with(&text(1))),
            ("contains", 2) => Value::Truth(text(0).contains(&text(1))),
            ("substring-before", 2) => Value::Text(
                text(0)
                    .split_once(&text(1))
                    .map(|(before, _)| before.to_owned())
                    .unwrap_or_default(),
            ),
            ("substring-after", 2) => Value::Text(
                text(0)
                    .split_once(&text(1))
                    .map(|(_, behind)| behind.to_owned())
                    .unwrap_or_default(),
            ),
            ("substring", 2 | 3) => {
                let start = (number(1) + 0.5).floor();
                let end = match values.len() {
                    3 => start + (number(2) + 0.5).floor(),
                    _ => f64::INFINITY,
                };
                let letters = text(0)
                    .chars()
                    .enumerate()
                    .filter_map(|(at, letter)| {
                        let place = (at + 1) as f64;
                        (place >= start && place < end).then_some(letter)
                    })
                    .collect();
                Value::Text(letters)
            }
            ("string-length", 0 | 1) => Value::Number(text(0).chars().count() as f64),
            ("normalize-space", 0 | 1) => {
                Value::Text(text(0).split_whitespace().collect::<Vec<_>>().join(" "))
            }
            ("translate", 3) => {
                let (from, to): (Vec<char>, Vec<char>) =
                    (text(1).chars().collect(), text(2).chars().collect());
                let letters = text(0)
                    .chars()
                    .filter_map(|letter| match from.iter().position(|from| *from == letter) {
                        Some(at) => to.get(at).copied(),
                        None => Some(letter),
                    })
                    .collect();
                Value::Text(letters)
            }
            _ => return None,
        })
    }
}

fn in_order(nodes: &mut Vec<Item<'_, '_>>) {
    nodes.sort_by_key(Item::place);
    nodes.dedup_by_key(|node| node.place());
}

fn candidates<'a, 'i>(item: Item<'a, 'i>, step: &Step) -> Vec<Item<'a, 'i>> {
    let node = match item {
        Item::Node(node) => node,
        Item::Attribute(owner, _) => {
            return match (step.axis, &step.test) {
                (Axis::Myself, Test::Node | Test::Any) => vec![item],
                (Axis::Parent, _) => vec![Item::Node(owner)],
                _ => Vec::new(),
            };
        }
    };
    if step.axis == Axis::Attribute {
        let attributes = node.attributes().filter(|attribute| match &step.test {
            Test::Any | Test::Node => true,
            Test::Name(name) => attribute.name() == local(name),
            _ => false,
        });
        return attributes.map(|attribute| Item::Attribute(node, attribute)).collect();
    }
    let nodes: Vec<Node<'a, 'i>> = match step.axis {
        Axis::Child => node.children().collect(),
        Axis::Descendant => node.descendants().skip(1).collect(),
        Axis::DescendantOrSelf => node.descendants().collect(),
        Axis::Myself => vec![node],
        Axis::Parent => node.parent().into_iter().collect(),
        Axis::Ancestor => node.ancestors().skip(1).collect(),
        Axis::AncestorOrSelf => node.ancestors().collect(),
        Axis::FollowingSibling => node.next_siblings().skip(1).collect(),
        Axis::PrecedingSibling => node.prev_siblings().skip(1).collect(),
        Axis::Attribute => Vec::new(),
    };
    let fits = |node: &Node<'_, '_>| match &step.test {
        Test::Any => node.is_element(),
        Test::Name(name) => node.is_element() && node.tag_name().name() == local(name),
        Test::Node => true,
        Test::Text => node.is_text(),
        Test::Comment => node.is_comment(),
    };
    nodes.into_iter().filter(fits).map(Item::Node).collect()
}

/// Prefixes of namespaces mean nothing here.
fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// True if it holds for any node.
fn compared(op: Op, left: &Value<'_, '_>, right: &Value<'_, '_>) -> bool {
    let each = |value: &Value<'_, '_>| match value {
        Value::Nodes(nodes) => nodes.iter().map(|node| Value::Text(node.text())).collect(),
        Value::Text(text) => vec![Value::Text(text.clone())],
        Value::Number(number) => vec![Value::Number(*number)],
        Value::Truth(truth) => vec![Value::Truth(*truth)],
    };
    let is_equality = matches!(op, Op::Equal | Op::NotEqual);
    if is_equality && matches!((left, right), (Value::Truth(_), _) | (_, Value::Truth(_))) {
        return (left.truth() == right.truth()) == (op == Op::Equal);
    }
    let (lefts, rights): (Vec<Value<'_, '_>>, Vec<Value<'_, '_>>) = (each(left), each(right));
    lefts.iter().any(|a| {
        rights.iter().any(|b| match (op, a, b) {
            (Op::Equal, Value::Text(a), Value::Text(b)) => a == b,
            (Op::NotEqual, Value::Text(a), Value::Text(b)) => a != b,
            (Op::Equal, ..) => a.number() == b.number(),
            (Op::NotEqual, ..) => a.number() != b.number(),
            (Op::Less, ..) => a.number() < b.number(),
            (Op::LessEqual, ..) => a.number() <= b.number(),
            (Op::Greater, ..) => a.number() > b.number(),
            _ => a.number() >= b.number(),
        })
    })
}
