//! Functions of text and of what has text in it.

use biplane_functions::collation::{Collation, Tree};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Case, Expr, ExprSchemable, lit};

use super::exprs::{
    Kind, bare, call, compared, key, kind, marked, named, raise, unsupported, with_patterns,
};
use crate::error::SqlError;

/// Functions whose result has the collation of their text.
const THROUGH: &[&str] = &[
    "array_append",
    "array_concat",
    "array_insert",
    "array_prepend",
    "array_repeat",
    "char_trim",
    "coalesce",
    "concat",
    "concat_ws",
    "elt",
    "format_string",
    "if",
    "initcap",
    "left",
    "lower",
    "lpad",
    "nvl",
    "nvl2",
    "overlay",
    "printf",
    "quote",
    "regexp_extract",
    "regexp_replace",
    "regexp_substr",
    "repeat",
    "replace",
    "reverse",
    "right",
    "rpad",
    "slice",
    "soundex",
    "split_part",
    "substr",
    "substr_index",
    "substring",
    "translate",
    "trim",
    "btrim",
    "ltrim",
    "rtrim",
    "upper",
    "array_compact",
    "shuffle",
    "array_filter",
    "mask",
];

/// Functions of a regular expression, which is their second argument.
const PATTERNS: &[&str] = &[
    "regexp_count",
    "regexp_extract",
    "regexp_extract_all",
    "regexp_instr",
    "regexp_like",
    "regexp_replace",
    "regexp_substr",
    "split",
];

