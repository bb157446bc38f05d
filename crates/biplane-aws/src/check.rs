//! Looks a workspace's place over: whether the role may be assumed and may start hosts, and whether the
//! network leads out. Findings say what to do; a cloud that does not answer is an error, not a finding.

use crate::session::Session;
use crate::{Aws, errors, launch, tags};
use aws_sdk_ec2::types::{
    AttributeBooleanValue, IpPermission, RouteTable, Subnet, VpcAttributeName,
};
use biplane_compute::provider::{
    Finding, Network, Place, ProviderError, ProviderErrorKind, ProviderResult,
};

const FEW_ADDRESSES: i32 = 8;
const EVERYWHERE: &str = "0.0.0.0/0";

struct Findings(Vec<Finding>);

impl Findings {
    fn broken(&mut self, what: &str, message: impl Into<String>) {
        self.0.push(Finding { what: what.into(), message: message.into(), broken: true });
    }

    fn warned(&mut self, what: &str, message: impl Into<String>) {
        self.0.push(Finding { what: what.into(), message: message.into(), broken: false });
    }

    /// What AWS refuses is a finding.
    fn refused(&mut self, what: &str, error: ProviderError) -> ProviderResult<()> {
        match error.kind {
            ProviderErrorKind::Throttled | ProviderErrorKind::Unavailable => Err(error),
            ProviderErrorKind::Unauthorized => {
                self.broken("credentials", error.message);
                Ok(())
            }
            _ => {
                self.broken(what, error.message);
                Ok(())
            }
        }
    }
}

pub async fn check(aws: &Aws, place: &Place) -> ProviderResult<Vec<Finding>> {
    let mut found = Findings(Vec::new());
    let session = match aws.sessions.open(place).await {
        Ok(session) => session,
        Err(error) => {
            found.refused("credentials", error)?;
            return Ok(found.0);
        }
    };
    let Some(network) = &place.network else {
        found.broken("vpc", "The workspace has no network to start hosts in.");
        return Ok(found.0);
    };
    vpc(&session, network, &mut found).await?;
    subnets(&session, place, network, &mut found).await?;
    groups(&session, network, &mut found).await?;
    Ok(found.0)
}

async fn vpc(session: &Session, network: &Network, found: &mut Findings) -> ProviderResult<()> {
    let id = &network.vpc_id;
    let asked = session.asked("look at the workspace's VPC");
    let answer = session.ec2.describe_vpcs().vpc_ids(id).send().await;
    if let Err(error) = answer {
        return found.refused("vpc", errors::of(asked, error));
    }
    let request = session.ec2.describe_vpc_attribute().vpc_id(id);
    let answer = request.attribute(VpcAttributeName::EnableDnsSupport).send().await;
    match answer {
        Err(error) => found.refused("vpc", errors::of(asked, error)),
        Ok(answer) => {
            let on = answer.enable_dns_support().and_then(AttributeBooleanValue::value);
            if on == Some(false) {
                found.broken(
                    "vpc",
                    format!("{id} resolves no names: turn on enableDnsSupport, so that hosts find the relay."),
                );
            }
            Ok(())
        }
    }
}

async fn subnets(
    session: &Session,
    place: &Place,
    network: &Network,
    found: &mut Findings,
) -> ProviderResult<()> {
    let subnets = match launch::subnets(session, place).await {
        Ok(subnets) => subnets,
        Err(error) => return found.refused("subnet", error),
    };
    for subnet in &subnets {
        let id = subnet.subnet_id().unwrap_or_default();
        if subnet.vpc_id() != Some(&network.vpc_id) {
            found.broken("subnet", format!("{id} is not in {}.", network.vpc_id));
        }
        match launch::free(subnet) {
            0 => found.warned("subnet", format!("{id} has no free address: no host starts there.")),
            few if few < FEW_ADDRESSES => {
                found.warned("subnet", format!("{id} has only {few} free addresses."));
            }
            _ => {}
        }
    }
    if !subnets.is_empty() && subnets.iter().all(|subnet| launch::free(subnet) == 0) {
        found.broken("subnet", "No subnet of the network has a free address.");
    }
    routes(session, network, &subnets, found).await
}

