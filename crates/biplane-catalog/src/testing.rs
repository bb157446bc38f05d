//! Securables for unit tests.

use crate::kind::Kind;
use crate::node::{Grant, Node};
use crate::privilege::Privilege;

pub fn node(kind: Kind, name: &str, owner: &str, grants: &[(&str, Privilege)]) -> Node {
    Node {
        id: format!("{}-{name}", kind.as_str()),
        metastore_id: "m".into(),
        parent_id: None,
        kind,
        name: name.into(),
        owner: owner.into(),
        comment: None,
        details: "{}".into(),
        columns: None,
        location: None,
        managed: false,
        isolated: false,
        system: false,
        created_at: 0,
        created_by: owner.into(),
        updated_at: 0,
        updated_by: owner.into(),
        grants: grants
            .iter()
            .map(|(principal, privilege)| Grant {
                principal: (*principal).into(),
                privilege: *privilege,
            })
            .collect(),
        bindings: Vec::new(),
    }
}
