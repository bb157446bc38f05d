//! The evaluator against a naive model, and against a matrix a person has read.

use super::*;
use crate::testing::node;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fmt::Write;

const PEOPLE: [&str; 4] = ["u", "g", "h", "other"];

fn chain_of(leaf: Kind) -> Vec<Kind> {
    match leaf {
        Kind::Metastore => vec![Kind::Metastore],
        Kind::Catalog => vec![Kind::Metastore, Kind::Catalog],
        Kind::Schema => vec![Kind::Metastore, Kind::Catalog, Kind::Schema],
        Kind::Table | Kind::Volume | Kind::Function => {
            vec![Kind::Metastore, Kind::Catalog, Kind::Schema, leaf]
        }
        other => vec![Kind::Metastore, other],
    }
}

/// Every (level, privilege) pair that holds for the user, spelled out one by one.
fn model(chain: &[Arc<Node>], who: Who<'_>) -> BTreeSet<(usize, Privilege)> {
    let mut held = BTreeSet::new();
    for (level, node) in chain.iter().enumerate() {
        for grant in &node.grants {
            if !(grant.principal == who.name || who.groups.contains(&grant.principal)) {
                continue;
            }
            let below =
                if node.kind == Kind::Metastore { level..=level } else { level..=chain.len() - 1 };
            for reached in below {
                if grant.privilege == Privilege::AllPrivileges {
                    let never = [
                        Privilege::Manage,
                        Privilege::ExternalUseSchema,
                        Privilege::ExternalUseLocation,
                    ];
                    held.extend(
                        Privilege::ALL.iter().filter(|p| !never.contains(p)).map(|p| (reached, *p)),
                    );
                } else {
                    held.insert((reached, grant.privilege));
                }
            }
        }
    }
    held
}

fn arbitrary_chain() -> impl Strategy<Value = Vec<Arc<Node>>> {
    let leaf = prop::sample::select(Kind::ALL.to_vec());
    let level = || {
        let grant =
            (prop::sample::select(PEOPLE.to_vec()), prop::sample::select(Privilege::ALL.to_vec()));
        (prop::sample::select(PEOPLE.to_vec()), prop::collection::vec(grant, 0..4))
    };
    (leaf, prop::collection::vec(level(), 4)).prop_map(|(leaf, levels)| {
        let named = chain_of(leaf).into_iter().zip(levels);
        named.map(|(kind, (owner, grants))| Arc::new(node(kind, "x", owner, &grants))).collect()
    })
}

proptest! {
    #[test]
    fn the_evaluator_says_what_the_model_says(chain in arbitrary_chain()) {
        let groups = ["g".to_owned(), "h".to_owned()];
        let who = Who { name: "u", groups: &groups[..1] };
        let held = model(&chain, who);
        let last = chain.len() - 1;
        let mine = |node: &Node| node.owner == "u" || node.owner == "g";
        let owns = chain.iter().any(|node| mine(node));
        for &privilege in Privilege::ALL {
            let external = [Privilege::ExternalUseSchema, Privilege::ExternalUseLocation].contains(&privilege);
            // ALL PRIVILEGES is asked for by nobody; it is only granted.
            if privilege == Privilege::AllPrivileges { continue; }
            let expected = held.contains(&(last, privilege)) || (mine(&chain[last]) && !external);
            prop_assert_eq!(has(&chain, who, privilege), expected, "{:?}", privilege);
        }
        prop_assert_eq!(manages(&chain, who), owns || held.contains(&(last, Privilege::Manage)));
        for level in 1..chain.len() {
            let through = match chain[level].kind {
                Kind::Catalog => held.contains(&(level, Privilege::UseCatalog)),
                Kind::Schema => held.contains(&(level, Privilege::UseSchema)),
                _ => true,
            } || chain[..=level].iter().any(|node| mine(node));
            prop_assert_eq!(passes(&chain[..=level], who), through);
        }
    }

    /// Another grant never takes anything away, and a stranger's grant gives nothing.
    #[test]
    fn grants_only_add(chain in arbitrary_chain(), level in 0usize..4, privilege in prop::sample::select(Privilege::ALL.to_vec())) {
        let groups = ["g".to_owned()];
        let who = Who { name: "u", groups: &groups };
        let level = level.min(chain.len() - 1);
        let with = |principal: &str| {
            let mut more = chain.clone();
            Arc::make_mut(&mut more[level]).grants.push(crate::node::Grant { principal: principal.into(), privilege });
            more
        };
        for &asked in Privilege::ALL {
            prop_assert!(has(&with("u"), who, asked) >= has(&chain, who, asked));
            prop_assert_eq!(has(&with("other"), who, asked), has(&chain, who, asked));
        }
        prop_assert!(sight(&with("u"), who) >= sight(&chain, who));
        prop_assert_eq!(sight(&with("other"), who), sight(&chain, who));
    }
}

