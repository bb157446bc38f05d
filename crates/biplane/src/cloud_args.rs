//! Options of the server about hosts in the AWS accounts of customers.

use biplane_server::{CloudConfig, HostsConfig};
use clap::Args;
use std::time::Duration;

#[derive(Debug, Args)]
pub struct CloudArgs {
    /// A region of AWS in which clusters may run, in the accounts that workspaces name. Without one nothing of
    /// AWS is asked. The server's own credentials are found as AWS's tools find them. May be repeated.
    #[arg(long = "aws-region", env = "BIPLANE_AWS_REGIONS", value_delimiter = ',', value_parser = region)]
    pub regions: Vec<String>,
    /// `eu-central-1=ami-0123…` or `eu-central-1/arm64=ami-…`: what hosts boot there. Default: the newest Amazon
    /// Linux 2023. May be repeated.
    #[arg(long = "aws-image", env = "BIPLANE_AWS_IMAGES", value_delimiter = ',', value_parser = image)]
    pub images: Vec<(String, String)>,
    /// `eu-central-1/m5.large=0.115`: US dollars per hour on demand, by which bids for spot capacity other than
    /// 100 % are reckoned. May be repeated.
    #[arg(long = "aws-price", env = "BIPLANE_AWS_PRICES", value_delimiter = ',', value_parser = price)]
    pub prices: Vec<(String, f64)>,
    /// A service that speaks EC2 and STS and is not AWS. Default: AWS_ENDPOINT_URL and its like.
    #[arg(long, env = "BIPLANE_AWS_ENDPOINT")]
    pub aws_endpoint: Option<String>,
    /// `host:port` at which hosts of clusters reach the relay, when that is not what it listens on.
    #[arg(long, env = "BIPLANE_RELAY_ADDRESS")]
    pub relay_address: Option<String>,
    /// Where hosts in cloud accounts get this program from.
    #[arg(
        long,
        env = "BIPLANE_HOST_PROGRAM_URL",
        default_value = "",
        requires = "host_program_sha256"
    )]
    pub host_program_url: String,
    /// The SHA-256 that it must have.
    #[arg(long, env = "BIPLANE_HOST_PROGRAM_SHA256", default_value = "")]
    pub host_program_sha256: String,
    /// A host of a cluster that has not joined after this long is ended, and its cluster with BOOTSTRAP_TIMEOUT.
    #[arg(long, env = "BIPLANE_HOST_BOOT_SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub host_boot_seconds: u64,
    /// An order of a host is repeated for this long while the cloud is busy or does not answer.
    #[arg(long, env = "BIPLANE_HOST_LAUNCH_SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub host_launch_seconds: u64,
}

impl CloudArgs {
    /// Hosts on this machine are `biplane up`'s.
    pub fn hosts(&self) -> HostsConfig {
        HostsConfig {
            relay_address: self.relay_address.clone(),
            program_url: self.host_program_url.clone(),
            program_sha256: self.host_program_sha256.clone(),
            boot_wait: Duration::from_secs(self.host_boot_seconds),
            launch_wait: Duration::from_secs(self.host_launch_seconds),
            local: None,
        }
    }
}

fn region(text: &str) -> Result<String, String> {
    let shaped = (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if shaped { Ok(text.to_owned()) } else { Err("write it as eu-central-1".into()) }
}

fn image(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((region, id)) if id.starts_with("ami-") => Ok((region.to_owned(), id.to_owned())),
        _ => Err("write it as eu-central-1=ami-0123456789abcdef0".into()),
    }
}

fn price(text: &str) -> Result<(String, f64), String> {
    let parts = text.split_once('=').filter(|(of, _)| of.contains('/'));
    let price = parts.and_then(|(of, price)| Some((of.to_owned(), price.parse::<f64>().ok()?)));
    price
        .filter(|(_, price)| price.is_finite() && *price > 0.0)
        .ok_or_else(|| "write it as eu-central-1/m5.large=0.115".into())
}

#[cfg(feature = "aws")]
pub async fn cloud(args: &CloudArgs) -> anyhow::Result<Option<CloudConfig>> {
    if args.regions.is_empty() {
        return Ok(None);
    }
    let config = biplane_aws::AwsConfig {
        endpoint: args.aws_endpoint.clone(),
        key: None,
        images: args.images.iter().cloned().collect(),
        prices: args.prices.iter().cloned().collect(),
    };
    let provider = biplane_aws::Aws::new(config).await?;
    Ok(Some(CloudConfig { provider, regions: args.regions.clone() }))
}

#[cfg(not(feature = "aws"))]
pub async fn cloud(args: &CloudArgs) -> anyhow::Result<Option<CloudConfig>> {
    anyhow::ensure!(args.regions.is_empty(), "this program was built without AWS");
    Ok(None)
}
