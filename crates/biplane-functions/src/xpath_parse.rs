//! From the text of an XPath to its tree.

#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    Number(f64),
    Text(String),
    Path { from: Option<Box<Expr>>, absolute: bool, steps: Vec<Step> },
    Filter(Box<Expr>, Vec<Expr>),
    Call(String, Vec<Expr>),
    Binary(Op, Box<Expr>, Box<Expr>),
    Negative(Box<Expr>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Union,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    Child,
    Descendant,
    DescendantOrSelf,
    Myself,
    Parent,
    Ancestor,
    AncestorOrSelf,
    FollowingSibling,
    PrecedingSibling,
    Attribute,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    Any,
    Name(String),
    Node,
    Text,
    Comment,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub axis: Axis,
    pub test: Test,
    pub predicates: Vec<Expr>,
}

const DEPTH_MAX: usize = 64;

/// None: it cannot be read.
pub fn parsed(text: &str) -> Option<Expr> {
    let mut parser = Parser { rest: text, depth: 0 };
    let expr = parser.expr(0)?;
    parser.blank().is_empty().then_some(expr)
}

/// From the loosest to the tightest.
const LEVELS: &[&[(&str, Op)]] = &[
    &[("or", Op::Or)],
    &[("and", Op::And)],
    &[("!=", Op::NotEqual), ("=", Op::Equal)],
    &[("<=", Op::LessEqual), (">=", Op::GreaterEqual), ("<", Op::Less), (">", Op::Greater)],
    &[("+", Op::Add), ("-", Op::Subtract)],
    &[("*", Op::Multiply), ("div", Op::Divide), ("mod", Op::Modulo)],
];

struct Parser<'t> {
    rest: &'t str,
    depth: usize,
}

fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || "_-.:".contains(letter)
}

impl<'t> Parser<'t> {
    fn blank(&mut self) -> &'t str {
        self.rest = self.rest.trim_start();
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

    /// A word operator is not the beginning of a longer name.
    fn operator(&mut self, token: &str) -> bool {
        let Some(rest) = self.blank().strip_prefix(token) else { return false };
        if token.starts_with(char::is_alphabetic) && rest.starts_with(is_name) {
            return false;
        }
        self.rest = rest;
        true
    }

