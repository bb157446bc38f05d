//! Options of the server about names and networks.

use biplane_api::network::ServiceAddress;
use biplane_platform::IpNet;
use clap::Args;

#[derive(Debug, Args)]
pub struct NetworkArgs {
    /// `biplane.example.com`: every workspace is then found at `<deployment name>.biplane.example.com`, the
    /// account at `accounts.biplane.example.com`. Point a wildcard name of it here.
    #[arg(long, env = "BIPLANE_DOMAIN", value_parser = domain)]
    pub domain: Option<String>,
    /// A network of proxies in front of this server, `10.0.0.0/24`: only their `X-Forwarded-For` is believed.
    #[arg(long = "trusted-proxy", env = "BIPLANE_TRUSTED_PROXIES", value_delimiter = ',')]
    pub trusted_proxies: Vec<IpNet>,
    /// An address or network that compute has when it calls out, for network connectivity configurations.
    #[arg(long = "egress-address", env = "BIPLANE_EGRESS_ADDRESSES", value_delimiter = ',')]
    pub egress_addresses: Vec<IpNet>,
    /// `vpce-0123abcd=10.1.0.0/16`: what connects from this network comes through that private endpoint.
    #[arg(long = "private-endpoint", env = "BIPLANE_PRIVATE_ENDPOINTS", value_delimiter = ',', value_parser = endpoint)]
    pub private_endpoints: Vec<(String, IpNet)>,
    /// `com.amazonaws.vpce.eu.vpce-svc-1=10.1.2.3:5432`, as hosts of sandboxes reach it: private-endpoint rules
    /// for this service then lead their names there. Name it again for another address or port.
    #[arg(long = "endpoint-service", env = "BIPLANE_ENDPOINT_SERVICES", value_delimiter = ',', value_parser = service)]
    pub endpoint_services: Vec<(String, ServiceAddress)>,
}

fn domain(text: &str) -> Result<String, String> {
    let domain = text.trim_end_matches('.').to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    match domain.len() <= 190 && domain.split('.').all(label) {
        true => Ok(domain),
        false => Err("a domain has labels of letters, digits and hyphens".into()),
    }
}

fn service(text: &str) -> Result<(String, ServiceAddress), String> {
    let (name, at) = text.split_once('=').ok_or("write it as name=host:port")?;
    let shaped = (1..=255).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    match shaped {
        true => Ok((name.to_owned(), at.parse().map_err(|error| format!("{error}"))?)),
        false => {
            Err("the name of a service has letters, digits, dots, hyphens and underscores".into())
        }
    }
}

fn endpoint(text: &str) -> Result<(String, IpNet), String> {
    let (id, net) = text.split_once('=').ok_or("write it as vpce-…=10.0.0.0/16")?;
    if !id.starts_with("vpce-") {
        return Err("the name of a private endpoint begins with vpce-".into());
    }
    Ok((id.to_owned(), net.parse().map_err(|error| format!("{error}"))?))
}
