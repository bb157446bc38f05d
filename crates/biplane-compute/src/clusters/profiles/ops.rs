//! The rules of instance profiles. Admins of the workspace add and remove them; clusters that have one keep it.

use super::store;
use crate::Compute;
use crate::clusters::reasons;
use biplane_api::instance_profiles::{InstanceProfile, InstanceProfilePut, InstanceProfiles};
use biplane_platform::{ApiError, Ctx, ErrorCode, Result};

const PROFILES_MAX: usize = 200;
const ARN_CHARS_MAX: usize = 512;

fn missing(arn: &str) -> ApiError {
    ApiError::not_found(format!("The instance profile {arn:.512} does not exist."))
}

/// The account of an ARN of IAM: `arn:aws:iam::123456789012:<kind>/<name>`.
fn account<'a>(arn: &'a str, kind: &str) -> Option<&'a str> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let &["arn", partition, "iam", "", account, resource] = parts.as_slice() else { return None };
    let name = resource.strip_prefix(kind)?.strip_prefix('/')?;
    let of_aws = partition == "aws" || partition.starts_with("aws-");
    let digits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let named =
        !name.is_empty() && !name.ends_with('/') && name.bytes().all(|b| b.is_ascii_graphic());
    (of_aws && digits && named && arn.len() <= ARN_CHARS_MAX).then_some(account)
}

fn checked(asked: &InstanceProfilePut) -> Result<InstanceProfile> {
    let arn = asked.instance_profile_arn.as_deref().unwrap_or_default();
    let of = account(arn, "instance-profile").ok_or_else(|| {
        ApiError::invalid("instance_profile_arn is arn:aws:iam::<account>:instance-profile/<name>.")
    })?;
    let role = asked.iam_role_arn.clone().filter(|role| !role.is_empty());
    match role.as_deref().map(|role| account(role, "role")) {
        None => {}
        Some(Some(same)) if same == of => {}
        Some(Some(_)) => {
            return Err(ApiError::invalid("An instance profile has a role of its own account."));
        }
        Some(None) => {
            return Err(ApiError::invalid("iam_role_arn is arn:aws:iam::<account>:role/<name>."));
        }
    }
    Ok(InstanceProfile {
        instance_profile_arn: arn.to_owned(),
        iam_role_arn: role,
        is_meta_instance_profile: asked.is_meta_instance_profile == Some(true),
    })
}

impl Compute {
    pub async fn instance_profile_add(&self, ctx: &Ctx, asked: &InstanceProfilePut) -> Result<()> {
        ctx.require_workspace_admin()?;
        let workspace = ctx.workspace()?;
        let one = checked(asked)?;
        let (name, place) = self.place_of(workspace).await?;
        let provider = self.provider(&name)?;
        if !provider.has_profiles() {
            return Err(ApiError::unsupported(
                "Instance profiles in a workspace whose hosts are not in AWS",
            ));
        }
        let own = place.role_arn.as_deref().and_then(|role| account(role, "role"));
        if own != account(&one.instance_profile_arn, "instance-profile") {
            return Err(ApiError::invalid(
                "The instance profile is of another AWS account than the workspace's credentials.",
            ));
        }
        if asked.skip_validation != Some(true) {
            let checked = provider.profile_check(&place, &one.instance_profile_arn);
            self.answered(checked).await.map_err(reasons::to_caller)?;
        }
        let mut tx = self.db.write().await?;
        if store::all(&mut tx, workspace).await?.len() >= PROFILES_MAX {
            return Err(ApiError::new(
                ErrorCode::ResourceExhausted,
                format!("A workspace has at most {PROFILES_MAX} instance profiles."),
            ));
        }
        if !store::insert(&mut tx, ctx, &one).await? {
            return Err(ApiError::new(
                ErrorCode::ResourceAlreadyExists,
                format!("The instance profile {} was added already.", one.instance_profile_arn),
            ));
        }
        tx.commit().await
    }

    /// Another role, or another kind.
    pub async fn instance_profile_edit(&self, ctx: &Ctx, asked: &InstanceProfilePut) -> Result<()> {
        ctx.require_workspace_admin()?;
        let one = checked(asked)?;
        let mut tx = self.db.write().await?;
        if !store::set_role(&mut tx, ctx.workspace()?, &one).await? {
            return Err(missing(&one.instance_profile_arn));
        }
        tx.commit().await
    }

    pub async fn instance_profile_list(&self, ctx: &Ctx) -> Result<InstanceProfiles> {
        let mut all = store::all(&mut self.db.read().await?, ctx.workspace()?).await?;
        if let Some(given) = self.profiles_given(ctx).await? {
            all.retain(|one| given.contains(&one.instance_profile_arn));
        }
        Ok(InstanceProfiles { instance_profiles: all })
    }

    /// Those that the caller was given as roles; None: all, for admins.
    async fn profiles_given(&self, ctx: &Ctx) -> Result<Option<Vec<String>>> {
        if ctx.principal.workspace_admin {
            return Ok(None);
        }
        let places = self.clusters.places.read().clone();
        let Some(places) = places else { return Ok(Some(Vec::new())) };
        places.profiles_of(ctx.workspace()?, ctx.principal.id).await.map(Some)
    }

    pub async fn instance_profile_remove(&self, ctx: &Ctx, arn: &str) -> Result<()> {
        ctx.require_workspace_admin()?;
        let mut tx = self.db.write().await?;
        if !store::delete(&mut tx, ctx.workspace()?, arn).await? {
            return Err(missing(arn));
        }
        tx.commit().await
    }

    /// Refuses a profile that nobody added, or that the caller was not given, unless it was there `before`.
    pub(in crate::clusters) async fn profile_known(
        &self,
        ctx: &Ctx,
        before: Option<&str>,
        asked: Option<&str>,
    ) -> Result<()> {
        let Some(arn) = asked.filter(|arn| !arn.is_empty() && Some(*arn) != before) else {
            return Ok(());
        };
        let all = store::all(&mut self.db.read().await?, ctx.workspace()?).await?;
        if !all.iter().any(|one| one.instance_profile_arn == arn) {
            return Err(ApiError::invalid(format!(
                "The instance profile {arn:.512} is none of this workspace. An admin adds them."
            )));
        }
        match self.profiles_given(ctx).await? {
            Some(given) if !given.iter().any(|one| one == arn) => Err(ApiError::denied(format!(
                "{} may not use the instance profile {arn:.512}. An admin gives it to users and groups as a role.",
                ctx.principal.name
            ))),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_are_what_they_say() {
        let of = |arn| account(arn, "instance-profile");
        assert_eq!(of("arn:aws:iam::123456789012:instance-profile/a/b"), Some("123456789012"));
        assert_eq!(of("arn:aws-cn:iam::123456789012:instance-profile/b"), Some("123456789012"));
        for wrong in [
            "",
            "arn:aws:iam::123456789012:role/b",
            "arn:aws:iam::12345678901:instance-profile/b",
            "arn:aws:iam::123456789012:instance-profile/",
            "arn:aws:iam::123456789012:instance-profile/a b",
            "arn:awsx:iam::123456789012:instance-profile/b",
        ] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
