//! Volumes: CREATE, ALTER, DROP.

use biplane_api::catalog::{CreateVolume as CreateVolumeBody, UpdateVolume, VolumeInfo};

use super::catalog::finish_drop;
use super::rest::{Rest, encode, is_taken};
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::output::Output;
use crate::parser::{AlterVolume, ContainerAction, CreateVolume, Name};

pub async fn create(cx: &StatementContext, create: CreateVolume) -> SqlResult<Output> {
    let [catalog_name, schema_name, name] = cx.qualify_parts(&create.name.0)?;
    let body = CreateVolumeBody {
        name,
        catalog_name,
        schema_name,
        volume_type: if create.external { "EXTERNAL" } else { "MANAGED" }.to_owned(),
        storage_location: create.location,
        comment: create.comment,
    };
    match Rest::new(cx).post::<VolumeInfo>("volumes", &body).await {
        Err(error) if create.if_not_exists && is_taken(&error) => Ok(Output::Empty),
        done => done.map(|_| Output::Empty).map_err(SqlError::from),
    }
}

pub async fn alter(cx: &StatementContext, alter: AlterVolume) -> SqlResult<Output> {
    let body = match alter.action {
        ContainerAction::SetOwner(owner) => {
            UpdateVolume { owner: Some(owner), ..Default::default() }
        }
        ContainerAction::Rename(to) => {
            let [_, _, to] = cx.qualify_parts(&to.0)?;
            UpdateVolume { new_name: Some(to), ..Default::default() }
        }
        ContainerAction::SetProperties(_) => {
            return Err(SqlError::unsupported("properties of a volume"));
        }
    };
    update(cx, &alter.name, &body).await
}

pub async fn comment(cx: &StatementContext, name: &Name, comment: String) -> SqlResult<Output> {
    update(cx, name, &UpdateVolume { comment: Some(comment), ..Default::default() }).await
}

async fn update(cx: &StatementContext, name: &Name, body: &UpdateVolume) -> SqlResult<Output> {
    let full_name = cx.qualify_parts(&name.0)?.join(".");
    let _: VolumeInfo =
        Rest::new(cx).patch(&format!("volumes/{}", encode(&full_name)), body).await?;
    Ok(Output::Empty)
}

pub async fn drop(cx: &StatementContext, name: &Name, if_exists: bool) -> SqlResult<Output> {
    let full_name = cx.qualify_parts(&name.0)?.join(".");
    finish_drop(Rest::new(cx).delete(&format!("volumes/{}", encode(&full_name))).await, if_exists)
}
