//! The variables of a cluster's programs. Those that name secrets are resolved when a cluster starts, as its
//! owner, and are kept in memory alone.

use super::store::Cluster;
use crate::Compute;
use biplane_api::clusters::ClusterSpec;
use biplane_platform::{ApiError, Ctx, Result};
use std::collections::BTreeMap;
use std::fmt;

const BEFORE: &str = "{{secrets/";
const AFTER: &str = "}}";

/// With values that nobody is shown.
#[derive(Clone, Default)]
pub(crate) struct Environment {
    pub variables: BTreeMap<String, String>,
    /// The names of those whose values are secrets.
    pub secret: Vec<String>,
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

impl Environment {
    /// The same text without the values of secrets: what goes to logs and messages.
    pub fn hide(&self, text: &str) -> String {
        let values = self.secret.iter().filter_map(|name| self.variables.get(name));
        let values = values.map(|value| value.trim()).filter(|value| !value.is_empty());
        values.fold(text.to_owned(), |text, value| text.replace(value, "[REDACTED]"))
    }
}

/// Scope and key that a value stands for.
fn reference(value: &str) -> Result<Option<(&str, &str)>> {
    if !value.contains(BEFORE) {
        return Ok(None);
    }
    let inner = value.trim().strip_prefix(BEFORE).and_then(|rest| rest.strip_suffix(AFTER));
    let parts = inner.and_then(|inner| inner.split_once('/'));
    match parts {
        Some((scope, key)) if !key.contains(['/', '{', '}']) && !scope.is_empty() => {
            Ok(Some((scope, key)))
        }
        _ => Err(ApiError::invalid(
            "A reference to a secret is the whole value: {{secrets/<scope>/<key>}}.",
        )),
    }
}

fn values(spec: &ClusterSpec) -> impl Iterator<Item = &String> {
    let both = [&spec.spark_env_vars, &spec.spark_conf];
    both.into_iter().flatten().flat_map(BTreeMap::values)
}

/// Refuses references that are none.
pub(super) fn check(spec: &ClusterSpec) -> Result<()> {
    values(spec).try_for_each(|value| reference(value).map(drop))
}

impl Compute {
    /// What is new in `spec` is there for the cluster; what is read as its owner, whoever asks may read, too.
    pub(super) async fn cluster_reads_check(
        &self,
        ctx: &Ctx,
        row: Option<&Cluster>,
        spec: &ClusterSpec,
    ) -> Result<()> {
        let before = row.map(|row| &row.spec);
        self.secrets_check(ctx, before, spec).await?;
        self.log_place_check(ctx, before, spec).await?;
        let profile = |spec: &'_ ClusterSpec| {
            spec.aws_attributes.as_ref().and_then(|aws| aws.instance_profile_arn.clone())
        };
        let known = before.and_then(profile);
        self.profile_known(ctx, known.as_deref(), profile(spec).as_deref()).await?;
        let known = before.map(super::scripts::sources).transpose()?.unwrap_or_default();
        let owner = row.map_or(ctx.principal.name.as_str(), |row| row.creator_name.as_str());
        for source in super::scripts::sources(spec)? {
            if !known.contains(&source) {
                match &source.bucket {
                    None => self.file_check(ctx, owner, &source.path).await?,
                    Some(how) => self.object_known(ctx, owner, &source.path, how).await?,
                }
            }
        }
        Ok(())
    }

    /// Refuses references to secrets that are new and that the caller may not read: the cluster reads them as
    /// its owner.
    async fn secrets_check(
        &self,
        ctx: &Ctx,
        before: Option<&ClusterSpec>,
        spec: &ClusterSpec,
    ) -> Result<()> {
        for value in values(spec) {
            let known = before.is_some_and(|before| values(before).any(|old| old == value));
            if let (false, Some((scope, key))) = (known, reference(value)?) {
                self.supplies()?.secret(ctx, scope, key).await?;
            }
        }
        Ok(())
    }

    /// For programs on the hosts of a cluster, as of its last start.
    pub(super) async fn cluster_environment(&self, row: &Cluster) -> Result<Environment> {
        let mut found = Environment {
            variables: row.spec.spark_env_vars.clone().unwrap_or_default(),
            secret: Vec::new(),
        };
        if !values(&row.spec).any(|value| value.contains(BEFORE)) {
            return Ok(found);
        }
        let kept = self.clusters.environments.lock().get(&row.id).cloned();
        if let Some((generation, kept)) = kept
            && generation == row.generation
        {
            return Ok(kept);
        }
        let (owner, supplies) = (self.cluster_owner(row).await?, self.supplies()?);
        for value in row.spec.spark_conf.iter().flat_map(BTreeMap::values) {
            if let Some((scope, key)) = reference(value)? {
                supplies.secret(&owner, scope, key).await?;
            }
        }
        for (name, value) in &mut found.variables {
            if let Some((scope, key)) = reference(value)? {
                let read = supplies.secret(&owner, scope, key).await?;
                let text = String::from_utf8(read).ok().filter(|text| !text.contains('\0'));
                *value = text.ok_or_else(|| {
                    ApiError::invalid(format!("The secret of {name:.64} is no text."))
                })?;
                found.secret.push(name.clone());
            }
        }
        let kept = (row.generation, found.clone());
        self.clusters.environments.lock().insert(row.id.clone(), kept);
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_the_whole_value() {
        assert_eq!(reference("plain").unwrap(), None);
        assert_eq!(reference("{{secrets/a/b}}").unwrap(), Some(("a", "b")));
        for bad in [
            "x{{secrets/a/b}}",
            "{{secrets/a}}",
            "{{secrets/a/b/c}}",
            "{{secrets//b}}",
            "{{secrets/a/b",
        ] {
            assert!(reference(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn nobody_is_shown_a_value() {
        let variables = BTreeMap::from([("A".to_owned(), "word".to_owned())]);
        let environment = Environment { variables, secret: vec!["A".into()] };
        assert_eq!(format!("{environment:?}"), "{\"A\"}");
        assert_eq!(environment.hide("a word, words"), "a [REDACTED], [REDACTED]s");
    }
}
