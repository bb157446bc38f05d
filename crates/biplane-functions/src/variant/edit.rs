//! Variants with something set, put in, taken out or added.

use std::collections::BTreeMap;

use super::path::Step;
use super::tree::Tree;

/// An array grows by no more than this when something is put behind its end.
const GROWTH_MAX: usize = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// Replaces what is there; whether what is not there is made.
    Set(bool),
    Insert,
    Append,
}

/// Why a path does not fit a value.
#[derive(Debug, PartialEq, Eq)]
pub struct Mismatch;

fn nested(steps: &[Step], value: Tree) -> Tree {
    match steps.split_first() {
        None => value,
        Some((Step::Key(key), rest)) => {
            Tree::Object(BTreeMap::from([(key.clone(), nested(rest, value))]))
        }
        Some((Step::Index(at), rest)) => {
            let mut items = vec![Tree::Null; *at];
            items.push(nested(rest, value));
            Tree::List(items)
        }
    }
}

pub fn edited(target: &mut Tree, steps: &[Step], value: Tree, edit: Edit) -> Result<(), Mismatch> {
    if steps.iter().any(|step| matches!(step, Step::Index(at) if *at > GROWTH_MAX)) {
        return Err(Mismatch);
    }
    let Some((step, rest)) = steps.split_first() else {
        return match (edit, target) {
            (Edit::Append, Tree::List(items)) => {
                items.push(value);
                Ok(())
            }
            (Edit::Set(_), target) => {
                *target = value;
                Ok(())
            }
            _ => Err(Mismatch),
        };
    };
    let makes = matches!(edit, Edit::Set(true) | Edit::Insert);
    match (step, target) {
        (Step::Key(key), Tree::Object(fields)) => match fields.get_mut(key) {
            Some(_) if rest.is_empty() && edit == Edit::Insert => Err(Mismatch),
            Some(inner) => edited(inner, rest, value, edit),
            None => {
                if makes {
                    fields.insert(key.clone(), nested(rest, value));
                }
                Ok(())
            }
        },
        (Step::Index(at), Tree::List(items)) => match items.get_mut(*at) {
            Some(_) if rest.is_empty() && edit == Edit::Insert => {
                items.insert(*at, value);
                Ok(())
            }
            Some(inner) => edited(inner, rest, value, edit),
            None => {
                if makes {
                    items.resize(*at, Tree::Null);
                    items.push(nested(rest, value));
                }
                Ok(())
            }
        },
        _ => Err(Mismatch),
    }
}

/// What is not there need not be taken out.
pub fn deleted(target: &mut Tree, steps: &[Step]) {
    let Some((step, rest)) = steps.split_first() else { return };
    match (step, target) {
        (Step::Key(key), Tree::Object(fields)) if rest.is_empty() => {
            fields.remove(key);
        }
        (Step::Key(key), Tree::Object(fields)) => {
            if let Some(inner) = fields.get_mut(key) {
                deleted(inner, rest);
            }
        }
        (Step::Index(at), Tree::List(items)) if rest.is_empty() && *at < items.len() => {
            items.remove(*at);
        }
        (Step::Index(at), Tree::List(items)) if !rest.is_empty() => {
            if let Some(inner) = items.get_mut(*at) {
                deleted(inner, rest);
            }
        }
        _ => {}
    }
}

/// Without nulls; None: there is nothing else.
pub fn stripped(tree: Tree, arrays: bool) -> Option<Tree> {
    match tree {
        Tree::Null => None,
        Tree::Object(fields) => Some(Tree::Object(
            fields
                .into_iter()
                .filter_map(|(name, value)| Some((name, stripped(value, arrays)?)))
                .collect(),
        )),
        Tree::List(items) => Some(Tree::List(
            items
                .into_iter()
                .filter_map(|item| match item {
                    Tree::Null => (!arrays).then_some(Tree::Null),
                    item => stripped(item, arrays),
                })
                .collect(),
        )),
        other => Some(other),
    }
}
