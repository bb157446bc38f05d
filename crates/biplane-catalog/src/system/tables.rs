//! The schemas and tables of `system`, made with a metastore and brought up to date at every start.

use crate::Catalog;
use crate::catalogs::ops::{SYSTEM_USER, row};
use crate::edit::json;
use crate::kind::Kind;
use crate::metastores::store as metastores;
use crate::node::Node;
use crate::privilege::Privilege;
use crate::store;
use crate::tables::columns;
use crate::tables::ops::Details;
use biplane_api::catalog::system_tables::{
    SYSTEM_FORMAT, SYSTEM_SCHEMAS, SYSTEM_TABLES, SystemTable,
};
use biplane_platform::{Result, Tx};

const METASTORES_MAX: usize = 1000;

impl Catalog {
    /// All metastores get what this version has.
    pub async fn system_tables_renew(&self) -> Result<()> {
        let (mut tx, now) = (self.db.write().await?, self.clock.now_ms());
        let mut changed = false;
        for (id, _) in metastores::ids(&mut tx, "", METASTORES_MAX).await? {
            let Some(metastore) = store::by_id(&mut tx, &id).await? else { continue };
            let system = store::by_name(&mut tx, &id, Kind::Catalog, "system").await?;
            if let Some(system) = system.filter(|catalog| catalog.system) {
                changed |= renew(&mut tx, &metastore, &system, now).await?;
            }
        }
        if changed {
            self.commit(tx).await?;
        }
        Ok(())
    }
}

/// Whether anything was missing or old.
pub(crate) async fn renew(tx: &mut Tx, metastore: &Node, system: &Node, now: i64) -> Result<bool> {
    let mut changed = false;
    for (name, comment) in SYSTEM_SCHEMAS {
        let schema = match store::by_name(tx, &system.id, Kind::Schema, name).await? {
            Some(schema) => schema,
            None => {
                changed = true;
                schema_insert(tx, metastore, system, (name, comment), now).await?
            }
        };
        for table in SYSTEM_TABLES.iter().filter(|table| table.schema == *name) {
            changed |= table_renew(tx, &schema, table, now).await?;
        }
    }
    Ok(changed)
}

async fn schema_insert(
    tx: &mut Tx,
    metastore: &Node,
    system: &Node,
    (name, comment): (&str, &str),
    now: i64,
) -> Result<Node> {
    let mut schema = row(system, Kind::Schema, name, SYSTEM_USER, now);
    schema.comment = Some(comment.to_owned());
    schema.system = true;
    store::insert(tx, &schema, name).await?;
    for privilege in [Privilege::UseSchema, Privilege::Select] {
        store::grant_add(tx, &schema.id, &metastore.owner, privilege).await?;
    }
    Ok(schema)
}

async fn table_renew(tx: &mut Tx, schema: &Node, table: &SystemTable, now: i64) -> Result<bool> {
    let details = Details {
        table_type: "MANAGED".to_owned(),
        data_source_format: Some(SYSTEM_FORMAT.to_owned()),
        ..Details::default()
    };
    let mut wanted = row(schema, Kind::Table, table.name, SYSTEM_USER, now);
    wanted.system = true;
    wanted.comment = Some(table.comment.to_owned());
    wanted.columns = Some(columns::checked(table.column_infos())?);
    wanted.details = json(&details)?;
    let full_name = format!("system.{}.{}", table.schema, table.name);
    let Some(known) = store::by_name(tx, &schema.id, Kind::Table, table.name).await? else {
        store::insert(tx, &wanted, &full_name).await?;
        return Ok(true);
    };
    if (&known.columns, &known.comment, &known.details)
        == (&wanted.columns, &wanted.comment, &wanted.details)
    {
        return Ok(false);
    }
    let renewed = Node {
        columns: wanted.columns,
        comment: wanted.comment,
        details: wanted.details,
        updated_at: now,
        ..known
    };
    store::update(tx, &renewed, &full_name).await?;
    Ok(true)
}
