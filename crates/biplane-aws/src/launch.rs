//! Starting one host: where there is room, on spot capacity if that is wished, and never twice.

use crate::errors::{self, invalid};
use crate::images::Image;
use crate::session::Session;
use crate::{Aws, hosts, tags, user_data};
use aws_sdk_ec2::operation::run_instances::builders::RunInstancesFluentBuilder;
use aws_sdk_ec2::types::{
    BlockDeviceMapping, EbsBlockDevice, HttpTokensState, IamInstanceProfileSpecification,
    InstanceInterruptionBehavior, InstanceMarketOptionsRequest, InstanceMetadataEndpointState,
    InstanceMetadataOptionsRequest, InstanceNetworkInterfaceSpecification, InstanceType,
    MarketType, ResourceType, ShutdownBehavior, SpotInstanceType, SpotMarketOptions, Subnet, Tag,
    TagSpecification, VolumeType,
};
use base64::Engine;
use biplane_compute::provider::{
    Availability, Host, HostOrder, HostState, Network, Place, ProviderError,
    ProviderErrorKind as Kind, ProviderResult,
};

/// A type that every region has.
const REHEARSED: &str = "m5.large";
/// What a host's disk has at least.
const DISK_GIB: i32 = 64;

fn network(place: &Place) -> ProviderResult<&Network> {
    let network = place.network.as_ref().filter(|network| !network.subnet_ids.is_empty());
    network.ok_or_else(|| invalid("The workspace has no network to start hosts in."))
}

/// The workspace's subnets, those with most room first.
pub async fn subnets(session: &Session, place: &Place) -> ProviderResult<Vec<Subnet>> {
    let ids = network(place)?.subnet_ids.clone();
    let asked = session.asked("look at the workspace's subnets");
    let request = session.ec2.describe_subnets().set_subnet_ids(Some(ids));
    let answer = request.send().await.map_err(|error| errors::of(asked, error))?;
    let mut subnets = answer.subnets.unwrap_or_default();
    subnets.sort_by_key(|subnet| {
        (std::cmp::Reverse(free(subnet)), subnet.subnet_id().unwrap_or_default().to_owned())
    });
    Ok(subnets)
}

pub fn free(subnet: &Subnet) -> i32 {
    subnet.available_ip_address_count().unwrap_or_default()
}

/// Those of the workspace's subnets; the one with most room first.
pub async fn zones(session: &Session, place: &Place) -> ProviderResult<(Vec<String>, String)> {
    let subnets = subnets(session, place).await?;
    let mut zones: Vec<String> =
        subnets.iter().filter_map(|one| one.availability_zone().map(str::to_owned)).collect();
    let roomy = zones.first().cloned().unwrap_or_default();
    zones.sort();
    zones.dedup();
    Ok((zones, roomy))
}

pub async fn launch(aws: &Aws, place: &Place, order: &HostOrder) -> ProviderResult<Host> {
    let session = aws.sessions.open(place).await?;
    let Some(node_id) = &order.node_id else {
        return Err(invalid("A host is ordered for a node."));
    };
    if let Some(host) = started(&session, place, &node_id.to_string()).await? {
        return Ok(host);
    }
    let node_type = aws.types.one(&session, &order.node_type_id).await?;
    let image = aws.images.of(&session, node_type.is_arm).await?;
    let subnets = roomy(subnets(&session, place).await?, order)?;
    let launch = Launch {
        session: &session,
        place,
        order,
        node_id: node_id.to_string(),
        tags: tags::of_order(place, order)?,
        image: &image,
        bid: bid(order, node_type.price)?,
    };
    let spot = order.availability != Availability::OnDemand;
    match launch.anywhere(&subnets, spot).await {
        Err(error) if order.availability == Availability::SpotWithFallback && scarce(&error) => {
            tracing::info!(node_id = launch.node_id, %error, "no spot capacity; on demand then");
            launch.anywhere(&subnets, false).await
        }
        other => other,
    }
}