/// The call as its collation means it.
pub fn meant(mut function: ScalarFunction, schema: &DFSchema) -> Result<Expr> {
    let name = function.func.name().to_owned();
    let name = name.as_str();
    if name == "collated" {
        return Ok(Expr::ScalarFunction(function));
    }
    if name == "collate" {
        return collate(function);
    }
    let kinds: Vec<Kind> = function.args.iter().map(|arg| kind(arg, schema)).collect();
    if kinds.iter().all(|kind| *kind == Kind::NONE) {
        return Ok(Expr::ScalarFunction(function));
    }
    let same = |function: ScalarFunction| Expr::ScalarFunction(function);
    let all = |kinds: &[Kind]| kinds.iter().try_fold(Kind::NONE, |all, next| all.met(next));
    if let Some(searched) = searched(name, &function.args, schema)? {
        return Ok(searched);
    }
    if PATTERNS.contains(&name) && function.args.len() > 1 {
        let collation = compared(&function.args[..2], schema)?.tree.collation();
        with_patterns(collation, name)?;
        if !collation.is_of_bytes() {
            let pattern = std::mem::replace(&mut function.args[1], lit(ScalarValue::Null));
            function.args[1] =
                datafusion::functions::string::expr_fn::concat(vec![lit("(?iu)"), bare(pattern)]);
        }
    }
    if let Some(list) = of_lists(name, &mut function, schema)? {
        return Ok(list);
    }
    Ok(match (name, kinds.as_slice()) {
        ("greatest" | "least", kinds) => {
            let tree = compared(&function.args, schema)?.tree;
            let kind = all(kinds)?;
            if tree.is_plain() {
                return Ok(marked(same(function), &kind));
            }
            let Tree::Text(collation) = tree else {
                return Err(unsupported(&format!("{name} of values with collations in them")));
            };
            for arg in &mut function.args {
                let taken = std::mem::replace(arg, lit(ScalarValue::Null));
                *arg = paired(taken, collation)?;
            }
            marked(call("collation_text", vec![same(function)])?, &kind)
        }
        ("nullif", [first, _]) => {
            let tree = compared(&function.args, schema)?.tree;
            if tree.is_plain() {
                return Ok(marked(same(function), first));
            }
            let [value, other] = <[Expr; 2]>::try_from(function.args)
                .map_err(|_| datafusion::common::internal_datafusion_err!("nullif takes two"))?;
            let kind = all(&kinds)?;
            let is_same = key(value.clone(), &tree)?.eq(key(other, &tree)?);
            let null = lit(ScalarValue::Utf8(None));
            let case = Case {
                expr: None,
                when_then_expr: vec![(Box::new(is_same), Box::new(null))],
                else_expr: Some(Box::new(bare(value))),
            };
            marked(Expr::Case(case), &kind)
        }
        ("make_array" | "array", kinds) => {
            let item = all(kinds)?;
            marked(same(function), &item.with(Tree::list(item.tree.clone())))
        }
        ("split" | "regexp_extract_all", [text, ..]) => {
            marked(same(function), &text.with(Tree::list(text.tree.clone())))
        }
        ("named_struct", kinds) => {
            let fields = kinds.iter().skip(1).step_by(2).map(|kind| kind.tree.clone());
            let tree = Tree::fields(fields.collect());
            marked(same(function), &Kind::implicit(tree))
        }
        // Keys that are equal are found by their bytes when a map is made.
        ("map" | "make_map", kinds) if has_many_keys(&function.args, kinds) => {
            return Err(unsupported("a map of several keys with a collation"));
        }
        ("map_from_arrays" | "map_from_entries" | "map_concat" | "str_to_map", kinds)
            if kinds.iter().any(|kind| !kind.tree.is_plain()) =>
        {
            return Err(unsupported(&format!("{name} of text with a collation")));
        }
        ("rows_of_collection", _) => {
            return Err(unsupported("a generator over text with a collation"));
        }
        ("map" | "make_map", kinds) => {
            let pairs = |from: usize| -> Result<Tree> {
                let each: Vec<Kind> = kinds.iter().skip(from).step_by(2).cloned().collect();
                // Arrays of keys and of values, or keys and values in turn.
                let tree = all(&each)?.tree;
                Ok(if kinds.len() == 2 && tree != tree.item() && !tree.item().is_plain() {
                    tree.item()
                } else {
                    tree
                })
            };
            let tree = Tree::map(pairs(0)?, pairs(1)?);
            marked(same(function), &Kind::implicit(tree))
        }
        ("map_keys", [map, ..]) => marked(same(function), &map.with(Tree::list(map.tree.key()))),
        ("map_values", [map, ..]) => {
            marked(same(function), &map.with(Tree::list(map.tree.value())))
        }
        ("get_field", [of, ..]) if matches!(of.tree, Tree::Struct(_)) => {
            let tree = field_of(&function, &of.tree, schema);
            marked(same(function), &of.with(tree))
        }
        ("flatten", [list]) => marked(same(function), &list.with(list.tree.item())),
        (name, kinds) if THROUGH.contains(&name) => {
            let kind = all(kinds)?;
            marked(same(function), &kind)
        }
        _ => same(function),
    })
}

fn collate(mut function: ScalarFunction) -> Result<Expr> {
    let collation = match function.args.get(1).and_then(named) {
        Some(name) => Collation::named(name)?,
        None => return Ok(Expr::ScalarFunction(function)),
    };
    let value = function.args.swap_remove(0);
    let kind = Kind {
        tree: Tree::of(collation),
        strength: biplane_functions::collation::Strength::Explicit,
    };
    Ok(marked(value, &kind))
}

pub fn paired(expr: Expr, collation: Collation) -> Result<Expr> {
    match &expr {
        Expr::Literal(value, _) if value.data_type().is_null() => Ok(expr),
        _ => call("collation_pair", vec![bare(expr), lit(collation.name())]),
    }
}

