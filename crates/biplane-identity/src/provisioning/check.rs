//! The shapes of names in a cloud.

use biplane_platform::{ApiError, Result};

/// `vpc-0a1b…`
pub fn cloud_id<'a>(what: &str, prefix: &str, id: &'a str) -> Result<&'a str> {
    let shaped = id.strip_prefix(prefix).is_some_and(|rest| {
        (1..=32).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric())
    });
    match shaped {
        true => Ok(id),
        false => Err(ApiError::invalid(format!("{what} must begin with {prefix}: {id:.64}"))),
    }
}

/// One to `max` of them, none twice.
pub fn cloud_ids(
    what: &str,
    prefix: &str,
    ids: Option<&[String]>,
    max: usize,
) -> Result<Vec<String>> {
    let ids = ids.unwrap_or_default();
    if ids.is_empty() || ids.len() > max {
        return Err(ApiError::invalid(format!("{what} must name 1 to {max}.")));
    }
    let mut known: Vec<String> = Vec::with_capacity(ids.len());
    for id in ids {
        let id = cloud_id(what, prefix, id)?;
        if known.iter().any(|one| one == id) {
            return Err(ApiError::invalid(format!("{what} names {id} twice.")));
        }
        known.push(id.to_owned());
    }
    Ok(known)
}

/// `arn:aws:<service>:<region>:<account>:<resource>`: (region, account, resource).
pub fn arn<'a>(what: &str, service: &str, arn: &'a str) -> Result<(&'a str, &'a str, &'a str)> {
    let wrong = || ApiError::invalid(format!("{what} must be the ARN of an {service} resource."));
    let printable = arn.len() <= 2048 && arn.bytes().all(|b| b.is_ascii_graphic());
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [scheme, partition, of, region, account, resource] = parts[..] else {
        return Err(wrong());
    };
    let good = printable
        && scheme == "arn"
        && (partition == "aws" || partition.starts_with("aws-"))
        && of == service
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit())
        && !resource.is_empty();
    if good { Ok((region, account, resource)) } else { Err(wrong()) }
}

pub fn role_arn(what: &str, role: Option<&str>) -> Result<String> {
    let role = role.unwrap_or_default();
    let (_, _, resource) = arn(what, "iam", role)?;
    match resource.strip_prefix("role/").is_some_and(|name| !name.is_empty()) {
        true => Ok(role.to_owned()),
        false => Err(ApiError::invalid(format!(
            "{what} must be the ARN of a role: arn:aws:iam::123456789012:role/name."
        ))),
    }
}

pub fn bucket(name: Option<&str>) -> Result<&str> {
    let name = name.unwrap_or_default();
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let good = (3..=63).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.'))
        && edge(name.chars().next())
        && edge(name.chars().next_back())
        && !name.contains("..");
    match good {
        true => Ok(name),
        false => {
            Err(ApiError::invalid("root_bucket_info.bucket_name must be the name of a bucket."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_cloud_have_their_shapes() {
        assert!(cloud_id("vpc_id", "vpc-", "vpc-0123456789abcdef0").is_ok());
        for bad in ["", "vpc-", "subnet-1", "vpc-a b", "vpc-0123456789abcdef0123456789abcdef0"] {
            assert!(cloud_id("vpc_id", "vpc-", bad).is_err(), "{bad}");
        }
        let two = ["subnet-1".to_owned(), "subnet-1".to_owned()];
        assert!(cloud_ids("subnet_ids", "subnet-", Some(&two), 20).is_err());
        assert!(role_arn("role_arn", Some("arn:aws:iam::123456789012:role/path/name")).is_ok());
        assert!(role_arn("role_arn", Some("arn:aws-us-gov:iam::123456789012:role/name")).is_ok());
        for bad in [
            "",
            "arn:aws:iam::123456789012:user/name",
            "arn:aws:iam::12345:role/name",
            "arn:aws:s3:::bucket",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role/a b",
        ] {
            assert!(role_arn("role_arn", Some(bad)).is_err(), "{bad}");
        }
        let key = "arn:aws:kms:eu-central-1:123456789012:key/0a";
        assert_eq!(arn("key_arn", "kms", key).unwrap().0, "eu-central-1");
        assert!(bucket(Some("my-bucket.of-data")).is_ok());
        for bad in ["", "ab", "Abc", "a..b", "-abc", "abc-", "a/b/c"] {
            assert!(bucket(Some(bad)).is_err(), "{bad}");
        }
    }
}