/// Asks whether a host with this instance profile would be started, by an order as any other.
pub async fn rehearse(aws: &Aws, place: &Place, profile: &str) -> ProviderResult<()> {
    let session = aws.sessions.open(place).await?;
    let order = HostOrder {
        node_type_id: REHEARSED.into(),
        instance_profile_arn: Some(profile.to_owned()),
        ..HostOrder::default()
    };
    let image = aws.images.of(&session, false).await?;
    let subnets = subnets(&session, place).await?;
    let subnet = subnets.first().and_then(|one| one.subnet_id()).unwrap_or_default();
    let launch = Launch {
        session: &session,
        place,
        order: &order,
        node_id: String::new(),
        tags: tags::of_order(place, &order)?,
        image: &image,
        bid: None,
    };
    let asked = session.asked("start a host with the instance profile");
    match launch.request(subnet, false)?.dry_run(true).send().await {
        Ok(_) => Ok(()),
        Err(error) => match errors::of(asked, error) {
            error if error.code.as_deref() == Some("DryRunOperation") => Ok(()),
            error => Err(error),
        },
    }
}

/// What an earlier try of this order started.
async fn started(session: &Session, place: &Place, node: &str) -> ProviderResult<Option<Host>> {
    let mut filters = vec![tags::filter(&format!("tag:{}", tags::NODE), [node])];
    filters.extend(tags::of_place(place));
    let found = hosts::find(session, filters).await?;
    Ok(found.into_iter().find(|host| matches!(host.state, HostState::Pending | HostState::Running)))
}

/// In the zone that is wished, and with an address to give.
fn roomy(subnets: Vec<Subnet>, order: &HostOrder) -> ProviderResult<Vec<Subnet>> {
    let anywhere = order.zone_id.is_empty() || order.zone_id == "auto";
    let in_zone: Vec<Subnet> = subnets
        .into_iter()
        .filter(|subnet| anywhere || subnet.availability_zone() == Some(&order.zone_id))
        .collect();
    if in_zone.is_empty() {
        return Err(invalid(format!(
            "The workspace has no subnet in zone {:.64}. Choose zone auto, or give its network such a subnet.",
            order.zone_id
        )));
    }
    let roomy: Vec<Subnet> = in_zone.into_iter().filter(|subnet| free(subnet) > 0).collect();
    match roomy.is_empty() {
        false => Ok(roomy),
        true => Err(ProviderError {
            kind: Kind::NoFreeAddresses,
            message: "No subnet of the workspace has a free address. End clusters, or give the workspace a \
                      network with larger subnets."
                .into(),
            code: Some("InsufficientFreeAddressesInSubnet".into()),
        }),
    }
}

/// Another zone, or on-demand capacity, may have what is missing here.
fn scarce(error: &ProviderError) -> bool {
    error.kind == Kind::Capacity || error.code.as_deref() == Some("MaxSpotInstanceCountExceeded")
}

struct Launch<'a> {
    session: &'a Session,
    place: &'a Place,
    order: &'a HostOrder,
    node_id: String,
    tags: Vec<Tag>,
    image: &'a Image,
    /// US dollars per hour for spot capacity; None: up to the price on demand.
    bid: Option<String>,
}

fn bid(order: &HostOrder, price: Option<f64>) -> ProviderResult<Option<String>> {
    let Some(percent) = order.spot_bid_percent else { return Ok(None) };
    if order.availability == Availability::OnDemand {
        return Ok(None);
    }
    let price = price.ok_or_else(|| {
        invalid(format!(
            "The price on demand of {:.64} is not known any more, so {percent} % of it cannot be bid. \
             The operator tells it with --aws-price; 100 % needs no price.",
            order.node_type_id
        ))
    })?;
    Ok(Some(format!("{:.5}", price * f64::from(percent) / 100.0)))
}