/// Functions that look for text in other text.
fn searched(name: &str, args: &[Expr], schema: &DFSchema) -> Result<Option<Expr>> {
    // The text, what is looked for, the others; and whether the result is text.
    let (here, order, is_text): (&str, &[usize], bool) = match (name, args.len()) {
        ("contains", 2) => ("collated_contains", &[0, 1], false),
        ("startswith" | "starts_with", 2) => ("collated_startswith", &[0, 1], false),
        ("endswith" | "ends_with", 2) => ("collated_endswith", &[0, 1], false),
        ("instr" | "strpos", 2) => ("collated_locate", &[0, 1], false),
        ("locate" | "position", 2) => ("collated_locate", &[1, 0], false),
        ("locate" | "position", 3) => ("collated_locate", &[1, 0, 2], false),
        ("find_in_set", 2) => ("collated_find_in_set", &[0, 1], false),
        ("replace", 2 | 3) => ("collated_replace", &[0, 1, 2], true),
        ("split_part", 3) => ("collated_split_part", &[0, 1, 2], true),
        ("substring_index" | "substr_index", 3) => ("collated_substring_index", &[0, 1, 2], true),
        ("trim" | "btrim", 2) => ("collated_btrim", &[0, 1], true),
        ("ltrim", 2) => ("collated_ltrim", &[0, 1], true),
        ("rtrim", 2) => ("collated_rtrim", &[0, 1], true),
        ("translate", 3) => ("collated_translate", &[0, 1, 2], true),
        _ => return Ok(None),
    };
    let kind = compared(args, schema)?;
    let collation = kind.tree.collation();
    if collation.is_of_bytes() {
        return Ok(None);
    }
    if !collation.has_searches() {
        let text = format!(
            "Cannot resolve \"{name}\" due to data type mismatch: the collation {} counts case and no accents, which \
             is not for searching",
            collation.name()
        );
        let class = "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE";
        return Err(raise(SqlError::new(class, "42K09", text)));
    }
    let mut given: Vec<Expr> =
        order.iter().filter_map(|at| args.get(*at)).map(|arg| bare(arg.clone())).collect();
    match here {
        "collated_locate" if given.len() == 2 => given.push(lit(1_i64)),
        "collated_replace" if given.len() == 2 => given.push(lit("")),
        _ => {}
    }
    given.push(lit(collation.name()));
    let made = call(here, given)?;
    Ok(Some(if is_text { marked(made, &kind) } else { made }))
}