/// Who can do what with a table, by what they were given and where. Read by a person; see `matrix.txt`.
#[test]
fn the_matrix_is_the_reviewed_one() {
    let usual = [("u", Privilege::UseCatalog), ("u", Privilege::UseSchema)];
    let mut text = String::from(
        "given                               see    browse-only select modify manage grant-use\n",
    );
    let mut line = |title: String, levels: [Vec<(&str, Privilege)>; 4], owner: Option<usize>| {
        let kinds = chain_of(Kind::Table);
        let chain: Vec<_> = kinds
            .into_iter()
            .zip(levels)
            .enumerate()
            .map(|(level, (kind, grants))| {
                Arc::new(node(kind, "x", if owner == Some(level) { "u" } else { "other" }, &grants))
            })
            .collect();
        let who = Who { name: "u", groups: &[] };
        let reachable = blocked(&chain, who).is_none();
        let yes = |flag: bool| if flag { "yes" } else { "-" };
        let seen = sight(&chain, who);
        writeln!(
            text,
            "{title:<35} {:<6} {:<11} {:<6} {:<6} {:<6} {:<6}",
            yes(seen != Sight::None),
            yes(seen == Sight::Browse),
            yes(reachable && has(&chain, who, Privilege::Select)),
            yes(reachable && has(&chain, who, Privilege::Modify)),
            yes(reachable && manages(&chain, who)),
            yes(reachable && has(&chain, who, Privilege::ExternalUseSchema)),
        )
        .unwrap();
    };
    let none = || [vec![], vec![], vec![], vec![]];
    line("nothing".into(), none(), None);
    for (level, name) in ["metastore", "catalog", "schema", "table"].into_iter().enumerate() {
        line(format!("owner of {name}"), none(), Some(level));
        let mut with_use = none();
        with_use[1].extend(usual);
        line(format!("USE, owner of {name}"), with_use, Some(level));
    }
    for privilege in [
        Privilege::Select,
        Privilege::Modify,
        Privilege::AllPrivileges,
        Privilege::Manage,
        Privilege::Browse,
        Privilege::ApplyTag,
        Privilege::ExternalUseSchema,
        Privilege::CreateTable,
    ] {
        for (level, kind, name) in
            [(1, Kind::Catalog, "catalog"), (2, Kind::Schema, "schema"), (3, Kind::Table, "table")]
        {
            if !privilege.grantable_on(kind) {
                continue;
            }
            let mut alone = none();
            alone[level].push(("u", privilege));
            line(format!("{} on {name}", privilege.title()), alone.clone(), None);
            alone[1].extend(usual);
            line(format!("USE, {} on {name}", privilege.title()), alone, None);
        }
    }
    let lines =
        |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    assert_eq!(lines(&text), lines(include_str!("matrix.txt")), "\n{text}");
}

#[test]
fn privileges_are_read_as_people_write_them() {
    for text in ["USE CATALOG", "use_catalog", " Use Catalog "] {
        assert_eq!(Privilege::parse(text).unwrap(), Privilege::UseCatalog);
    }
    for &privilege in Privilege::ALL {
        assert_eq!(Privilege::parse(privilege.as_str()).unwrap(), privilege);
        assert_eq!(Privilege::parse(&privilege.title()).unwrap(), privilege);
    }
    assert!(Privilege::parse("").is_err());
    assert!(Privilege::Select.grantable_on(Kind::Catalog));
    assert!(!Privilege::Select.grantable_on(Kind::Metastore));
    assert!(!Privilege::UseCatalog.grantable_on(Kind::Schema));
    assert!(!Privilege::Browse.grantable_on(Kind::Table));
    assert!(!Privilege::CreateCatalog.grantable_on(Kind::Catalog));
}
