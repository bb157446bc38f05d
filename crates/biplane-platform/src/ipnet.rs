//! Networks of addresses: `10.0.0.0/8`, `2001:db8::/32`, or one address.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IpNet {
    /// Zero behind the prefix. IPv4 mapped into IPv6 is kept as IPv4.
    address: IpAddr,
    prefix: u8,
}

#[derive(Debug, Clone, thiserror::Error)]
#[error("{0:?} is not an IP address or a network in CIDR notation")]
pub struct InvalidIpNet(String);

/// An IPv4 address however it is written.
pub fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

fn bits(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)) << 96, 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    }
}

fn mask(prefix: u8) -> u128 {
    match prefix {
        0 => 0,
        prefix => u128::MAX << (128 - u32::from(prefix.min(128))),
    }
}

impl IpNet {
    pub fn one(address: IpAddr) -> Self {
        let address = plain(address);
        Self { address, prefix: bits(address).1 }
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        let ((own, width), (other, other_width)) = (bits(self.address), bits(plain(address)));
        width == other_width && (own ^ other) & mask(self.prefix) == 0
    }

    pub fn is_ipv4(&self) -> bool {
        self.address.is_ipv4()
    }

    /// How many of the bits are given.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Whether the text had no bits behind its prefix: `10.0.0.1/8` has.
    pub fn is_exact(text: &str) -> bool {
        let (Ok(net), Some((address, _))) = (text.parse::<IpNet>(), text.split_once('/')) else {
            return true;
        };
        address.parse::<IpAddr>().is_ok_and(|address| plain(address) == net.address)
    }
}

impl FromStr for IpNet {
    type Err = InvalidIpNet;

    fn from_str(text: &str) -> Result<Self, InvalidIpNet> {
        let invalid = || InvalidIpNet(text.chars().take(64).collect());
        let Some((address, prefix)) = text.split_once('/') else {
            return text.parse().map(Self::one).map_err(|_| invalid());
        };
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        if prefix.is_empty() || !prefix.bytes().all(|b| b.is_ascii_digit()) {
            return Err(invalid());
        }
        let prefix: u8 = prefix.parse().map_err(|_| invalid())?;
        let (own, width) = bits(address);
        if prefix > width {
            return Err(invalid());
        }
        let own = own & mask(prefix);
        let address = match address {
            IpAddr::V4(_) => IpAddr::V4(u32::try_from(own >> 96).unwrap_or_default().into()),
            IpAddr::V6(_) => IpAddr::V6(own.into()),
        };
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for IpNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_their_addresses() {
        let net = |text: &str| text.parse::<IpNet>().unwrap();
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(net("10.0.0.0/8").contains(ip("10.255.0.1")));
        assert!(!net("10.0.0.0/8").contains(ip("11.0.0.1")));
        assert!(net("10.0.0.0/8").contains(ip("::ffff:10.1.2.3")));
        assert!(net("0.0.0.0/0").contains(ip("1.2.3.4")) && !net("0.0.0.0/0").contains(ip("::1")));
        assert!(net("2001:db8::/32").contains(ip("2001:db8:1::1")));
        assert!(
            net("192.0.2.7").contains(ip("192.0.2.7"))
                && !net("192.0.2.7").contains(ip("192.0.2.8"))
        );
        assert_eq!(net("10.1.2.3/8").to_string(), "10.0.0.0/8");
        assert_eq!(net("192.0.2.7").to_string(), "192.0.2.7/32");
        assert!(IpNet::is_exact("10.0.0.0/8") && !IpNet::is_exact("10.0.0.1/8"));
        for bad in
            ["", "10", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/+8", "x/8", "::/129", "10.0.0.0/8/8"]
        {
            assert!(bad.parse::<IpNet>().is_err(), "{bad}");
        }
    }
}