/// Hosts have no public address: what goes out needs a NAT, a transit gateway, or the like.
async fn routes(
    session: &Session,
    network: &Network,
    subnets: &[Subnet],
    found: &mut Findings,
) -> ProviderResult<()> {
    let asked = session.asked("look at the workspace's routes");
    let request = session.ec2.describe_route_tables();
    let answer = request.filters(tags::filter("vpc-id", [&network.vpc_id])).send().await;
    let tables = match answer {
        Ok(answer) => answer.route_tables.unwrap_or_default(),
        Err(error) => return found.refused("subnet", errors::of(asked, error)),
    };
    for id in subnets.iter().filter_map(|subnet| subnet.subnet_id()) {
        let Some(table) = table_of(&tables, id) else { continue };
        let default =
            table.routes().iter().find(|r| r.destination_cidr_block() == Some(EVERYWHERE));
        match default {
            None => found.warned(
                "subnet",
                format!(
                    "{id} has no route to the internet: hosts reach only what the VPC leads to."
                ),
            ),
            Some(route)
                if route.gateway_id().is_some_and(|gateway| gateway.starts_with("igw-")) =>
            {
                found.broken(
                    "subnet",
                    format!(
                        "{id} leads out through an internet gateway, which needs public addresses, and hosts have \
                         none. Route 0.0.0.0/0 to a NAT gateway."
                    ),
                );
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Its own, or the VPC's main one.
fn table_of<'a>(tables: &'a [RouteTable], subnet: &str) -> Option<&'a RouteTable> {
    let own = tables
        .iter()
        .find(|table| table.associations().iter().any(|one| one.subnet_id() == Some(subnet)));
    own.or_else(|| {
        tables.iter().find(|table| table.associations().iter().any(|one| one.main() == Some(true)))
    })
}

async fn groups(session: &Session, network: &Network, found: &mut Findings) -> ProviderResult<()> {
    let ids = network.security_group_ids.clone();
    let asked = session.asked("look at the workspace's security groups");
    let request = session.ec2.describe_security_groups().set_group_ids(Some(ids));
    let groups = match request.send().await {
        Ok(answer) => answer.security_groups.unwrap_or_default(),
        Err(error) => return found.refused("securityGroup", errors::of(asked, error)),
    };
    for group in &groups {
        let id = group.group_id().unwrap_or_default();
        if group.vpc_id() != Some(&network.vpc_id) {
            found.broken("securityGroup", format!("{id} is not in {}.", network.vpc_id));
        }
        if group.ip_permissions().iter().any(open_to_all) {
            found.warned(
                "securityGroup",
                format!("{id} lets everybody in; hosts need no connection from outside."),
            );
        }
    }
    if groups.iter().all(|group| group.ip_permissions_egress().is_empty()) {
        found.broken(
            "securityGroup",
            "The security groups let nothing out: hosts dial out to the relay by TCP.",
        );
    }
    // Members of a cluster reach each other.
    let among = groups.iter().any(|group| {
        let pairs = group.ip_permissions().iter().flat_map(IpPermission::user_id_group_pairs);
        let mut sources = pairs.filter_map(|pair| pair.group_id());
        sources.any(|source| network.security_group_ids.iter().any(|id| id == source))
    });
    if !among {
        found.warned(
            "securityGroup",
            "The security groups let no host reach another: clusters with workers need all TCP from the group itself.",
        );
    }
    Ok(())
}

fn open_to_all(permission: &IpPermission) -> bool {
    let four = permission.ip_ranges().iter().any(|range| range.cidr_ip() == Some(EVERYWHERE));
    four || permission.ipv6_ranges().iter().any(|range| range.cidr_ipv6() == Some("::/0"))
}