/// Functions that compare items of lists or keys of maps.
fn of_lists(name: &str, function: &mut ScalarFunction, schema: &DFSchema) -> Result<Option<Expr>> {
    let kind_of =
        |at: usize, args: &[Expr]| args.get(at).map_or(Kind::NONE, |arg| kind(arg, schema));
    let list = kind_of(0, &function.args);
    let other = kind_of(1, &function.args);
    let item = |kind: &Kind| kind.with(kind.tree.item());
    let text = |kind: Kind| match kind.tree {
        Tree::Text(collation) if !collation.is_binary() => Some(collation),
        _ => None,
    };
    let take = |function: &mut ScalarFunction, at: usize| {
        std::mem::replace(&mut function.args[at], lit(ScalarValue::Null))
    };
    let whole = |function: &mut ScalarFunction| Expr::ScalarFunction(function.clone());
    let alike = |list: Expr, collation: Collation| {
        call("collation_alike", vec![bare(list), lit(collation.name())])
    };
    let onto = |list: Expr, model: Expr, collation: Collation| {
        call("collation_onto", vec![bare(list), bare(model), lit(collation.name())])
    };
    let is_map = matches!(
        function.args.first().and_then(|arg| arg.get_type(schema).ok()),
        Some(datafusion::arrow::datatypes::DataType::Map(..))
    );
    const COMPARING: [&str; 14] = [
        "array_contains",
        "array_has",
        "array_position",
        "array_remove",
        "array_distinct",
        "array_union",
        "array_intersect",
        "array_except",
        "arrays_overlap",
        "array_has_any",
        "array_sort",
        "sort_array",
        "array_max",
        "array_min",
    ];
    if COMPARING.contains(&name) && !matches!(list.tree.item(), Tree::Plain | Tree::Text(_)) {
        return Err(unsupported(&format!("{name} of values with collations in them")));
    }
    match name {
        // A value among the items, or the key of a map.
        "array_contains" | "array_has" | "array_position" | "array_remove" => {
            let Some(collation) = text(item(&list).met(&other)?) else { return Ok(None) };
            let (values, value) = (take(function, 0), take(function, 1));
            function.args[0] = onto(values, value.clone(), collation)?;
            function.args[1] = bare(value);
            let made = whole(function);
            Ok(Some(if name == "array_remove" { marked(made, &list) } else { made }))
        }
        "element_at" | "try_element_at" | "map_extract" | "map_contains_key" | "get_field"
            if is_map =>
        {
            let key_kind = list.with(list.tree.key()).met(&other)?;
            let value = list.with(list.tree.value());
            if let Some(collation) = text(key_kind) {
                let (map, key) = (take(function, 0), take(function, 1));
                function.args[0] = onto(map, key.clone(), collation)?;
                function.args[1] = bare(key);
            }
            let made = whole(function);
            let value = match name {
                "map_contains_key" => return Ok(Some(made)),
                "map_extract" => value.with(Tree::list(value.tree.clone())),
                _ => value,
            };
            Ok(Some(marked(made, &value)))
        }
        "element_at" | "try_element_at" | "array_item" | "array_get" | "get" | "array_element" => {
            Ok(Some(marked(whole(function), &item(&list))))
        }
        "array_distinct" => {
            let Some(collation) = text(item(&list)) else { return Ok(None) };
            let values = take(function, 0);
            function.args[0] = alike(values, collation)?;
            Ok(Some(marked(whole(function), &list)))
        }
        "array_union" | "array_intersect" | "array_except" | "arrays_overlap" | "array_has_any" => {
            let both = list.met(&other)?;
            let Some(collation) = text(item(&both)) else { return Ok(None) };
            let (left, right) = (take(function, 0), take(function, 1));
            let left = alike(left, collation)?;
            function.args[1] = onto(right, left.clone(), collation)?;
            // Twins of the right side that the left one does not have.
            if name == "array_union" {
                let right = take(function, 1);
                function.args[1] = alike(right, collation)?;
            }
            function.args[0] = left;
            let made = whole(function);
            let is_list = name.starts_with("array_") && name != "array_has_any";
            Ok(Some(if is_list { marked(made, &both) } else { made }))
        }
        "array_sort" | "sort_array" | "array_max" | "array_min" => {
            let Some(collation) = text(item(&list)) else { return Ok(None) };
            let values = take(function, 0);
            function.args[0] = paired(values, collation)?;
            let made = call("collation_text", vec![whole(function)])?;
            let kind = if name.contains("sort") { list } else { item(&list) };
            Ok(Some(marked(made, &kind)))
        }
        _ => Ok(None),
    }
}

/// Keys and values in turn, or an array of each.
fn has_many_keys(args: &[Expr], kinds: &[Kind]) -> bool {
    let is_one = |list: &Expr| match bare(list.clone()) {
        Expr::ScalarFunction(list) => list.func.name() == "make_array" && list.args.len() <= 1,
        _ => false,
    };
    match (kinds, args) {
        ([keys, _], [list, _]) if matches!(keys.tree, Tree::List(_)) => !is_one(list),
        ([_, _], _) => false,
        _ => kinds.iter().step_by(2).any(|key| !key.tree.is_plain()),
    }
}

fn field_of(function: &ScalarFunction, tree: &Tree, schema: &DFSchema) -> Tree {
    let (Some(of), Some(name)) = (function.args.first(), function.args.get(1).and_then(named))
    else {
        return Tree::Plain;
    };
    match of.get_type(schema) {
        Ok(datafusion::arrow::datatypes::DataType::Struct(fields)) => fields
            .iter()
            .position(|field| field.name() == name)
            .map_or(Tree::Plain, |at| tree.field(at)),
        _ => Tree::Plain,
    }
}