impl Launch<'_> {
    /// The first subnet whose zone has capacity.
    async fn anywhere(&self, subnets: &[Subnet], spot: bool) -> ProviderResult<Host> {
        let mut refused = None;
        for subnet in subnets.iter().filter_map(|subnet| subnet.subnet_id()) {
            match self.run(subnet, spot).await {
                // Unsupported: this type is not in that zone.
                Err(error)
                    if scarce(&error)
                        || error.kind == Kind::NoFreeAddresses
                        || error.code.as_deref() == Some("Unsupported") =>
                {
                    refused = Some(error);
                }
                other => return other,
            }
        }
        Err(refused.unwrap_or_else(|| invalid("The workspace has no subnet.")))
    }

    /// One subnet and one market: a token of its own each, since a token stands for one set of parameters.
    fn token(&self, subnet: &str, spot: bool) -> String {
        let subnet = subnet.strip_prefix("subnet-").unwrap_or(subnet);
        let market = if spot { "-s" } else { "" };
        format!("{}-{subnet}{market}", self.node_id).chars().take(64).collect()
    }

    async fn run(&self, subnet: &str, spot: bool) -> ProviderResult<Host> {
        let request = self.request(subnet, spot)?.client_token(self.token(subnet, spot));
        let asked = self.session.asked("start a host");
        let answer = request.send().await.map_err(|error| errors::of(asked, error))?;
        let made = answer.instances().first().map(hosts::told);
        made.ok_or_else(|| errors::unavailable("AWS started a host and did not say which.".into()))
    }

    fn request(&self, subnet: &str, spot: bool) -> ProviderResult<RunInstancesFluentBuilder> {
        let order = self.order;
        let script = user_data::script(&order.boot);
        let mut request = self
            .session
            .ec2
            .run_instances()
            .min_count(1)
            .max_count(1)
            .image_id(&self.image.id)
            .instance_type(InstanceType::from(order.node_type_id.as_str()))
            .network_interfaces(self.interface(subnet)?)
            .metadata_options(metadata())
            .block_device_mappings(self.disk())
            .instance_initiated_shutdown_behavior(ShutdownBehavior::Terminate)
            .user_data(base64::engine::general_purpose::STANDARD.encode(script));
        let mut tagged =
            vec![ResourceType::Instance, ResourceType::Volume, ResourceType::NetworkInterface];
        if spot {
            request = request.instance_market_options(market(self.bid.clone()));
            tagged.push(ResourceType::SpotInstancesRequest);
        }
        for resource in tagged {
            let tags = Some(self.tags.clone());
            let spec = TagSpecification::builder().resource_type(resource).set_tags(tags);
            request = request.tag_specifications(spec.build());
        }
        if let Some(arn) = &order.instance_profile_arn {
            let profile = IamInstanceProfileSpecification::builder().arn(arn).build();
            request = request.iam_instance_profile(profile);
        }
        Ok(request)
    }

    fn interface(&self, subnet: &str) -> ProviderResult<InstanceNetworkInterfaceSpecification> {
        let groups = network(self.place)?.security_group_ids.clone();
        Ok(InstanceNetworkInterfaceSpecification::builder()
            .device_index(0)
            .subnet_id(subnet)
            .set_groups(Some(groups))
            .associate_public_ip_address(false)
            .delete_on_termination(true)
            .build())
    }

    fn disk(&self) -> BlockDeviceMapping {
        let wished = self.order.disk_gib.and_then(|gib| i32::try_from(gib).ok());
        let size = wished.unwrap_or(DISK_GIB).max(self.image.disk_gib);
        let volume = EbsBlockDevice::builder()
            .volume_type(VolumeType::Gp3)
            .volume_size(size)
            .encrypted(true)
            .set_kms_key_id(self.place.storage_key_arn.clone())
            .delete_on_termination(true)
            .build();
        BlockDeviceMapping::builder().device_name(&self.image.root_device).ebs(volume).build()
    }
}

/// With a token alone, and one hop: what runs on the host in a network of its own does not get there.
fn metadata() -> InstanceMetadataOptionsRequest {
    InstanceMetadataOptionsRequest::builder()
        .http_endpoint(InstanceMetadataEndpointState::Enabled)
        .http_tokens(HttpTokensState::Required)
        .http_put_response_hop_limit(1)
        .build()
}

/// Without a bid: at up to the price on demand.
fn market(bid: Option<String>) -> InstanceMarketOptionsRequest {
    let spot = SpotMarketOptions::builder()
        .set_max_price(bid)
        .spot_instance_type(SpotInstanceType::OneTime)
        .instance_interruption_behavior(InstanceInterruptionBehavior::Terminate)
        .build();
    InstanceMarketOptionsRequest::builder().market_type(MarketType::Spot).spot_options(spot).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bid_is_a_part_of_the_price_on_demand() {
        let order = |availability, spot_bid_percent| HostOrder {
            availability,
            spot_bid_percent,
            ..HostOrder::default()
        };
        let spot = Availability::SpotWithFallback;
        assert_eq!(bid(&order(spot, None), Some(0.1)), Ok(None));
        assert_eq!(bid(&order(spot, Some(60)), Some(0.115)), Ok(Some("0.06900".into())));
        assert_eq!(bid(&order(spot, Some(250)), Some(0.1)), Ok(Some("0.25000".into())));
        assert_eq!(bid(&order(spot, Some(60)), None).unwrap_err().kind, Kind::Invalid);
        assert_eq!(bid(&order(Availability::OnDemand, Some(60)), None), Ok(None));
    }
}