    fn expr(&mut self, level: usize) -> Option<Expr> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        let out = self.binary(level);
        self.depth -= 1;
        out
    }

    fn binary(&mut self, level: usize) -> Option<Expr> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        while let Some((_, op)) = operators.iter().find(|(token, _)| self.operator(token)) {
            let right = self.binary(level + 1)?;
            left = Expr::Binary(*op, Box::new(left), Box::new(right));
        }
        Some(left)
    }

    fn unary(&mut self) -> Option<Expr> {
        let mut is_negative = false;
        while self.eat("-") {
            is_negative = !is_negative;
        }
        let mut left = self.path()?;
        while self.eat("|") {
            let right = self.path()?;
            left = Expr::Binary(Op::Union, Box::new(left), Box::new(right));
        }
        Some(if is_negative { Expr::Negative(Box::new(left)) } else { left })
    }

    fn path(&mut self) -> Option<Expr> {
        let start = self.blank().chars().next()?;
        if let Some(primary) = self.primary(start) {
            let primary = primary?;
            let predicates = self.predicates()?;
            let from = match predicates.is_empty() {
                true => primary,
                false => Expr::Filter(Box::new(primary), predicates),
            };
            if !self.blank().starts_with('/') {
                return Some(from);
            }
            let mut steps = Vec::new();
            self.more_steps(&mut steps)?;
            return Some(Expr::Path { from: Some(Box::new(from)), absolute: false, steps });
        }
        let mut steps = Vec::new();
        let absolute = start == '/';
        if self.eat("//") {
            steps.push(anywhere());
            steps.push(self.step()?);
        } else if self.eat("/") {
            if !self.blank().starts_with(|c: char| is_name(c) || "@*.".contains(c)) {
                return Some(Expr::Path { from: None, absolute, steps });
            }
            steps.push(self.step()?);
        } else {
            steps.push(self.step()?);
        }
        self.more_steps(&mut steps)?;
        Some(Expr::Path { from: None, absolute, steps })
    }

    fn more_steps(&mut self, steps: &mut Vec<Step>) -> Option<()> {
        loop {
            if self.eat("//") {
                steps.push(anywhere());
            } else if !self.eat("/") {
                return Some(());
            }
            steps.push(self.step()?);
        }
    }

    /// Outer None: here begins no primary expression.
    fn primary(&mut self, start: char) -> Option<Option<Expr>> {
        match start {
            '(' => {
                self.eat("(");
                let inner = self.expr(0);
                Some(inner.filter(|_| self.eat(")")))
            }
            '\'' | '"' => {
                let text = self.rest[1..].split_once(start);
                Some(text.map(|(text, rest)| {
                    self.rest = rest;
                    Expr::Text(text.to_owned())
                }))
            }
            digit if digit.is_ascii_digit() || self.is_fraction() => {
                let end = self
                    .rest
                    .find(|c: char| !c.is_ascii_digit() && c != '.')
                    .unwrap_or(self.rest.len());
                let (number, rest) = self.rest.split_at(end);
                self.rest = rest;
                Some(number.parse().ok().map(Expr::Number))
            }
            _ => {
                let end = self.rest.find(|c| !is_name(c)).unwrap_or(self.rest.len());
                let (name, behind) = self.rest.split_at(end);
                let is_test = ["node", "text", "comment", "processing-instruction"].contains(&name);
                if name.is_empty() || name.contains("::") || is_test {
                    return None;
                }
                let inner = behind.trim_start().strip_prefix('(')?;
                self.rest = inner;
                Some(self.arguments().map(|args| Expr::Call(name.to_owned(), args)))
            }
        }
    }

    fn is_fraction(&self) -> bool {
        let rest = self.rest.strip_prefix('.');
        rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    }

    fn arguments(&mut self) -> Option<Vec<Expr>> {
        let mut args = Vec::new();
        if self.eat(")") {
            return Some(args);
        }
        loop {
            args.push(self.expr(0)?);
            if self.eat(")") {
                return Some(args);
            }
            if !self.eat(",") {
                return None;
            }
        }
    }

    fn predicates(&mut self) -> Option<Vec<Expr>> {
        let mut predicates = Vec::new();
        while self.eat("[") {
            predicates.push(self.expr(0)?);
            if !self.eat("]") {
                return None;
            }
        }
        Some(predicates)
    }

    fn step(&mut self) -> Option<Step> {
        if self.eat("..") {
            return Some(Step { axis: Axis::Parent, test: Test::Node, predicates: Vec::new() });
        }
        if self.eat(".") {
            return Some(Step { axis: Axis::Myself, test: Test::Node, predicates: Vec::new() });
        }
        let mut axis = Axis::Child;
        if self.eat("@") {
            axis = Axis::Attribute;
        } else if let Some((name, rest)) = self.blank().split_once("::")
            && name.chars().all(|c| c.is_alphabetic() || c == '-')
        {
            axis = axis_of(name)?;
            self.rest = rest;
        }
        let test = if self.eat("*") {
            Test::Any
        } else {
            self.blank();
            let end = self.rest.find(|c| !is_name(c)).unwrap_or(self.rest.len());
            let (name, rest) = self.rest.split_at(end);
            self.rest = rest;
            match (name, rest.trim_start().starts_with('(')) {
                ("", _) => return None,
                (kind, true) => {
                    self.eat("(");
                    if !self.eat(")") {
                        return None;
                    }
                    match kind {
                        "node" => Test::Node,
                        "text" => Test::Text,
                        "comment" => Test::Comment,
                        _ => return None,
                    }
                }
                (name, false) => Test::Name(name.to_owned()),
            }
        };
        Some(Step { axis, test, predicates: self.predicates()? })
    }
}

fn anywhere() -> Step {
    Step { axis: Axis::DescendantOrSelf, test: Test::Node, predicates: Vec::new() }
}

fn axis_of(name: &str) -> Option<Axis> {
    Some(match name {
        "child" => Axis::Child,
        "descendant" => Axis::Descendant,
        "descendant-or-self" => Axis::DescendantOrSelf,
        "self" => Axis::Myself,
        "parent" => Axis::Parent,
        "ancestor" => Axis::Ancestor,
        "ancestor-or-self" => Axis::AncestorOrSelf,
        "following-sibling" => Axis::FollowingSibling,
        "preceding-sibling" => Axis::PrecedingSibling,
        "attribute" => Axis::Attribute,
        _ => return None,
    })
}
